// JSON with what was measured, not with what follows from it: rates are fitted when it is read, so
// a wrong file can make plans slow, never wrong.
#include "tilewright/api/tune_store.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tilewright/api/report.h"
#include "tilewright/base/text.h"

namespace tilewright {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

constexpr int kFormat = 2;
constexpr std::size_t kMostBytes = std::size_t{1} << 20, kMostRuns = 2000;
constexpr double kLeastSeconds = 1e-8, kMostSeconds = 1e4;
constexpr double kMostFlop = 1e14, kMostFileBytes = 1e14;

std::string processor() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const auto colon = line.find(':');
    const bool names = line.starts_with("model name") || line.starts_with("CPU part");
    if (names && colon + 2 < line.size()) return line.substr(colon + 2);
  }
  return "processor";
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string cache_folder() {
  // The specification of these folders says that relative names are to be ignored.
  if (const std::string cache = environment("XDG_CACHE_HOME"); cache.starts_with('/'))
    return cache + "/tilewright";
  const std::string home = environment("HOME");
  return home.starts_with('/') ? home + "/.cache/tilewright" : "";
}

const Json& member(const Json& json, const char* key) {
  const auto at = json.find(key);
  if (at == json.end()) throw InvalidArgument(fmt::format("the key '{}' is missing", key));
  return *at;
}

double number(const Json& json, const char* key, double least, double most) {
  const Json& value = member(json, key);
  const double v = value.is_number() ? value.get<double>() : -1;
  if (v >= least && v <= most) return v;
  throw InvalidArgument(
      fmt::format("the key '{}' is not a number from {:g} to {:g}", key, least, most));
}

std::string text(const Json& json, const char* key) {
  const Json& value = member(json, key);
  if (value.is_string() && value.get_ref<const std::string&>().size() < 400)
    return value.get<std::string>();
  throw InvalidArgument(fmt::format("the key '{}' is not a short text", key));
}

const Json& list(const Json& json, const char* key) {
  const Json& value = member(json, key);
  if (value.is_array() && value.size() <= kMostRuns) return value;
  throw InvalidArgument(fmt::format("the key '{}' is not a list of at most {}", key, kMostRuns));
}

MeasuredRun parse_run(const Json& json) {
  if (!json.is_object()) throw InvalidArgument("a run is not an object");
  const auto seconds = [&](const char* key, double least) {
    return number(json, key, least, kMostSeconds);
  };
  MeasuredRun run{text(json, "kernel"),        parse_problem(text(json, "problem")),
                  seconds("read_seconds", 0),  seconds("compute_seconds", kLeastSeconds),
                  seconds("write_seconds", 0), seconds("seconds", kLeastSeconds)};
  if (!(run.problem.flop() <= kMostFlop))
    throw InvalidArgument(fmt::format("'{}' is too large", run.problem.line()));
  return run;
}

MeasuredFile parse_file(const Json& json) {
  if (!json.is_object()) throw InvalidArgument("a file is not an object");
  return {number(json, "bytes", 1, kMostFileBytes),
          number(json, "read_seconds", kLeastSeconds, kMostSeconds),
          number(json, "write_seconds", kLeastSeconds, kMostSeconds)};
}

// Texts from outside end up on terminals.
std::string plain(std::string s) {
  for (char& c : s)
    if (c < ' ' || c > '~') c = '?';
  return s;
}

std::string read_small(const std::string& path) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) throw InvalidArgument("not a regular file");
  std::ifstream file(path, std::ios::binary);
  std::string bytes(kMostBytes + 1, '\0');
  if (file) file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (file.bad() || (file.fail() && !file.eof())) throw InvalidArgument("cannot be read");
  bytes.resize(static_cast<std::size_t>(file.gcount()));
  if (bytes.size() > kMostBytes) throw InvalidArgument("too large");
  return bytes;
}

}  // namespace

std::string hardware_key(int threads) {
  std::string key = fmt::format("{}; {} threads; tilewright {} format {}", plain(processor()),
                                threads, version(), kFormat);
  for (const std::string& device : device_descriptions()) key += "; " + device;
  return key;
}

