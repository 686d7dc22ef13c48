// Files to files and tensors to tensors.
#include "tilewright/api/convolve.h"

#include <fmt/format.h>

#include <utility>

#include "tilewright/api/files.h"
#include "tilewright/api/filters.h"
#include "tilewright/api/machine.h"
#include "tilewright/plan/plan_json.h"
#include "tilewright/store/memory/memory_store.h"

namespace tilewright {
namespace {

// A bias file may be [co] or any shape with co elements.
std::unique_ptr<Store> open_bias(const std::string& path, const std::string& dst, Index channels) {
  auto store = open_input(path, dst);
  const TensorSpec& s = store->spec();
  if (s.volume() != channels)
    throw InvalidArgument(
        fmt::format("bias '{}' has {} elements, the weights have {} output "
                    "channels",
                    path, s.volume(), channels));
  Tensor bias(s.dtype, {1, channels, 1, 1});
  store->read(whole(s.shape),
              TensorView(bias.data<std::byte>(), s.dtype, s.shape, dense_strides(s.shape)));
  return std::make_unique<MemoryStore>(std::move(bias));
}

DType output_dtype(const std::string& name, DType src) {
  if (name.empty()) return compute_dtype(src);
  return name == "same" ? src : parse_dtype(name);
}

// Two axes are one channel each; taken for one filter on every band they would only fail later.
void check_channels(const std::string& path, const Store& weights, Index bands) {
  if (weights.rank() > 2 || bands == 1) return;
  throw InvalidArgument(fmt::format(
      "weights '{}' of shape {} have no channels: they filter one band, but the source has {}; to "
      "filter each alike write the taps as --kernel [[...]], or save them as [{},1,ky,kx] for "
      "--groups {}; to mix bands save them as [co,{},ky,kx]",
      path, to_string(weights.spec().shape), bands, bands, bands, bands));
}

void open_weights(const ConvolveRequest& request, Convolution& c, Conv2dOptions& options) {
  if (!request.weights.empty() && !request.kernel.empty())
    throw InvalidArgument("--weights and --kernel are both given; leave one of them out");
  if (request.weights.empty() && request.kernel.empty())
    throw InvalidArgument("give either --weights FILE.npy or --kernel SPEC");
  const Index bands = c.src->spec().shape[kC];
  if (!request.weights.empty()) {
    c.weights = open_input(request.weights, request.dst);
    check_channels(request.weights, *c.weights, bands);
    return;
  }
  c.weights = repeated_filter(make_filter(request.kernel), bands);
  if (options.groups != 1 && options.groups != bands)
    throw InvalidArgument("--kernel filters each band by itself; leave --groups out");
  options.groups = bands;
}

// The output's first pixel looks at the middle of its window.
double first_position(const Window& w) {
  return static_cast<double>(w.span() - 1) / 2 - static_cast<double>(w.pad_begin);
}

CreateOptions output_options(const Convolution& c, bool overwrite) {
  const Problem& p = c.problem;
  const Window& y = p.layer->window(kY);
  const Window& x = p.layer->window(kX);
  CreateOptions o;
  o.spec = p.spec(Operand::kDst);
  o.rank = c.src->rank();
  if (o.rank == 2 && o.spec.shape[kC] > 1) o.rank = 3;
  o.metadata = c.src->metadata().resampled(first_position(y), first_position(x),
                                           static_cast<double>(y.stride),
                                           static_cast<double>(x.stride), o.spec.shape[kC]);
  o.overwrite = overwrite;
  return o;
}

}  // namespace

Convolution prepare(const ConvolveRequest& request, const Machine& machine) {
  for (const std::string* input : {&request.src, &request.weights, &request.bias})
    check_distinct(request.dst, *input, *input);
  Convolution c;
  c.src = open_input(request.src, request.dst);
  Conv2dOptions options = request.options;
  open_weights(request, c, options);
  const Shape weights = c.weights->spec().shape;
  if (!request.bias.empty()) c.bias = open_bias(request.bias, request.dst, weights[0]);
  c.problem = conv2d_problem(c.src->spec(), weights, options, c.bias != nullptr,
                             output_dtype(request.dtype, c.src->spec().dtype));
  c.output = output_options(c, request.overwrite);
  PlanOptions planning = request.planning;
  set_hints(planning, *c.src, *c.weights);
  if (c.bias != nullptr) planning.src.scratch_bytes += c.bias->spec().bytes();
  Machine limited = machine;
  if (request.saved_plan) {
    const SavedPlan saved = parse_saved_plan(*request.saved_plan, request.saved_plan_name);
    if (saved.problem.line() != c.problem.line())
      throw InvalidArgument(fmt::format("{}: is for '{}', the request is '{}'; make a new plan",
                                        request.saved_plan_name, saved.problem.line(),
                                        c.problem.line()));
    planning.force = saved.force;
    planning.kernel = saved.kernel;
    planning.least =
        request.exact_given ? std::min(saved.exact, request.planning.least) : saved.exact;
    limited = machine.limited_to({saved.budget_bytes, saved.threads});
  }
  c.plan = plan_output(request.dst, c.problem, limited, planning, c.output);
  return c;
}

Trace convolve(const ConvolveRequest& request, Convolution& c, const RunOptions& options) {
  const auto dst = create_store(request.dst, c.output);
  const Trace trace =
      run(c.plan, Stores{c.src.get(), c.weights.get(), c.bias.get(), dst.get()}, options);
  dst->commit();
  return trace;
}

Trace run(const Plan& plan, const Tensor& src, const Tensor& weights, const Tensor* bias,
          Tensor& dst, const RunOptions& options) {
  MemoryStore from(src.view()), taps(weights.view()), to(dst.view());
  std::optional<MemoryStore> offsets;
  if (bias != nullptr) offsets.emplace(bias->view());
  return run(plan, Stores{&from, &taps, offsets ? &*offsets : nullptr, &to}, options);
}

Tensor compute(const Problem& problem, const Tensor& src, const Tensor& weights,
               const Tensor* bias) {
  Tensor dst(problem.spec(Operand::kDst));
  PlanOptions planning;
  planning.src.in_place = planning.weights.in_place = planning.dst.in_place = true;
  RunOptions running;
  running.fingerprint = false;
  run(plan(problem, this_machine(), planning), src, weights, bias, dst, running);
  return dst;
}

Tensor conv2d(const Tensor& src, const Tensor& weights, const Conv2dOptions& options,
              const Tensor* bias) {
  return compute(conv2d_problem(src.spec(), weights.shape(), options, bias != nullptr), src,
                 weights, bias);
}

}  // namespace tilewright
