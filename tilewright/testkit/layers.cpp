// A layer of the library is a Problem; its gradients are problems too, so one class serves all.
#include "tilewright/testkit/layers.h"

#include <fmt/format.h>

#include <array>
#include <functional>
#include <optional>
#include <random>

#include "tilewright/testkit/counting_store.h"

namespace tilewright::testkit {
namespace {

using From = GradientProblem::From;
using MakeProblem = std::function<Problem(const std::vector<TensorSpec>&)>;

constexpr Operand kOperands[] = {Operand::kSrc, Operand::kWeights, Operand::kBias};

// How a problem is run; cuts are drawn for each problem from a seed.
struct Way {
  std::string name;
  std::string kernel{};
  bool cut = false;
  int threads = 1;
  std::uint64_t seed = 1;
};

// Random cuts that keep every bit: images one by one and taps not at all; of an image that is
// summed only the rows, at their blocks.
std::string random_cuts(const Problem& p, std::uint64_t seed) {
  std::mt19937_64 random(seed ^ text_hash(p.line()));
  const auto in = [&](Index most) {
    return 1 + static_cast<Index>(random() % static_cast<std::uint64_t>(most));
  };
  const Extents e = p.extents();
  const Index row = p.layer->sum_block(Axis::kY);
  const Index rows = std::min(e[Axis::kY], row * in(ceil_div(e[Axis::kY], row)));
  const Index columns = sums_image(*p.layer) ? e[Axis::kX] : in(e[Axis::kX]);
  std::string cuts =
      fmt::format("n=1,g=1,ci={},y={},x={},flight={}", in(e[Axis::kCi]), rows, columns, in(2));
  if (e[Axis::kCo] > 1) cuts += fmt::format(",co={}", in(e[Axis::kCo] - 1));
  return cuts + (in(2) == 1 ? ",weights=streamed" : ",weights=kept");
}

ConstTensorView ones(const TensorSpec& spec) {
  static const Tensor f32 = Tensor::from({1, 1, 1, 1}, {1}), f64 = dense(f32.view(), DType::kF64);
  return {
      (spec.dtype == DType::kF64 ? f64 : f32).view().data, spec.dtype, spec.shape, {0, 0, 0, 0}};
}

class ProblemSubject : public Subject {
 public:
  ProblemSubject(std::string name, std::size_t count, MakeProblem make, Way way)
      : name_(std::move(name)), make_(std::move(make)), way_(std::move(way)), work_(count, 0) {}

  std::string name() const override { return name_; }
  std::vector<std::string> inputs() const override {
    std::vector<std::string> names{"src", "weights", "bias"};
    names.resize(work_.size());
    return names;
  }
  Tensor forward(const Tensors& inputs) const override { return forward_views(views_of(inputs)); }
  Tensors backward(const Tensors& inputs, const Tensor& gradient,
                   const std::vector<bool>& wanted) const override {
    return backward_views(views_of(inputs), gradient.view(), wanted);
  }
  Tensor forward_views(const Views& inputs) const override;
  Tensors backward_views(const Views& inputs, const ConstTensorView& gradient,
                         const std::vector<bool>& wanted) const override;
  std::vector<double> gradient_work() const override { return work_; }
  std::vector<Variant> variants(const Tensors& inputs, std::uint64_t seed) const override;
  std::string command(const Tensors& inputs, int which, std::uint64_t seed) const override;

 protected:
  void count_work(std::size_t which, double bytes_read) const { work_.at(which) += bytes_read; }

 private:
  Problem problem(const Views& inputs) const {
    std::vector<TensorSpec> specs;
    for (const ConstTensorView& v : inputs) specs.push_back({v.dtype, v.shape});
    return make_(specs);
  }
  bool canonical(const Tensors& inputs) const;
  // As conv2d() plans; kernels with tiles of their own are not for any cut.
  static Exactness least_of(const Way& way) {
    return way.cut || way.kernel == "reference" ? Exactness::kBits : Exactness::kStable;
  }
  Plan planned(const Problem& p) const {
    PlanOptions options;
    options.least = least_of(way_);
    options.kernel = way_.kernel;
    if (way_.cut) options.force = random_cuts(p, way_.seed);
    static const Machine machine = local_machine().limited_to({Index{1} << 30, 0});
    return plan(p, machine.limited_to({0, way_.threads}), options);
  }
  Trace run_to(const Problem& p, const Views& operands, const TensorView& dst) const;

