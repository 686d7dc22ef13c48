// Verification of plans on generated data, against the definition on uncut tensors.
#include <algorithm>
#include <random>

#include "tilewright/api/compare.h"
#include "tilewright/api/define.h"
#include "tilewright/api/machine.h"
#include "tilewright/api/verify.h"
#include "tilewright/store/memory/memory_store.h"
#include "tilewright/tensor/convert.h"

namespace tilewright {
namespace {

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

Tensor magnitudes_of(const Tensor& t, const Reach& reach = {}) {
  Tensor result(t.dtype() == DType::kF64 ? DType::kF64 : DType::kF32, t.shape());
  MemoryStore store(t.view());
  MagnitudeStore(store, reach).read(whole(t.shape()), result.view());
  return result;
}

}  // namespace

VerifyReport verify_plan(const Plan& plan, std::uint64_t seed, bool integers,
                         const std::atomic<bool>* cancel) {
  const Problem& p = plan.problem;
  std::mt19937_64 random(seed);
  const Tensor src = random_tensor(p.spec(Operand::kSrc), random, integers);
  const Tensor weights = random_tensor(p.spec(Operand::kWeights), random, integers);
  std::optional<Tensor> bias;
  if (p.has_bias()) bias = random_tensor(p.spec(Operand::kBias), random, integers);
  Tensor dst(p.spec(Operand::kDst));
  RunOptions poisoned;
  poisoned.poison = true;
  poisoned.cancel = cancel;
  if (seed % 3 == 0) poisoned.part_bytes = 1;  // reads and writes row by row
  VerifyReport report;
  report.windows = 1;
  const Tensor* offsets = bias ? &*bias : nullptr;
  report.seconds = run(plan, src, weights, offsets, dst, poisoned).seconds;
  const Tensor wide = define(p, src, weights, offsets, cancel);
  Tensor expected(p.spec(Operand::kDst));
  copy(wide.view(), expected.view());
  const Region all = whole(dst.shape());
  const bool canonical = plan.kernel.error.factor == 0;
  if (plan.exact == Exactness::kBits || (integers && canonical)) {
    compare(dst.view(), expected.view(), all, nullptr, report);
    return report;
  }
  if (plan.exact == Exactness::kStable) {
    // The same kernel on the whole.
    PlanOptions planning;
    planning.kernel = plan.kernel.device + ":" + plan.kernel.name;
    Tensor uncut(dst.spec());
    run(tilewright::plan(p, this_machine(), planning), src, weights, offsets, uncut);
    compare(dst.view(), uncut.view(), all, nullptr, report);
  }
  std::optional<Tensor> offset_size;
  if (bias) offset_size = magnitudes_of(*bias);
  const Tensor allowed = tolerances(
      plan, define(bounding_problem(plan), magnitudes_of(src, reach_of(plan)),
                   magnitudes_of(weights), offset_size ? &*offset_size : nullptr, cancel));
  const ConstTensorView view = allowed.view();
  compare(dst.view(), expected.view(), all, &view, report);
  return report;
}

}  // namespace tilewright
