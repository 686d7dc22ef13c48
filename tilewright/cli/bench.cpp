// tilewright bench: problems on generated data in memory; predicted next to measured.
#include <fmt/format.h>

#include <memory>
#include <sstream>

#include "tilewright/cli/commands.h"

namespace tilewright::cli {
namespace {

constexpr Index kMostRepetitions = 1'000'000;

struct Arguments {
  std::vector<std::string> problems;
  std::string force, against, kernel_impl, exact = "stable";
  int repeat = 5;
  bool against_automatic = false;
  MachineArguments machine;
  TalkArguments talk;
};

// Problem lines as they stand; other words are files of problem lines, # starting a comment.
std::vector<Problem> problems(const std::vector<std::string>& words) {
  std::vector<Problem> list;
  for (const std::string& w : words) {
    if (is_problem_line(w)) {
      list.push_back(parse_problem(w));
      continue;
    }
    std::stringstream text(read_text(w));
    int number = 0;
    for (std::string line; std::getline(text, line);) {
      ++number;
      if (line.empty() || line[0] == '#') continue;
      try {
        list.push_back(parse_problem(line));
      } catch (const InvalidArgument& e) {
        throw InvalidArgument(fmt::format("{}:{}: {}", w, number, e.what()));
      }
    }
  }
  return list;
}

// The system counts resident memory in steps that say nothing about small runs.
Index measured_peak(const Plan& p, const BenchResult& r) {
  constexpr Index kLeast = 4 << 20;
  return r.resident_bytes > 0 && p.peak_bytes() >= kLeast ? r.resident_bytes : r.trace.peak_bytes;
}

Json row(const Plan& p, const BenchResult& r, double peak) {
  const double seconds = r.median_seconds();
  const double gflops = p.problem.flop() / seconds / 1e9;
  return {{"problem", p.problem.line()},
          {"pieces", p.counts().pieces},
          {"elemental_convolutions", p.counts().elemental_convolutions},
          {"seconds", seconds},
          {"predicted_seconds", p.seconds},
          {"compute_seconds", r.trace.compute_seconds},
          {"gflop_per_second", gflops},
          {"fraction_of_peak", peak > 0 ? gflops / peak : 0},
          {"seconds_each", r.seconds},
          {"peak_bytes", measured_peak(p, r)},
          {"predicted_peak_bytes", p.peak_bytes()},
          {"bytes_moved", r.trace.bytes_read + r.trace.bytes_written},
          {"lower_bound_bytes", p.lower_bound_bytes},
          {"hash", r.trace.hash}};
}

std::string row_text(const Json& j) {
  return fmt::format(
      "{}\n  {} pieces  {} (predicted {})  {:.1f} GFLOP/s = {:.0f} % of peak\n"
      "  peak {} (predicted {})  moved {:.2f} x the lower bound\n",
      j["problem"].get<std::string>(), j["pieces"].get<Index>(),
      format_seconds(j["seconds"].get<double>()),
      format_seconds(j["predicted_seconds"].get<double>()), j["gflop_per_second"].get<double>(),
      100 * j["fraction_of_peak"].get<double>(), format_bytes(j["peak_bytes"].get<double>()),
      format_bytes(j["predicted_peak_bytes"].get<double>()),
      j["bytes_moved"].get<double>() / j["lower_bound_bytes"].get<double>());
}

// Cuts of the plans that are timed in turn with the first.
std::vector<std::string> others(const Arguments& a) {
  std::vector<std::string> list;
  if (!a.against.empty()) list.push_back(a.against);
  if (a.against_automatic) list.emplace_back();
  return list;
}

void run(const Arguments& a) {
  const Machine machine = a.machine.machine();
  const double peak = fma_peak(machine.threads);
  PlanOptions options;
  options.least = parse_exactness(a.exact);
  options.kernel = a.kernel_impl;
  options.src.in_place = options.dst.in_place = true;
  for (const Problem& problem : problems(a.problems)) {
    options.force = a.force;
    std::vector<Plan> plans{plan(problem, machine, options)};
    for (const std::string& other : others(a)) {
      options.force = other;
      plans.push_back(plan(problem, machine, options));
    }
    const auto results = bench(plans, a.repeat, &cancelled());
    for (std::size_t i = 0; i < plans.size(); ++i) {
      const Json j = row(plans[i], results[i], peak);
      print(a.talk.json ? j.dump() + "\n" : row_text(j));
    }
  }
}

}  // namespace

void define_bench(CLI::App& app, int&) {
  auto a = std::make_shared<Arguments>();
  app.add_option("PROBLEM", a->problems, "problem lines, or files of them")->required();
  integer_option(app, "--repeat", a->repeat, "counted repetitions", 1, kMostRepetitions)
      ->default_str(std::to_string(a->repeat));
  app.add_option("--force", a->force, "forced cuts");
  app.add_option("--against", a->against, "other forced cuts, timed in turn with the first");
  app.add_flag("--against-automatic", a->against_automatic,
               "time the automatic plan too, in turn with the forced one");
  app.add_option("--kernel-impl", a->kernel_impl, "forced kernel");
  app.add_option("--exact", a->exact, "least exactness accepted")->capture_default_str();
  a->machine.define(app);
  a->talk.define(app, false);
  app.callback([a] { run(*a); });
}

}  // namespace tilewright::cli