  std::string name_;
  MakeProblem make_;
  Way way_;
  mutable std::vector<double> work_;  // bytes read
};

Trace ProblemSubject::run_to(const Problem& p, const Views& operands, const TensorView& dst) const {
  std::vector<MemoryStore> stores;
  for (const ConstTensorView& v : operands) stores.emplace_back(v);
  MemoryStore out(dst);
  RunOptions options;
  options.fingerprint = false;
  options.poison = true;
  return run(planned(p),
             {&stores.at(0), &stores.at(1), stores.size() > 2 ? &stores[2] : nullptr, &out},
             options);
}

Tensor ProblemSubject::forward_views(const Views& inputs) const {
  const Problem p = problem(inputs);
  Tensor dst(p.spec(Operand::kDst));
  run_to(p, inputs, dst.view());
  return dst;
}

Tensors ProblemSubject::backward_views(const Views& inputs, const ConstTensorView& gradient,
                                       const std::vector<bool>& wanted) const {
  const Problem forward = problem(inputs);
  Tensors found(inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!wanted.at(i)) continue;
    const GradientProblem g = gradient_problem(forward, kOperands[i], gradient.dtype);
    const auto view = [&](From from) {
      return from == From::kSrc       ? inputs[0]
             : from == From::kWeights ? inputs[1]
             : from == From::kOnes    ? ones(g.problem.spec(Operand::kSrc))
                                      : gradient;
    };
    found[i] = Tensor(inputs[i].dtype, inputs[i].shape);
    TensorView to = found[i].view();
    to.shape = g.problem.spec(Operand::kDst).shape;  // the bias as weights [co,1,1,1]
    to.strides = dense_strides(to.shape);
    count_work(i, run_to(g.problem, {view(g.src), view(g.weights)}, to).bytes_read);
  }
  return found;
}

/// Whether what conv2d() and its gradients compute has the bits of the definition.
bool ProblemSubject::canonical(const Tensors& inputs) const {
  const Problem forward = problem(views_of(inputs));
  const auto keeps = [&](const Problem& p) { return planned(p).kernel.order == Order::kCanonical; };
  bool all = keeps(forward);
  for (std::size_t i = 0; i < inputs.size(); ++i)
    all = all && keeps(gradient_problem(forward, kOperands[i], inputs[i].dtype()).problem);
  return all;
}

std::vector<Variant> ProblemSubject::variants(const Tensors& inputs, std::uint64_t seed) const {
  std::vector<Way> ways;
  const std::string layer = problem(views_of(inputs)).layer->name();
  for (const KernelInfo& k : local_machine().kernels)
    if (k.layer == layer) ways.push_back({"all of " + k.device, k.device});
  for (std::uint64_t i = 0; i < 3; ++i)
    ways.push_back(
        {fmt::format("random cuts {}", i), "", true, 1 + static_cast<int>(i), seed * 8 + i});
  ways.push_back({"reference, cut", "reference", true, 2, seed * 8 + 7});
  constexpr double kOtherArithmetic = 1e-4;  // of the largest value
  const double bound = canonical(inputs) ? 0 : kOtherArithmetic;
  std::vector<Variant> variants;
  for (const Way& way : ways)
    variants.push_back({way.name, std::make_shared<ProblemSubject>(name_, work_.size(), make_, way),
                        least_of(way) == Exactness::kBits ? bound : 0});
  return variants;
}

std::string ProblemSubject::command(const Tensors& inputs, int which, std::uint64_t seed) const {
  Problem p = problem(views_of(inputs));
  if (which != kResult) p = gradient_problem(p, kOperands[which], inputs.at(0).dtype()).problem;
  std::string text = fmt::format("tilewright verify \"{}\"", p.line());
  if (way_.cut) text += " --force " + random_cuts(p, way_.seed);
  if (!way_.kernel.empty()) text += " --kernel-impl " + way_.kernel;
  return fmt::format("{} --threads {} --seed {}", text, way_.threads, seed);
}

// conv2d_gradients() on tensors and add_conv2d_gradients(), which cannot be counted.
class OnTensors final : public ProblemSubject {
 public:
  OnTensors(std::string name, const Conv2dOptions& options, bool bias, MakeProblem make)
      : ProblemSubject(std::move(name), bias ? 3 : 2, std::move(make), {"default"}),
        options_(options) {}

  Tensor forward(const Tensors& inputs) const override {
    return conv2d(inputs.at(0), inputs.at(1), options_, inputs.size() > 2 ? &inputs[2] : nullptr);
  }
  Tensors backward(const Tensors& inputs, const Tensor& gradient,
                   const std::vector<bool>& wanted) const override {
    const WantedGradients w{wanted.at(0), wanted.at(1), wanted.size() > 2 && wanted[2]};
    return list(conv2d_gradients(inputs.at(0), inputs.at(1), gradient, options_, w));
  }
  void add_backward(const Tensors& inputs, const Tensor& gradient, Tensors& sums) const override {
    Conv2dGradients g{std::move(sums.at(0)), std::move(sums.at(1)),
                      sums.size() > 2 ? std::move(sums[2]) : Tensor()};
    add_conv2d_gradients(inputs.at(0), inputs.at(1), gradient, options_, g);
    sums = list(std::move(g));
  }

 private:
  Tensors list(Conv2dGradients g) const {
    Tensors found;
    for (Tensor* t : {&g.src, &g.weights, &g.bias}) found.push_back(std::move(*t));
    found.resize(inputs().size());
    return found;
  }

