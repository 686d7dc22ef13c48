// Names of orders; what steps cost kernels that do not say so themselves.
#include "tilewright/layer/kernel_traits.h"

namespace tilewright {

const char* to_string(Order order) {
  constexpr std::array<const char*, 3> kNames{"canonical", "anchored", "free"};
  return kNames[static_cast<std::size_t>(order)];
}

KernelWork default_work(const Layer& layer, const Block& step) {
  KernelWork work;
  work.flop = layer.flop(step);
  for (const Operand o : {Operand::kSrc, Operand::kWeights, Operand::kDst}) {
    double elements = 1;
    for (const Interval& i : layer.region(o, step).dims) elements *= static_cast<double>(i.size());
    work.bytes += elements * static_cast<double>(sizeof(float));
  }
  return work;
}

KernelWork work_of(const KernelTraits& kernel, const Layer& layer, const Block& step) {
  return kernel.work == nullptr ? default_work(layer, step) : kernel.work(layer, step);
}

}  // namespace tilewright
