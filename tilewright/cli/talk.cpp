// Results on stdout, talk on stderr: progress as a bar, plain lines or JSON lines.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "tilewright/cli/command.h"

namespace tilewright::cli {
namespace {

constexpr double kPlainEverySeconds = 2;

bool bar_stands = false;

std::string size_text(Index bytes) { return format_bytes(static_cast<double>(bytes)); }

std::string status(const Progress& p) {
  return fmt::format("{}{}{}/{} pieces, {}/s, {} of {}, {} left", p.output,
                     p.output.empty() ? "" : ": ", p.pieces_done, p.pieces,
                     format_bytes(p.dst_bytes_per_second), size_text(p.bytes_used),
                     size_text(p.budget_bytes), format_seconds(p.seconds_left));
}

void draw_bar(const Progress& p) {
  constexpr int kWidth = 24;
  const int filled = static_cast<int>(p.fraction * kWidth);
  draw_line(fmt::format("[{}{}] {:3.0f} %  {}", std::string(filled, '#'),
                        std::string(kWidth - filled, '.'), p.fraction * 100, status(p)));
}

void print_json(const Progress& p) {
  Json j{{"pieces_done", p.pieces_done},
         {"pieces", p.pieces},
         {"fraction", p.fraction},
         {"seconds", p.seconds},
         {"bytes_per_second", p.dst_bytes_per_second},
         {"bytes_used", p.bytes_used},
         {"budget_bytes", p.budget_bytes},
         {"seconds_left", p.seconds_left}};
  if (!p.output.empty()) j["output"] = p.output;
  fmt::print(stderr, "{}\n", j.dump());
  std::fflush(stderr);
}

bool draws_bar(const std::string& progress) {
  return progress == "bar" || (progress == "auto" && ::isatty(STDERR_FILENO) != 0);
}

}  // namespace

void TalkArguments::define(CLI::App& app, bool with_progress) {
  app.add_flag("--json", json, "results as JSON");
  app.add_flag("--quiet", quiet, "no progress and no remarks");
  if (with_progress)
    app.add_option("--progress", progress, "how progress is shown on stderr")
        ->check(CLI::IsMember({"auto", "bar", "plain", "json", "none"}))
        ->capture_default_str();
}

std::function<void(const Progress&)> TalkArguments::reporter() const {
  if (quiet || progress == "none") return {};
  if (progress == "json") return print_json;
  if (draws_bar(progress)) return draw_bar;
  return [last = 0.0](const Progress& p) mutable {
    const bool end = p.pieces_done == p.pieces;
    if (p.seconds - last < kPlainEverySeconds && !(end && last > 0)) return;
    last = p.seconds;
    fmt::print(stderr, "{:3.0f} %  {}\n", p.fraction * 100, status(p));
  };
}

void draw_line(const std::string& text) {
  bar_stands = true;
  fmt::print(stderr, "\r\x1b[K{}", text);
  std::fflush(stderr);
}

void end_bar() {
  if (bar_stands) fmt::print(stderr, "\n");
  bar_stands = false;
}

void print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (std::fflush(stdout) != 0) throw StoreError("standard output cannot be written");
}

std::string text_of(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

Json result_json(const Plan& plan, const Trace& t) {
  return {{"problem", plan.problem.line()},
          {"seconds", t.seconds},
          {"read_seconds", t.read_seconds},
          {"compute_seconds", t.compute_seconds},
          {"write_seconds", t.write_seconds},
          {"flop_per_second", plan.problem.flop() / t.seconds},
          {"peak_bytes", t.peak_bytes},
          {"resident_peak_bytes", resident_peak_bytes()},
          {"planned_peak_bytes", plan.peak_bytes()},
          {"budget_bytes", plan.budget_bytes},
          {"bytes_read", static_cast<Index>(t.bytes_read)},
          {"bytes_written", static_cast<Index>(t.bytes_written)},
          {"lower_bound_bytes", plan.lower_bound_bytes},
          {"pieces", t.pieces},
          {"steps", t.steps},
          {"exact", to_string(plan.exact)},
          {"bound", plan.bound},
          {"kernel", plan.kernel.device + ":" + plan.kernel.name},
          {"threads", plan.threads},
          {"hash", t.hash}};
}

std::string result_text(const std::string& dst, const Plan& plan, const Trace& t) {
  return fmt::format(
      "{}: {} piece{} in {}, peak {} of {}, moved {} ({:.2f} x the lower bound), "
      "exact {}, hash {}\n",
      dst, t.pieces, t.pieces == 1 ? "" : "s", format_seconds(t.seconds),
      format_bytes(static_cast<double>(t.peak_bytes)),
      format_bytes(static_cast<double>(plan.budget_bytes)),
      format_bytes(t.bytes_read + t.bytes_written),
      (t.bytes_read + t.bytes_written) / plan.lower_bound_bytes, to_string(plan.exact), t.hash);
}

Json plan_json(const Plan& plan) { return Json::parse(plan.to_json()); }

}  // namespace tilewright::cli
