// Options that several commands share, and their reading.
#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include "tilewright/cli/command.h"

namespace tilewright::cli {
namespace {

Conv2dOptions::Pair parse_pair(const std::string& text, const std::string& what) {
  std::vector<std::string> parts;
  std::stringstream stream(text);
  for (std::string part; std::getline(stream, part, ',');) parts.push_back(part);
  if (parts.size() == 1) parts.push_back(parts[0]);
  if (parts.size() != 2 || text.find_first_not_of("0123456789,-") != std::string::npos)
    throw InvalidArgument(fmt::format(
        "{} '{}': must be Y,X or one number; write for instance {} 2,2", what, text, what));
  const std::string where = fmt::format("{} '{}'", what, text);
  const Conv2dOptions::Pair pair{parse_index(parts[0], where), parse_index(parts[1], where)};
  if (pair.y < 1 || pair.x < 1)
    throw InvalidArgument(fmt::format("{} '{}': must be at least 1", what, text));
  return pair;
}

Padding parse_padding(const std::string& text) {
  if (text == "same") return Padding::same();
  if (text == "valid") return Padding::valid();
  const auto parts = split(text, ',');
  const bool one = parts.size() == 1 && text.find_first_not_of("-0123456789") == std::string::npos;
  if (parts.size() != 4 && (!one || text.empty()))
    throw InvalidArgument(fmt::format(
        "--padding '{}': must be same, valid, N for all sides or TOP,BOTTOM,LEFT,RIGHT", text));
  std::array<Index, 4> v{};
  for (std::size_t i = 0; i < 4; ++i) {
    v[i] = parse_index(parts[one ? 0 : i], fmt::format("--padding '{}'", text));
    if (v[i] < 0) throw InvalidArgument(fmt::format("--padding '{}': must not be negative", text));
  }
  return Padding::sides(v[0], v[1], v[2], v[3]);
}

Index parse_memory(const std::string& text) {
  try {
    if (const Index bytes = parse_bytes(text); bytes > 0) return bytes;
  } catch (const InvalidArgument& e) {
    throw InvalidArgument(fmt::format("--memory: {}", e.what()));
  }
  throw InvalidArgument(fmt::format("--memory '{}': must be more than 0 bytes", text));
}

const char* help_of(const char* parameter) {
  for (const ParameterInfo& p : conv2d_parameters())
    if (std::string(p.name) == parameter) return p.help;
  return "";
}

std::string option_of(const char* parameter) { return std::string("--") + parameter; }

}  // namespace

void MachineArguments::define(CLI::App& app) {
  app.add_option("--memory", memory, "bytes allowed, e.g. 512MiB (default: half of what is free)")
      ->type_name("SIZE");
  integer_option(app, "--threads", threads, "threads that compute (default: all processors)", 1,
                 kMostThreads);
  app.add_flag("--no-tune", no_tune, "plan with first guesses, whatever tilewright tune measured");
}

Machine MachineArguments::machine() const {
  MachineLimits limits;
  if (!memory.empty()) {
    limits.host_bytes = parse_memory(memory);
  }
  limits.threads = threads;
  const Machine machine = no_tune ? untuned_machine() : local_machine();
  if (!machine.remark.empty()) fmt::print(stderr, "tilewright: {}\n", machine.remark);
  return machine.limited_to(limits);
}

void ConvolveArguments::define(CLI::App& app) {
  app.add_option("--weights", weights, "weights [co,ci/g,ky,kx], or [ky,kx]")->type_name("W.npy");
  app.add_option("--kernel", kernel,
                 "filter for each band: gauss:sigma=3 (alone: 1), box:9 (alone: 3), sobel-x, "
                 "sobel-y, laplace, sharpen, "
                 "identity, or rows [[0,1,0],[1,-4,1],[0,1,0]]")
      ->type_name("SPEC");
  app.add_option("--bias", bias, "one number per output channel")->type_name("B.npy");
  define_layer(app);
  define_dtype(app, "same|uint8|...|float64");
  define_run(app);
  app.add_option("--plan", plan_file, "take cuts, kernel, budget and threads from a saved plan")
      ->type_name("FILE");
}

void ConvolveArguments::define_layer(CLI::App& app) {
  const auto parameter = [&](const char* name, std::string& value) {
    const char* values = "";
    for (const ParameterInfo& p : conv2d_parameters())
      if (std::string(p.name) == name) values = p.values;
    app.add_option(option_of(name), value, help_of(name))->type_name(values)->capture_default_str();
  };
  parameter("padding", padding);
  parameter("padding-mode", padding_mode);
  parameter("stride", stride);
  parameter("dilation", dilation);
  integer_option(app, "--groups", groups, help_of("groups"), 1, kMostIndex)->type_name("G");
  app.add_flag("--flip", flip, help_of("flip"));
}

void ConvolveArguments::define_dtype(CLI::App& app, const std::string& types) {
  app.add_option("--dtype", dtype,
                 "type of the output (default: float32, or float64 where the source needs it)")
      ->type_name(types);
}

void ConvolveArguments::define_run(CLI::App& app) {
  machine.define(app);
  app.add_option("--exact", exact, "least exactness accepted [stable]")
      ->type_name("bits|stable|bound");
  app.add_option("--force", force, "forced cuts, e.g. tile=128x128,co=128,ci=128");
  app.add_option("--kernel-impl", kernel_impl, "forced kernel, e.g. reference or cpu:direct");
}

PlanOptions ConvolveArguments::planning() const {
  PlanOptions options;
  options.least = parse_exactness(exact.empty() ? "stable" : exact);
  options.force = force;
  options.kernel = kernel_impl;
  return options;
}

void ConvolveArguments::refuse_beside_problem_line() const {
  const ConvolveArguments none;
  const std::pair<const char*, bool> given[] = {
      {"--weights", weights != none.weights}, {"--kernel", kernel != none.kernel},
      {"--bias", bias != none.bias},          {"--dtype", dtype != none.dtype},
      {"--padding", padding != none.padding}, {"--padding-mode", padding_mode != none.padding_mode},
      {"--stride", stride != none.stride},    {"--dilation", dilation != none.dilation},
      {"--groups", groups != none.groups},    {"--flip", flip != none.flip},
      {"--plan", plan_file != none.plan_file}};
  for (const auto& [name, yes] : given)
    if (yes)
      throw InvalidArgument(fmt::format(
          "{}: is for files; a problem line says it in its own words, leave the option out", name));
}

Conv2dOptions ConvolveArguments::layer_options() const {
  Conv2dOptions o;
  o.stride = parse_pair(stride, "--stride");
  o.dilation = parse_pair(dilation, "--dilation");
  o.padding = parse_padding(padding);
  o.padding_mode = parse_padding_mode(padding_mode);
  o.groups = groups;
  o.flip = flip;
  return o;
}

ConvolveRequest ConvolveArguments::request(const std::string& src, const std::string& dst) const {
  ConvolveRequest r;
  r.src = src;
  r.dst = dst;
  r.weights = weights;
  r.kernel = kernel;
  r.bias = bias;
  r.options = layer_options();
  r.dtype = dtype;
  r.planning = planning();
  if (!plan_file.empty()) {
    if (!force.empty() || !kernel_impl.empty() || machine.given())
      throw InvalidArgument(
          fmt::format("--plan {}: has its own cuts, kernel, budget and threads; leave out --force, "
                      "--kernel-impl, --memory and --threads, or make a new plan",
                      plan_file));
    r.exact_given = !exact.empty();
    r.saved_plan = read_text(plan_file);
    r.saved_plan_name = plan_file;
  }
  return r;
}

Index parse_integer(const std::string& text, const std::string& what, Index least, Index most) {
  std::optional<Index> value;
  try {
    value = parse_index(text, what);
  } catch (const InvalidArgument&) {
  }
  if (value && *value >= least && *value <= most) return *value;
  const std::string range = most == kMostIndex ? fmt::format("of at least {}", least)
                                               : fmt::format("between {} and {}", least, most);
  throw InvalidArgument(fmt::format("{} '{}': must be a whole number {}", what, text, range));
}

void write_text(const std::string& path, const std::string& text, bool overwrite) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (!overwrite && fs::exists(fs::symlink_status(path, error)))
    throw StoreError(path + ": exists; use --overwrite to replace it, or another name");
  const std::string partial = path + ".partial";
  std::ofstream file(partial);
  file << text;
  file.close();
  if (file) fs::rename(partial, path, error);
  if (file && !error) return;
  if (std::error_code ignored; fs::is_regular_file(partial, ignored)) fs::remove(partial, ignored);
  throw StoreError(path + ": cannot be written; check the folder and its permissions and space");
}

bool is_problem_line(const std::string& text) {
  std::error_code error;
  return text.find(' ') != std::string::npos && !std::filesystem::exists(text, error);
}

std::string read_text(const std::string& path) {
  constexpr std::size_t kMost = std::size_t{1} << 20;
  std::ifstream file(path, std::ios::binary);
  std::string text(kMost + 1, '\0');
  if (file) file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad() || (file.fail() && !file.eof()))
    throw StoreError(fmt::format("{}: cannot be read; name a text file", path));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kMost)
    throw StoreError(fmt::format("{}: too large for a plan or a list of problems", path));
  return text;
}

}  // namespace tilewright::cli
