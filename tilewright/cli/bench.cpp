// tilewright bench: problems on generated data in memory; predicted and possible next to measured.
#include <fmt/format.h>

#include <memory>

#include "tilewright/cli/bench_report.h"
#include "tilewright/cli/commands.h"

namespace tilewright::cli {
namespace {

constexpr Index kMostRepetitions = 1'000'000;

struct Arguments {
  std::vector<std::string> problems, files;
  std::string force, against, kernel_impl, exact = "stable";
  int repeat = 5;
  bool against_automatic = false;
  MachineArguments machine;
  TalkArguments talk;
};

// The tensors are outside the budget, so a problem line could ask for more than there is.
void check_fits(const Plan& p) {
  const Problem& problem = p.problem;
  double bytes = static_cast<double>(p.peak_bytes());
  for (const Operand o : {Operand::kSrc, Operand::kWeights, Operand::kDst})
    bytes += static_cast<double>(problem.spec(o).bytes());
  const double free = 2.0 * static_cast<double>(local_machine().host_bytes);
  if (bytes > free)
    throw InvalidArgument(
        fmt::format("{}: bench holds all tensors in memory, {} with the plan's, and {} are free; "
                    "time a smaller "
                    "problem, or conv from file to file",
                    problem.line(), format_bytes(bytes), format_bytes(free)));
}

// Cuts of the plans that are timed in turn with the first.
std::vector<std::string> others(const Arguments& a) {
  std::vector<std::string> list;
  if (!a.against.empty()) list.push_back(a.against);
  if (a.against_automatic) list.emplace_back();
  return list;
}

void run(const Arguments& a) {
  const std::vector<Problem> problems = problems_of(a.problems, a.files);
  if (problems.empty())
    throw InvalidArgument("give a PROBLEM line, or a file of them: --problems FILE");
  const Machine machine = a.machine.machine();
  const Ceilings ceilings = measure_ceilings(machine.threads);
  PlanOptions options;
  options.least = parse_exactness(a.exact);
  options.kernel = a.kernel_impl;
  options.src.in_place = options.weights.in_place = options.dst.in_place = true;
  bool headed = a.talk.json;
  for (const Problem& problem : problems) {
    options.force = a.force;
    std::vector<Plan> plans{plan(problem, machine, options)};
    for (const std::string& other : others(a)) {
      options.force = other;
      plans.push_back(plan(problem, machine, options));
    }
    for (const Plan& p : plans) check_fits(p);
    const auto results = bench(plans, a.repeat, &cancelled());
    if (!headed) print(bench_head(ceilings, machine.threads));
    headed = true;
    for (std::size_t i = 0; i < plans.size(); ++i) {
      const Json j = bench_json(plans[i], results[i], ceilings);
      print(a.talk.json ? text_of(j) + "\n" : bench_row(j));
    }
  }
}

}  // namespace

void define_bench(CLI::App& app, int&) {
  auto a = std::make_shared<Arguments>();
  app.add_option("PROBLEM", a->problems, "problem lines, or files of them");
  app.add_option("--problems", a->files, "file of problem lines; # starts a comment")
      ->type_name("FILE")
      ->allow_extra_args(false);
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
