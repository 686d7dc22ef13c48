// The rows of the cpu device that oneDNN computes.
#include "tilewright/device/cpu/kernels/onednn/conv2d_onednn.h"

#include <fmt/format.h>

#include <oneapi/dnnl/dnnl.hpp>

#include "tilewright/device/cpu/kernels/onednn/conv2d_onednn_step.h"

namespace tilewright::cpu {
namespace {

// Operands are copied into other layouts and back.
KernelWork copies_work(const Layer& layer, const Block& step) {
  KernelWork work = default_work(layer, step);
  work.bytes *= 4;
  return work;
}

Kernel row(const char* name, const char* layer, void (*run)(const StepArgs&)) {
  Kernel k;
  k.name = name, k.layer = layer, k.run = run;
  k.order = Order::kFree;
  k.dtypes = {DType::kF32};
  k.windows = {{1, 33}, {1, 9}, 8};
  k.workspace_bytes_per_thread = kOnednnWorkspace;
  k.per_cycle = {40, 9, 0.04};
  k.work = &copies_work;
  return k;
}

}  // namespace

std::vector<Kernel> onednn_kernels() {
  return {row("conv2d/onednn", "conv2d", &run_conv2d_onednn),
          row("conv2d_transpose/onednn", "conv2d_transpose", &run_conv2d_transpose_onednn),
          row("conv2d_weights/onednn", "conv2d_weights", &run_conv2d_weights_onednn)};
}

std::string onednn_version() {
  const dnnl::version_t& v = *dnnl::version();
  return fmt::format("oneDNN {}.{}.{}", v.major, v.minor, v.patch);
}

}  // namespace tilewright::cpu
