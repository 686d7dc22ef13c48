// tilewright conv SRC DST: plan, run, commit, report.
#include <fmt/format.h>

#include <memory>

#include "tilewright/cli/commands.h"

namespace tilewright::cli {
namespace {

struct Arguments {
  std::string src, dst;
  ConvolveArguments convolve;
  TalkArguments talk;
  bool dry_run = false, overwrite = false;
};

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
          {"bytes_read", t.bytes_read},
          {"bytes_written", t.bytes_written},
          {"lower_bound_bytes", plan.lower_bound_bytes},
          {"pieces", t.pieces},
          {"steps", t.steps},
          {"exact", to_string(plan.exact)},
          {"bound", plan.bound},
          {"kernel", plan.kernel.device + ":" + plan.kernel.name},
          {"threads", plan.threads},
          {"hash", t.hash}};
}

std::string result_text(const Arguments& a, const Plan& plan, const Trace& t) {
  return fmt::format(
      "{}: {} piece{} in {}, peak {} of {}, moved {} ({:.2f} x the lower bound), "
      "exact {}, hash {}\n",
      a.dst, t.pieces, t.pieces == 1 ? "" : "s", format_seconds(t.seconds),
      format_bytes(static_cast<double>(t.peak_bytes)),
      format_bytes(static_cast<double>(plan.budget_bytes)),
      format_bytes(t.bytes_read + t.bytes_written),
      (t.bytes_read + t.bytes_written) / plan.lower_bound_bytes, to_string(plan.exact), t.hash);
}

void run(const Arguments& a) {
  ConvolveRequest request = a.convolve.request(a.src, a.dst);
  request.overwrite = a.overwrite;
  Convolution c = prepare(request, a.convolve.machine.machine());
  if (a.dry_run) return print(a.talk.json ? plan_json(c.plan).dump() + "\n" : c.plan.explain());
  RunOptions options;
  options.cancel = &cancelled();
  options.progress = a.talk.reporter();
  const Trace trace = convolve(request, c, options);
  end_bar();
  if (a.talk.json) return print(result_json(c.plan, trace).dump() + "\n");
  if (!a.talk.quiet) print(result_text(a, c.plan, trace));
}

}  // namespace

void define_conv(CLI::App& app, int&) {
  auto a = std::make_shared<Arguments>();
  app.add_option("SRC", a->src, "raster or array to read")->required();
  app.add_option("DST", a->dst, "file to write: .tif, .npy or .zarr")->required();
  a->convolve.define(app);
  a->talk.define(app, true);
  app.add_flag("--dry-run", a->dry_run, "show the plan and stop");
  app.add_flag("--overwrite", a->overwrite, "replace an existing DST");
  app.callback([a] { run(*a); });
}

}  // namespace tilewright::cli
