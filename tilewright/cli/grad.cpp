// tilewright grad SRC DST_GRAD: gradients of a convolution, each to a file of its own.
#include <fmt/format.h>

#include <memory>

#include "tilewright/cli/commands.h"

namespace tilewright::cli {
namespace {

struct Arguments {
  GradientRequest request;
  ConvolveArguments convolve;
  TalkArguments talk;
  bool dry_run = false;
};

void show_plans(const Arguments& a, const Gradients& g) {
  Json all = Json::object();
  for (const GradientJob& job : g.jobs) {
    if (!a.talk.json) print(fmt::format("{}:\n{}", job.dst, job.plan.explain()));
    all[gradient_name(job.wrt)] = plan_json(job.plan);
  }
  if (a.talk.json) print(text_of(all) + "\n");
}

void run(const Arguments& a) {
  GradientRequest request = a.request;
  request.weights = a.convolve.weights;
  request.options = a.convolve.layer_options();
  request.planning = a.convolve.planning();
  request.dtype = a.convolve.dtype;
  const Gradients g = prepare(request, a.convolve.machine.machine());
  if (a.dry_run) return show_plans(a, g);
  RunOptions options;
  options.cancel = &cancelled();
  options.progress = a.talk.reporter();
  Json all = Json::object();
  const std::vector<Trace> traces = run_gradients(g, options);
  end_bar();
  for (std::size_t i = 0; i < traces.size(); ++i) {
    const GradientJob& job = g.jobs[i];
    all[gradient_name(job.wrt)] = result_json(job.plan, traces[i]);
    if (!a.talk.json && !a.talk.quiet) print(result_text(job.dst, job.plan, traces[i]));
  }
  if (a.talk.json) print(text_of(all) + "\n");
}

}  // namespace

void define_grad(CLI::App& app, int&) {
  auto a = std::make_shared<Arguments>();
  app.add_option("SRC", a->request.src, "source of the convolution")->required();
  app.add_option("DST_GRAD", a->request.gradient, "gradient of its result")->required();
  app.add_option("--weights", a->convolve.weights, "weights [co,ci/g,ky,kx]")
      ->type_name("W.npy")
      ->required();
  app.add_option("--out-src", a->request.out_src, "gradient of the source, like SRC")
      ->type_name("FILE");
  app.add_option("--out-weights", a->request.out_weights, "gradient of the weights, like W.npy")
      ->type_name("FILE");
  app.add_option("--out-bias", a->request.out_bias, "gradient of a bias, [co,1,1,1]")
      ->type_name("FILE");
  a->convolve.define_layer(app);
  a->convolve.define_dtype(app, "float32|float64");
  a->convolve.define_run(app);
  a->talk.define(app, true);
  app.add_flag("--dry-run", a->dry_run, "show the plans and stop");
  app.add_flag("--overwrite", a->request.overwrite, "replace existing outputs");
  app.callback([a] { run(*a); });
}

}  // namespace tilewright::cli
