// Each gradient is a problem of its own; they run one after the other, each within the budget.
#include "tilewright/api/gradients.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "tilewright/store/memory/memory_store.h"

namespace tilewright {
namespace {

using From = GradientProblem::From;

// A tensor that sums what is written to it.
class AddingStore final : public Store {
 public:
  explicit AddingStore(const TensorView& sums) : sums_(sums), spec_{sums.dtype, sums.shape} {}
  const TensorSpec& spec() const override { return spec_; }
  int rank() const override { return 4; }
  std::string describe() const override { return "sums in memory"; }
  void read(const Region&, const TensorView&) override {
    throw InternalError("sums are not read by a run");
  }
  void write(const Region& region, const ConstTensorView& src) override {
    const TensorView to = sums_.slice(region);
    if (src.dtype == DType::kF64) return add<double>(src, to);
    add<float>(src, to);
  }

 private:
  template <class T>
  static void add(const ConstTensorView& src, const TensorView& to) {
    for (Index n = 0; n < to.shape[0]; ++n)
      for (Index c = 0; c < to.shape[1]; ++c)
        for (Index y = 0; y < to.shape[2]; ++y)
          for (Index x = 0; x < to.shape[3]; ++x) *to.at<T>(n, c, y, x) += *src.at<T>(n, c, y, x);
  }