  Conv2dOptions options_;
};

// What users call: conv2d(), conv2d_gradients() on stores, which count what is read of them, and
// add_conv2d_gradients().
class Conv2dSubject final : public ProblemSubject {
 public:
  Conv2dSubject(std::string name, const Conv2dOptions& options, bool bias, MakeProblem make)
      : ProblemSubject(name, bias ? 3 : 2, make, {"default"}),
        options_(options),
        on_tensors_(std::make_shared<OnTensors>(std::move(name), options, bias, std::move(make))) {}

  Tensor forward(const Tensors& inputs) const override { return on_tensors_->forward(inputs); }
  Tensors backward(const Tensors& inputs, const Tensor& gradient,
                   const std::vector<bool>& wanted) const override;
  void add_backward(const Tensors& inputs, const Tensor& gradient, Tensors& sums) const override {
    on_tensors_->add_backward(inputs, gradient, sums);
  }
  std::vector<Variant> variants(const Tensors& inputs, std::uint64_t seed) const override {
    std::vector<Variant> all = ProblemSubject::variants(inputs, seed);
    all.push_back({"gradients on tensors", on_tensors_});
    return all;
  }

 private:
  Conv2dOptions options_;
  std::shared_ptr<const OnTensors> on_tensors_;
};

Tensors Conv2dSubject::backward(const Tensors& inputs, const Tensor& gradient,
                                const std::vector<bool>& wanted) const {
  CountingStore src(inputs.at(0).view()), weights(inputs.at(1).view()), result(gradient.view());
  Tensors found(inputs.size());
  std::array<std::optional<MemoryStore>, 3> outputs;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!wanted.at(i)) continue;
    found[i] = Tensor(inputs[i].spec());
    TensorView to = found[i].view();
    if (i == 2) to.shape = {to.shape[kC], 1, 1, 1}, to.strides = dense_strides(to.shape);
    outputs[i].emplace(to);
  }
  const auto output = [&](std::size_t i) { return outputs[i] ? &*outputs[i] : nullptr; };
  RunOptions running;
  running.fingerprint = false;
  const std::vector<Trace> traces =
      conv2d_gradients({&src, &weights, &result, output(0), output(1), output(2)}, options_,
                       this_machine(), {}, running);
  // Only the gradient of the weights reads the source, and only that of the source the weights.
  count_work(0, weights.bytes_read);
  count_work(1, src.bytes_read);
  if (inputs.size() < 3) return found;
  // All three read the gradient of the result; what the runs of the first two have not is the
  // bias's.
  double rest = src.bytes_read + weights.bytes_read + result.bytes_read;
  for (std::size_t i = 0; i < traces.size() && i < (wanted[0] ? 1u : 0u) + (wanted[1] ? 1u : 0u);
       ++i)
    rest -= traces[i].bytes_read;
  count_work(2, rest);
  return found;
}

std::string words_of(const Conv2dOptions& o) {
  const Padding& p = o.padding;
  std::string text =
      fmt::format("s{}x{} d{}x{} {} g{}", o.stride.y, o.stride.x, o.dilation.y, o.dilation.x,
                  p.rule == Padding::Rule::kSame
                      ? "same"
                      : fmt::format("p{},{},{},{}", p.top, p.bottom, p.left, p.right),
                  o.groups);
  if (o.padding_mode != PaddingMode::kZero) text += std::string(" m:") + to_string(o.padding_mode);
  return text + (o.flip ? " flip" : "");
}

}  // namespace

std::shared_ptr<const Subject> conv2d_subject(const Conv2dOptions& options, bool bias) {
  return std::make_shared<Conv2dSubject>(
      "conv2d " + words_of(options) + (bias ? " bias" : ""), options, bias,
      [options, bias](const std::vector<TensorSpec>& s) {
        return conv2d_problem(s.at(0), s.at(1).shape, options, bias);
      });
}

std::shared_ptr<const Subject> conv2d_transpose_subject(const Conv2dOptions& options, Index rows,
                                                        Index columns) {
  if (options.padding.rule != Padding::Rule::kExplicit)
    throw InvalidArgument(
        "conv2d_transpose_subject: padding 'same' is not resolved here; state "
        "its sides");
  const std::string name =
      fmt::format("conv2d_transpose o{}x{} {}", rows, columns, words_of(options));
  return std::make_shared<ProblemSubject>(
      name, 2,
      [options, rows, columns](const std::vector<TensorSpec>& s) {
        const Shape& w = s.at(1).shape;
        return parse_problem(fmt::format(
            "conv2d_transpose n{} ci{} y{} x{} co{} o{}x{} k{}x{} {} {}", s[0].shape[kN],
            s[0].shape[kC], s[0].shape[kY], s[0].shape[kX], w[1] * options.groups, rows, columns,
            w[2], w[3], words_of(options), short_name(compute_dtype(s[0].dtype))));
      },
      Way{"default"});
}

}  // namespace tilewright::testkit
