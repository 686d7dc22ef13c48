// Names of orders; what holds for kernels that do not say so themselves.
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

Index workspace_bytes(const KernelTraits& k, const Block& step, int threads) {
  const Index each = k.workspace == nullptr ? k.workspace_bytes_per_thread : k.workspace(step);
  const Index shared = k.shared_workspace == nullptr ? 0 : k.shared_workspace(step);
  return checked_add(shared, checked_mul(threads, each));
}

KernelTiling tiling_of(const KernelTraits& k, const Layer& layer) {
  return k.tiling == nullptr ? KernelTiling{k.anchors, k.error} : k.tiling(layer);
}

}  // namespace tilewright
