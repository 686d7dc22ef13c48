// Verification of files by windows or in full, and of plans on generated data.
#include "tilewright/api/verify.h"

#include <fmt/format.h>

#include <random>

#include "tilewright/api/compare.h"
#include "tilewright/device/reference/conv2d_reference.h"
#include "tilewright/run/meter.h"
#include "tilewright/run/recompute.h"
#include "tilewright/store/memory/memory_store.h"
#include "tilewright/tensor/convert.h"

namespace tilewright {
namespace {

// Multiply-adds that all sampled windows together may cost with the reference.
constexpr double kReferenceMadds = 2e9;

// The size of a sampled window: square, of one channel of each group block, small enough that all
// samples together stay cheap.
Block window_size(const Problem& p, Index samples) {
  const Extents e = p.extents();
  const double per_output = static_cast<double>(e[Axis::kCi]) * static_cast<double>(e[Axis::kKy]) *
                            static_cast<double>(e[Axis::kKx]);
  const double outputs = kReferenceMadds / per_output / static_cast<double>(samples);
  const Index side = outputs >= 1024 ? 32 : outputs >= 64 ? 8 : outputs >= 4 ? 2 : 1;
  Block b;
  for (const Axis a : kAxes) b[a] = {0, 1};
  b[Axis::kY] = {0, std::min(side, e[Axis::kY])};
  b[Axis::kX] = {0, std::min(side, e[Axis::kX])};
  for (const Axis a : kStepAxes) b[a] = {0, e[a]};
  return b;
}

class Windows {
 public:
  Windows(const Plan& plan, const Block& size, std::uint64_t seed)
      : plan_(plan), size_(size), extents_(plan.problem.extents()), random_(seed) {}

  // The first four are the corners of the image, then every other one straddles piece borders.
  Block at(Index i) {
    Block b = size_;
    for (const Axis a : kPieceAxes) b[a] = size_[a].shifted(place(a, i));
    return b;
  }

 private:
  Index draw(Index below) {
    return static_cast<Index>(random_() % static_cast<std::uint64_t>(below));
  }

  Index place(Axis a, Index i) {
    const Index room = extents_[a] - size_[a].size();
    const bool spatial = a == Axis::kY || a == Axis::kX;
    if (spatial && i < 4) return (a == Axis::kY ? i / 2 : i % 2) * room;
    const Cover& cover = plan_.cuts[a];
    if (spatial && cover.cut() && i % 2 == 0) {
      const Index border = cover[1 + draw(cover.count() - 1)].begin;
      return std::clamp<Index>(border - size_[a].size() / 2, 0, room);
    }
    return draw(room + 1);
  }

