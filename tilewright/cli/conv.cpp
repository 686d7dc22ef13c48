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
  if (!a.talk.quiet) print(result_text(a.dst, c.plan, trace));
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
