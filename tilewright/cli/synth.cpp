// tilewright synth: writes a generated picture or array of any size, strip by strip.
#include <fmt/format.h>

#include <memory>

#include "tilewright/cli/commands.h"

namespace tilewright::cli {
namespace {

struct Arguments {
  std::string dst, pattern = "noise", size, dtype = "float32";
  std::uint64_t seed = 1;
  MachineArguments machine;
  TalkArguments talk;
  bool overwrite = false;
};

// "512x512", "3x512x512" or "1x3x512x512", as y x, c y x or n c y x.
std::vector<Index> parse_size(const std::string& text) {
  std::vector<Index> sizes;
  for (const std::string& part : split(text, 'x')) {
    sizes.push_back(parse_index(part, "--size '" + text + "'"));
    if (sizes.back() < 1) throw InvalidArgument("--size '" + text + "': must be at least 1");
  }
  if (sizes.size() < 2 || sizes.size() > 4)
    throw InvalidArgument("--size '" + text + "': must be YxX, CxYxX or NxCxYxX");
  return sizes;
}

std::string source_name(const Arguments& a, const std::vector<Index>& sizes) {
  constexpr std::array<const char*, 4> kKeys{"n", "c", "y", "x"};
  std::string name = fmt::format("synth:{},dtype={},seed={}", a.pattern, a.dtype, a.seed);
  for (std::size_t i = 0; i < sizes.size(); ++i)
    name += fmt::format(",{}={}", kKeys[4 - sizes.size() + i], sizes[i]);
  return name;
}

void run(const Arguments& a) {
  if (a.pattern.find_first_of(",=:") != std::string::npos)
    throw InvalidArgument(fmt::format("--pattern '{}': must be one name; see --help", a.pattern));
  const auto sizes = parse_size(a.size);
  const auto src = open_store(source_name(a, sizes));
  RunOptions options;
  options.cancel = &cancelled();
  options.progress = a.talk.reporter();
  const Trace t = copy_store(*src, a.dst, static_cast<int>(sizes.size()), a.overwrite,
                             a.machine.machine(), options);
  end_bar();
  if (a.talk.json)
    return print(Json{{"seconds", t.seconds},
                      {"bytes_written", t.bytes_written},
                      {"peak_bytes", t.peak_bytes},
                      {"hash", t.hash}}
                     .dump() +
                 "\n");
  if (!a.talk.quiet)
    print(fmt::format("{}: {} in {}, hash {}\n", a.dst, format_bytes(t.bytes_written),
                      format_seconds(t.seconds), t.hash));
}

}  // namespace

void define_synth(CLI::App& app, int&) {
  auto a = std::make_shared<Arguments>();
  app.add_option("DST", a->dst, "file to write: .tif, .npy or .zarr")->required();
  app.add_option("--size", a->size, "YxX, CxYxX or NxCxYxX")->required();
  app.add_option("--pattern", a->pattern, "noise, ints, gradient, checker, zone or impulse")
      ->capture_default_str();
  app.add_option("--dtype", a->dtype, "element type")->capture_default_str();
  integer_option(app, "--seed", a->seed, "of the noise", 0, kMostIndex)
      ->default_str(std::to_string(a->seed));
  a->machine.define(app);
  a->talk.define(app, true);
  app.add_flag("--overwrite", a->overwrite, "replace an existing DST");
  app.callback([a] { run(*a); });
}

}  // namespace tilewright::cli
