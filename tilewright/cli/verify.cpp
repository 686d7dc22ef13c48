// tilewright verify: a file against its inputs, or a problem line on generated data.
#include <fmt/format.h>

#include <memory>

#include "tilewright/cli/commands.h"

namespace tilewright::cli {
namespace {

struct Arguments {
  std::string src, dst;
  ConvolveArguments convolve;
  TalkArguments talk;
  VerifyOptions options;
  bool integers = false;
};

VerifyReport check(const Arguments& a) {
  const Machine machine = a.convolve.machine.machine();
  if (is_problem_line(a.src)) {
    if (!a.dst.empty()) throw InvalidArgument("verify: a problem line takes no DST");
    a.convolve.refuse_beside_problem_line();
    const Plan p = plan(parse_problem(a.src), machine, a.convolve.planning());
    return verify_plan(p, a.options.seed, a.integers, &cancelled());
  }
  if (a.dst.empty()) throw InvalidArgument("verify: name SRC and DST, or a \"PROBLEM LINE\"");
  ConvolveRequest request = a.convolve.request(a.src, a.dst);
  Convolution c = prepare(request, machine);
  VerifyOptions options = a.options;
  options.cancel = &cancelled();
  options.progress = a.talk.reporter();
  const VerifyReport report = verify(request, c, machine, options);
  end_bar();
  return report;
}

void run(const Arguments& a, int& exit_code) {
  const VerifyReport r = check(a);
  exit_code = r.equal() ? kOk : kDiffers;
  if (a.talk.json) {
    const Json j{{"equal", r.equal()},
                 {"windows", r.windows},
                 {"elements", r.elements},
                 {"differing", r.differing},
                 {"first_difference", r.first_difference},
                 {"largest_difference", r.largest_difference},
                 {"seconds", r.seconds}};
    return print(j.dump() + "\n");
  }
  if (!r.equal()) {
    print(fmt::format("differs: {} of {} elements, by at most {:.3g}; first {}\n", r.differing,
                      r.elements, r.largest_difference, r.first_difference));
    if (!a.dst.empty() && !a.talk.quiet)
      print(
          "a result is compared with what the same options give; name --exact and --kernel-impl "
          "as they were when it was made\n");
    return;
  }
  if (!a.talk.quiet)
    print(fmt::format("equal: {} elements in {} windows, {}\n", r.elements, r.windows,
                      format_seconds(r.seconds)));
}

}  // namespace

void define_verify(CLI::App& app, int& exit_code) {
  auto a = std::make_shared<Arguments>();
  app.add_option("SRC", a->src, "source of the result, or \"PROBLEM LINE\"")->required();
  app.add_option("DST", a->dst, "the result to check");
  a->convolve.define(app);
  a->talk.define(app, true);
  app.add_flag("--full", a->options.full, "recompute everything with another tiling");
  integer_option(app, "--samples", a->options.samples, "windows to check", 1, kMostIndex)
      ->default_str(std::to_string(a->options.samples));
  integer_option(app, "--seed", a->options.seed, "of the windows, or of generated data", 0,
                 kMostIndex)
      ->default_str(std::to_string(a->options.seed));
  app.add_flag("--integers", a->integers, "generated data are small integers");
  app.callback([a, &exit_code] { run(*a, exit_code); });
}

}  // namespace tilewright::cli