  const Plan& plan_;
  const Block& size_;
  Extents extents_;
  std::mt19937_64 random_;
};

// What rounding may change: twice the bound times sum |w||x|, and the rounding to dst.
Tensor tolerances(const Plan& plan, const Tensor& magnitudes) {
  Tensor t(DType::kF64, magnitudes.shape());
  copy(magnitudes.view(), t.view());
  const double half = is_float(plan.problem.dst_dtype) ? 0 : 1;
  double* v = t.data<double>();
  for (Index i = 0; i < t.spec().volume(); ++i) v[i] = 2.1 * plan.bound * v[i] + half;
  return t;
}

void check_cancel(const VerifyOptions& options) {
  if (options.cancel != nullptr && options.cancel->load()) throw Interrupted("interrupted");
}

VerifyReport verify_windows(Convolution& c, Store& dst, const Machine& machine,
                            const VerifyOptions& options) {
  const Problem& problem = c.problem;
  const Block size = window_size(problem, options.samples);
  const Stores stores{c.src.get(), c.weights.get(), c.bias.get(), &dst};
  const Plan by_definition = plan_regions(problem, machine, size, "reference", Exactness::kBits);
  Recomputer reference(by_definition, stores);
  Recomputer other(plan_regions(problem, machine, size, "", Exactness::kBits), stores);
  MagnitudeStore src_size(*stores.src), weights_size(*stores.weights);
  const Stores size_stores{&src_size, &weights_size, stores.bias, &dst};
  Recomputer magnitude(by_definition, size_stores);
  const bool exact = c.plan.exact != Exactness::kBound;
  Windows windows(c.plan, size, options.seed);
  VerifyReport report;
  for (Index i = 0; i < options.samples; ++i) {
    check_cancel(options);
    const Block block = windows.at(i);
    const Region where = problem.layer->region(Operand::kDst, block);
    Tensor found(problem.dst_dtype, where.shape());
    dst.read(where, found.view());
    const Tensor expected = reference.compute(block);
    if (exact) {
      compare(found.view(), expected.view(), where, nullptr, report);
      compare(found.view(), other.compute(block).view(), where, nullptr, report);
    } else {
      const Tensor allowed = tolerances(c.plan, magnitude.compute(block));
      const ConstTensorView view = allowed.view();
      compare(found.view(), expected.view(), where, &view, report);
    }
    ++report.windows;
  }
  return report;
}

// Tiles of about two thirds: their borders fall inside the pieces of the plan under test.
std::string other_tiling(const Plan& plan) {
  const auto smaller = [&](Axis a) { return std::max<Index>(1, plan.cuts[a].block() * 2 / 3); };
  return fmt::format("y={},x={}", smaller(Axis::kY), smaller(Axis::kX));
}

VerifyReport verify_full(Convolution& c, Store& dst, const Machine& machine,
                         const VerifyOptions& options) {
  VerifyReport report;
  ComparingStore comparing(dst, report);
  PlanOptions planning;
  planning.force = other_tiling(c.plan);
  planning.kernel = c.plan.kernel.device + ":" + c.plan.kernel.name;
  planning.src = store_hints(*c.src);
  const Plan p = plan(c.problem, machine, planning);
  RunOptions running;
  running.cancel = options.cancel;
  running.progress = options.progress;
  run(p, Stores{c.src.get(), c.weights.get(), c.bias.get(), &comparing}, running);
  report.windows = p.counts().pieces;
  return report;
}

Tensor random_tensor(const TensorSpec& spec, std::mt19937_64& random, bool integers) {
  Tensor t(spec);
  std::uniform_int_distribution<int> small(-4, 4);
  std::uniform_int_distribution<int> any(-100, 200);
  std::normal_distribution<double> normal;
  dispatch(spec.dtype, [&](auto type) {
    using T = decltype(type);
    T* v = t.data<T>();
    for (Index i = 0; i < spec.volume(); ++i) {
      const double value = integers               ? small(random)
                           : is_float(spec.dtype) ? normal(random)
                                                  : any(random);
      v[i] = convert_value<T>(value);
    }
  });
  return t;
}

template <class T>
void run_definition(const Problem& p, const Tensor& src, const Tensor& weights, const Tensor* bias,
                    Tensor& dst) {
  const Index groups = p.extents()[Axis::kG];
  const ConstTensorView none;
  reference::conv2d<T>(src.view(), weights.view(), bias == nullptr ? none : bias->view(),
                       dst.view(), p.layer->window(kY), p.layer->window(kX), groups, false);
}

// The definition on whole tensors of the compute type.
Tensor define(const Problem& p, const Tensor& src, const Tensor& weights, const Tensor* bias) {
  Tensor wide(p.compute, src.shape()), taps(p.compute, weights.shape());
  copy(src.view(), wide.view());
  MemoryStore from(weights.view());
  const Region all = whole(weights.shape());
  from.read(all, taps.view());
  if (p.layer->reversed_taps()) {
    const Index count = weights.shape()[2] * weights.shape()[3];
    dispatch(p.compute, [&](auto type) {
      auto* v = taps.data<decltype(type)>();
      for (Index i = 0; i < taps.spec().volume(); i += count) std::reverse(v + i, v + i + count);
    });
  }
  Tensor result(p.compute, p.spec(Operand::kDst).shape);
  if (p.compute == DType::kF64) {
    run_definition<double>(p, wide, taps, bias, result);
  } else {
    run_definition<float>(p, wide, taps, bias, result);
  }
  return result;
}

Tensor magnitudes_of(const Tensor& t) {
  Tensor result(t.dtype() == DType::kF64 ? DType::kF64 : DType::kF32, t.shape());
  MemoryStore store(t.view());
  MagnitudeStore(store).read(whole(t.shape()), result.view());
  return result;
}

}  // namespace

VerifyReport verify(const ConvolveRequest& request, Convolution& c, const Machine& machine,
                    const VerifyOptions& options) {
  if (options.samples < 1)
    throw InvalidArgument(fmt::format("--samples {}: must be at least 1", options.samples));
  double seconds = 0;
  VerifyReport report;
  {
    const Stopwatch watch(seconds);
    const auto dst = open_store(request.dst);
    const TensorSpec expected = c.problem.spec(Operand::kDst);
    if (dst->spec() != expected)
      throw InvalidArgument(fmt::format("'{}' holds {} {}, this convolution gives {} {}",
                                        request.dst, to_string(dst->spec().dtype),
                                        to_string(dst->spec().shape), to_string(expected.dtype),
                                        to_string(expected.shape)));
    report = options.full && c.plan.exact != Exactness::kBound
                 ? verify_full(c, *dst, machine, options)
                 : verify_windows(c, *dst, machine, options);
  }
  report.seconds = seconds;
  return report;
}

VerifyReport verify_plan(const Plan& plan, std::uint64_t seed, bool integers) {
  const Problem& p = plan.problem;
  std::mt19937_64 random(seed);
  const Tensor src = random_tensor(p.spec(Operand::kSrc), random, integers);
  const Tensor weights = random_tensor(p.spec(Operand::kWeights), random, integers);
  std::optional<Tensor> bias;
  if (p.has_bias()) bias = random_tensor(p.spec(Operand::kBias), random, integers);
  Tensor dst(p.spec(Operand::kDst));
  RunOptions poisoned;
  poisoned.poison = true;
  VerifyReport report;
  report.windows = 1;
  const Tensor* offsets = bias ? &*bias : nullptr;
  report.seconds = run(plan, src, weights, offsets, dst, poisoned).seconds;
  const Tensor wide = define(p, src, weights, offsets);
  Tensor expected(p.spec(Operand::kDst));
  copy(wide.view(), expected.view());
  const Region all = whole(dst.shape());
  if (plan.exact != Exactness::kBound || integers) {
    compare(dst.view(), expected.view(), all, nullptr, report);
    return report;
  }
  std::optional<Tensor> offset_size;
  if (bias) offset_size = magnitudes_of(*bias);
  const Tensor allowed = tolerances(plan, define(p, magnitudes_of(src), magnitudes_of(weights),
                                                 offset_size ? &*offset_size : nullptr));
  const ConstTensorView view = allowed.view();
  compare(dst.view(), expected.view(), all, &view, report);
  return report;
}

}  // namespace tilewright
