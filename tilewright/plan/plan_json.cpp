// Writing and reading of saved plans.
#include "tilewright/plan/plan_json.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "tilewright/plan/force.h"

namespace tilewright {
namespace {

using Json = nlohmann::ordered_json;
constexpr int kVersion = 1;

Json counts_json(const Counts& c) {
  return {{"tiles", c.tiles},
          {"channel_blocks", c.channel_blocks},
          {"tap_blocks", c.tap_blocks},
          {"pieces", c.pieces},
          {"steps_per_piece", c.steps_per_piece},
          {"elemental_convolutions", c.elemental_convolutions}};
}

Json memory_json(const MemoryUse& m) {
  return {{"src_tiles", m.src_tiles}, {"dst_tiles", m.dst_tiles}, {"weights", m.weights},
          {"bias", m.bias},           {"workspace", m.workspace}, {"stores", m.stores}};
}

template <class T>
T get(const Json& json, const char* key) {
  const auto at = json.find(key);
  if (at == json.end()) throw InvalidArgument(fmt::format("the key '{}' is missing", key));
  // Numbers that only convert to a T (fractions, 1e300) are as wrong as texts.
  const bool fits = std::is_integral_v<T> ? at->is_number_integer() : at->is_string();
  if (!fits) throw InvalidArgument(fmt::format("the key '{}' has a wrong type", key));
  return at->get<T>();
}

Json parse_object(const std::string& text) {
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded() || !json.is_object())
    throw InvalidArgument("not a JSON object; make one with tilewright plan --save");
  return json;
}

}  // namespace

std::string Plan::to_json() const {
  Json j;
  j["tilewright_plan"] = kVersion;
  j["problem"] = problem.line();
  j["force"] = force_text(*this);
  j["kernel"] = kernel.device + ":" + kernel.name;
  j["exact"] = to_string(exact);
  j["budget_bytes"] = budget_bytes;
  j["threads"] = threads;
  j["bound"] = bound;
  j["counts"] = counts_json(counts());
  j["memory_bytes"] = memory_json(memory);
  j["peak_bytes"] = peak_bytes();
  j["one_piece_bytes"] = one_piece_bytes;
  j["smallest_budget_bytes"] = smallest_budget_bytes;
  j["bytes_read"] = moved.src_bytes + moved.weights_bytes;
  j["bytes_written"] = moved.dst_bytes;
  j["lower_bound_bytes"] = lower_bound_bytes;
  j["compute_seconds"] = compute_seconds;
  j["seconds"] = seconds;
  return j.dump(2);
}

namespace {

// Without the name of the file, which every message gets.
SavedPlan parse_unnamed(const std::string& text) {
  const Json j = parse_object(text);
  if (const Index version = get<Index>(j, "tilewright_plan"); version != kVersion)
    throw InvalidArgument(
        fmt::format("version {} is not readable, this is version {}; make "
                    "one with tilewright plan --save",
                    version, kVersion));
  SavedPlan s;
  s.problem = parse_problem(get<std::string>(j, "problem"));
  s.force = get<std::string>(j, "force");
  s.kernel = get<std::string>(j, "kernel");
  s.exact = parse_exactness(get<std::string>(j, "exact"));
  s.budget_bytes = get<Index>(j, "budget_bytes");
  const Index threads = get<Index>(j, "threads");
  if (s.budget_bytes < 1 || threads < 1 || threads > kMostThreads)
    throw InvalidArgument(
        fmt::format("threads {} and budget_bytes {} are not possible; threads are 1 to {}", threads,
                    s.budget_bytes, kMostThreads));
  s.threads = static_cast<int>(threads);
  parse_force(s.force, s.problem);
  if (s.force.empty() || s.kernel.empty())
    throw InvalidArgument("the force or the kernel is empty; make one with tilewright plan --save");
  return s;
}

}  // namespace

SavedPlan parse_saved_plan(const std::string& text, const std::string& name) {
  try {
    return parse_unnamed(text);
  } catch (const InvalidArgument& e) {
    throw InvalidArgument(fmt::format("{}: {}", name, e.what()));
  }
}

}  // namespace tilewright