std::string tune_path(int threads) {
  if (const std::string given = environment("TILEWRIGHT_TUNE"); !given.empty())
    return given == "none" ? "" : given;
  const std::string folder = cache_folder();
  if (folder.empty()) return "";
  return fmt::format("{}/machine-{}.json", folder, hex16(text_hash(hardware_key(threads))));
}

std::string to_json(const Measurements& found) {
  Json j{{"tilewright_tune", kFormat},
         {"hardware", hardware_key(found.threads)},
         {"threads", found.threads},
         {"measured", found.when}};
  j["runs"] = Json::array();
  for (const MeasuredRun& r : found.runs)
    j["runs"].push_back({{"kernel", r.kernel},
                         {"problem", r.problem.line()},
                         {"read_seconds", r.read_seconds},
                         {"compute_seconds", r.compute_seconds},
                         {"write_seconds", r.write_seconds},
                         {"seconds", r.seconds}});
  j["files"] = Json::array();
  for (const MeasuredFile& f : found.files)
    j["files"].push_back(
        {{"bytes", f.bytes}, {"read_seconds", f.read_seconds}, {"write_seconds", f.write_seconds}});
  return j.dump(1) + "\n";
}

Measurements parse_measurements(const std::string& json) {
  const Json j = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (j.is_discarded() || !j.is_object()) throw InvalidArgument("not a JSON object");
  Measurements found;
  number(j, "tilewright_tune", kFormat, kFormat);
  found.threads = static_cast<int>(number(j, "threads", 1, kMostThreads));
  if (text(j, "hardware") != hardware_key(found.threads))
    throw InvalidArgument("made for another machine or version");
  found.when = plain(text(j, "measured"));
  for (const Json& run : list(j, "runs")) found.runs.push_back(parse_run(run));
  for (const Json& file : list(j, "files")) found.files.push_back(parse_file(file));
  return found;
}

void check_replaceable(const std::string& path) {
  std::error_code error;
  if (!fs::exists(path, error)) return;
  std::string begin(200, '\0');
  if (fs::is_regular_file(path, error)) {
    std::ifstream file(path, std::ios::binary);
    file.read(begin.data(), static_cast<std::streamsize>(begin.size()));
    begin.resize(static_cast<std::size_t>(file.gcount()));
    // Damaged files and those of other versions may go as well, unreadable ones stay.
    if (!file.is_open()) begin = "?";
    if (begin.empty() || begin.find("\"tilewright_tune\"") != std::string::npos) return;
  }
  throw StoreError(plain(path) +
                   ": exists and holds no measurements; name another file with --store");
}

void save_measurements(const std::string& path, const Measurements& found) {
  check_replaceable(path);
  const std::string partial = fmt::format("{}.{}.partial", path, ::getpid());
  std::error_code error;
  if (const fs::path folder = fs::path(path).parent_path(); !folder.empty())
    fs::create_directories(folder, error);
  std::ofstream file(partial);
  file << to_json(found);
  file.close();
  if (file) fs::rename(partial, path, error);
  if (file && !error) return;
  if (std::error_code ignored; fs::is_regular_file(partial, ignored)) fs::remove(partial, ignored);
  throw StoreError(path + ": cannot be written; name another file with --store");
}

std::optional<Measurements> load_measurements(const std::string& path, int threads,
                                              std::string& remark) {
  std::error_code error;
  const bool missing = !fs::exists(path, error);
  if (path.empty() || (missing && path != environment("TILEWRIGHT_TUNE"))) return std::nullopt;
  try {
    if (missing) throw InvalidArgument("there is no such file");
    Measurements found = parse_measurements(read_small(path));
    if (found.threads != threads) throw InvalidArgument("made for another number of threads");
    return found;
  } catch (const Error& e) {
    remark = fmt::format("{}: {}; planning with defaults, measure again with tilewright tune",
                         plain(path), plain(e.what()));
    return std::nullopt;
  }
}

}  // namespace tilewright