  TensorView sums_;
  TensorSpec spec_;
};

// A source that is one everywhere, without memory for it.
std::unique_ptr<Store> make_ones(const TensorSpec& spec) {
  static const float one = 1;
  return std::make_unique<MemoryStore>(ConstTensorView(reinterpret_cast<const std::byte*>(&one),
                                                       DType::kF32, spec.shape, Shape{0, 0, 0, 0}));
}

void check_gradient(const Problem& forward, const Shape& gradient) {
  const Shape result = forward.spec(Operand::kDst).shape;
  if (gradient != result)
    throw InvalidArgument(fmt::format(
        "the gradient of the result is {}, but this convolution gives {}; check stride, "
        "padding, dilation and weights",
        to_string(gradient), to_string(result)));
}

// In memory: every gradient whose tensor in `sums` is not empty.
void compute(const Tensor& src, const Tensor& weights, const Tensor& gradient,
             const Conv2dOptions& options, bool add, Conv2dGradients& sums) {
  const Problem forward = conv2d_problem(src.spec(), weights.shape(), options, true);
  check_gradient(forward, gradient.shape());
  static const Machine machine = local_machine();
  MemoryStore from_src(src.view()), from_weights(weights.view()), from_gradient(gradient.view());
  const std::array<std::pair<Operand, Tensor*>, 3> wanted{{{Operand::kSrc, &sums.src},
                                                           {Operand::kWeights, &sums.weights},
                                                           {Operand::kBias, &sums.bias}}};
  for (const auto& [wrt, sum] : wanted) {
    if (sum->empty()) continue;
    const GradientProblem g = gradient_problem(forward, wrt, gradient.dtype());
    const TensorSpec spec = g.problem.spec(Operand::kDst);
    TensorView view = sum->view();
    if (wrt == Operand::kBias && view.shape[0] == 1) {
      view.shape = {view.shape[1], 1, 1, 1};
      view.strides = dense_strides(view.shape);
    }
    if (TensorSpec{view.dtype, view.shape} != spec)
      throw InvalidArgument(fmt::format("a gradient of {} {} does not fit a tensor of {} {}",
                                        to_string(spec.dtype), to_string(spec.shape),
                                        to_string(view.dtype), to_string(view.shape)));
    const auto ones = make_ones(g.problem.spec(Operand::kSrc));
    const auto place = [&](From from) -> Store* {
      return from == From::kSrc       ? static_cast<Store*>(&from_src)
             : from == From::kWeights ? &from_weights
             : from == From::kOnes    ? ones.get()
                                      : &from_gradient;
    };
    PlanOptions planning;
    planning.dst.in_place = !add;
    RunOptions running;
    running.fingerprint = false;
    MemoryStore written(view);
    AddingStore added(view);
    Store* dst = add ? static_cast<Store*>(&added) : &written;
    run(plan(g.problem, machine, planning), {place(g.src), place(g.weights), nullptr, dst},
        running);
  }
}

struct Output {
  Operand wrt;
  const std::string* path;
};

std::vector<Output> outputs_of(const GradientRequest& r) {
  std::vector<Output> list;
  for (const Output& o :
       {Output{Operand::kSrc, &r.out_src}, Output{Operand::kWeights, &r.out_weights},
        Output{Operand::kBias, &r.out_bias}})
    if (!o.path->empty()) list.push_back(o);
  if (list.empty())
    throw InvalidArgument("no gradient is asked for; name --out-src, --out-weights or --out-bias");
  for (const Output& o : list) {
    for (const std::string* input : {&r.src, &r.gradient, &r.weights})
      check_distinct(*o.path, *input, *input);
    for (const Output& other : list)
      if (&o != &other && *o.path == *other.path)
        throw InvalidArgument(fmt::format("two outputs are called '{}'", *o.path));
  }
  return list;
}

CreateOptions output_options(const GradientRequest& request, const Gradients& g,
                             const Problem& problem, Operand wrt) {
  CreateOptions o;
  o.spec = problem.spec(Operand::kDst);
  o.overwrite = request.overwrite;
  if (wrt == Operand::kSrc) {
    o.rank = g.src->rank();
    o.metadata = g.src->metadata();
  }
  if (wrt == Operand::kWeights) o.rank = g.weights->rank();
  return o;
}

}  // namespace

Conv2dGradients conv2d_gradients(const Tensor& src, const Tensor& weights, const Tensor& gradient,
                                 const Conv2dOptions& options, const WantedGradients& wanted) {
  const DType dtype = compute_dtype(src.dtype());
  Conv2dGradients result;
  if (wanted.src) result.src = Tensor(dtype, src.shape());
  if (wanted.weights) result.weights = Tensor(dtype, weights.shape());
  if (wanted.bias) result.bias = Tensor(dtype, {1, weights.shape()[0], 1, 1});
  compute(src, weights, gradient, options, false, result);
  return result;
}

void add_conv2d_gradients(const Tensor& src, const Tensor& weights, const Tensor& gradient,
                          const Conv2dOptions& options, Conv2dGradients& sums) {
  compute(src, weights, gradient, options, true, sums);
}

Gradients prepare(const GradientRequest& request, const Machine& machine) {
  Gradients g;
  const std::vector<Output> outputs = outputs_of(request);
  const auto open = [&](const std::string& path) {
    auto store = open_store(path);
    for (const Output& o : outputs)
      for (const std::string& file : store->files()) check_distinct(*o.path, path, file);
    return store;
  };
  g.src = open(request.src);
  g.gradient = open(request.gradient);
  g.weights = open(request.weights);
  g.forward = conv2d_problem(g.src->spec(), g.weights->spec().shape, request.options, true);
  check_gradient(g.forward, g.gradient->spec().shape);
  for (const Output& o : outputs) {
    const GradientProblem part = gradient_problem(g.forward, o.wrt, g.gradient->spec().dtype);
    if (part.src == From::kOnes) g.ones = make_ones(part.problem.spec(Operand::kSrc));
    const auto place = [&](From from) {
      return from == From::kSrc       ? g.src.get()
             : from == From::kWeights ? g.weights.get()
             : from == From::kOnes    ? g.ones.get()
                                      : g.gradient.get();
    };
    GradientJob job;
    job.wrt = o.wrt;
    job.dst = *o.path;
    job.problem = part.problem;
    job.src = place(part.src);
    job.weights = place(part.weights);
    job.output = output_options(request, g, job.problem, o.wrt);
    PlanOptions planning = request.planning;
    planning.src = store_hints(*job.src);
    planning.src.scratch_bytes += job.weights->layout().scratch_bytes;
    job.plan = plan_output(job.dst, job.problem, machine, planning, job.output);
    g.jobs.push_back(std::move(job));
  }
  return g;
}

std::vector<Trace> run_gradients(const Gradients& gradients, const RunOptions& options) {
  std::vector<std::unique_ptr<Store>> outputs;
  for (const GradientJob& job : gradients.jobs)
    outputs.push_back(create_store(job.dst, job.output));
  std::vector<Trace> traces;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const GradientJob& job = gradients.jobs[i];
    // Caches of stores that this job does not use are no part of its budget.
    for (const auto& store : {&gradients.src, &gradients.gradient, &gradients.weights})
      (*store)->set_cache_bytes(0);
    traces.push_back(
        run(job.plan, Stores{job.src, job.weights, nullptr, outputs[i].get()}, options));
  }
  for (const auto& output : outputs) output->commit();
  return traces;
}

}  // namespace tilewright
