// Rows of tilewright bench: as JSON, and as a table that is drawn from that JSON.
#include "tilewright/cli/bench_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>

namespace tilewright::cli {
namespace {

// The system counts resident memory in steps that say nothing about small runs, and not what a run
// takes over from the one before.
Index measured_peak(const Plan& p, const BenchResult& r) {
  constexpr Index kLeast = 4 << 20;
  return p.peak_bytes() >= kLeast ? std::max(r.resident_bytes, r.trace.peak_bytes)
                                  : r.trace.peak_bytes;
}

double size_of(const Problem& p, Operand operand) {
  return static_cast<double>(p.spec(operand).bytes());
}

// Every operand once: what any program must move that finds them in main memory.
Roofline roofline_of(const Problem& p, const Ceilings& ceilings) {
  double read = size_of(p, Operand::kSrc) + size_of(p, Operand::kWeights);
  if (p.has_bias()) read += size_of(p, Operand::kBias);
  return roofline(ceilings, p.flop(), read, size_of(p, Operand::kDst));
}

double share(double part, double whole) { return whole > 0 ? part / whole : 0; }

struct Column {
  const char* head;
  int width;
  std::function<std::string(const Json&)> cell;
};

double number(const Json& j, const char* key) { return j[key].get<double>(); }

// Small problems take microseconds, which format_seconds would round away.
std::string time_text(double seconds) {
  return seconds < 1e-3 ? fmt::format("{:.1f} us", seconds * 1e6) : format_seconds(seconds);
}

std::string percent(const Json& j, const char* key) {
  return fmt::format("{:.0f} %", 100 * number(j, key));
}

const std::array<Column, 12>& columns() {
  static const std::array<Column, 12> table{{
      {"seconds", 10, [](const Json& j) { return time_text(number(j, "seconds")); }},
      {"predicted", 10, [](const Json& j) { return time_text(number(j, "predicted_seconds")); }},
      {"GFLOP/s", 8,
       [](const Json& j) { return fmt::format("{:.1f}", number(j, "gflop_per_second")); }},
      {"of peak", 7, [](const Json& j) { return percent(j, "fraction_of_peak"); }},
      {"flop/byte", 9,
       [](const Json& j) { return fmt::format("{:.1f}", number(j, "flop_per_byte")); }},
      {"limit", 8, [](const Json& j) { return fmt::format("{:.1f}", number(j, "limit_gflops")); }},
      {"by", 7, [](const Json& j) { return j["bound_by"].get<std::string>(); }},
      {"of limit", 8, [](const Json& j) { return percent(j, "fraction_of_limit"); }},
      {"x bound", 7,
       [](const Json& j) { return fmt::format("{:.2f}", number(j, "bytes_over_bound")); }},
      {"pieces", 7, [](const Json& j) { return std::to_string(j["pieces"].get<Index>()); }},
      {"peak", 8, [](const Json& j) { return format_bytes(number(j, "peak_bytes")); }},
      {"planned", 9, [](const Json& j) { return format_bytes(number(j, "predicted_peak_bytes")); }},
  }};
  return table;
}

}  // namespace

Json bench_json(const Plan& p, const BenchResult& r, const Ceilings& ceilings) {
  const double seconds = r.median_seconds();
  const double rate = p.problem.flop() / seconds;
  const double moved = r.trace.bytes_read + r.trace.bytes_written;
  const Roofline roof = roofline_of(p.problem, ceilings);
  return {{"problem", p.problem.line()},
          {"kernel", p.kernel.device + ":" + p.kernel.name},
          {"exact", to_string(p.exact)},
          {"threads", p.threads},
          {"budget_bytes", p.budget_bytes},
          {"pieces", p.counts().pieces},
          {"elemental_convolutions", p.counts().elemental_convolutions},
          {"seconds", seconds},
          {"predicted_seconds", p.seconds},
          {"compute_seconds", r.trace.compute_seconds},
          {"flop", p.problem.flop()},
          {"gflop_per_second", rate / 1e9},
          {"peak_gflops", ceilings.peak_flop_per_second / 1e9},
          {"fraction_of_peak", share(rate, ceilings.peak_flop_per_second)},
          {"read_bytes_per_second", ceilings.read_bytes_per_second},
          {"copy_bytes_per_second", ceilings.copy_bytes_per_second},
          {"flop_per_byte", roof.flop_per_byte},
          {"memory_limit_gflops", roof.memory_flop_per_second / 1e9},
          {"limit_gflops", roof.limit_flop_per_second / 1e9},
          {"bound_by", roof.bound_by_memory ? "memory" : "compute"},
          {"fraction_of_limit", share(rate, roof.limit_flop_per_second)},
          {"seconds_each", r.seconds},
          {"peak_bytes", measured_peak(p, r)},
          {"predicted_peak_bytes", p.peak_bytes()},
          {"bytes_moved", moved},
          {"lower_bound_bytes", p.lower_bound_bytes},
          {"bytes_over_bound", share(moved, p.lower_bound_bytes)},
          {"hash", r.trace.hash}};
}

std::string bench_head(const Ceilings& c, int threads) {
  std::string text = fmt::format(
      "{} threads: {:.0f} GFLOP/s multiply-add peak, {:.1f} GB/s read, {:.1f} GB/s copied\n",
      threads, c.peak_flop_per_second / 1e9, c.read_bytes_per_second / 1e9,
      c.copy_bytes_per_second / 1e9);
  for (const Column& column : columns()) text += fmt::format("{:>{}}  ", column.head, column.width);
  return text + "problem, kernel\n";
}

std::string bench_row(const Json& json) {
  std::string text;
  for (const Column& column : columns())
    text += fmt::format("{:>{}}  ", column.cell(json), column.width);
  return text + fmt::format("{}  {}\n", json["problem"].get<std::string>(),
                            json["kernel"].get<std::string>());
}

}  // namespace tilewright::cli
