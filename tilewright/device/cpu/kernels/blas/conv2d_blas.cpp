// The rows of the cpu device that OpenBLAS computes.
#include "tilewright/device/cpu/kernels/blas/conv2d_blas.h"

#include <cblas.h>

#include "tilewright/device/cpu/kernels/blas/conv2d_blas_step.h"

namespace tilewright::cpu {
namespace {

Index taps_of(const Block& step) { return step[Axis::kKy].size() * step[Axis::kKx].size(); }
Index outputs_of(const Block& step) { return step[Axis::kY].size() * step[Axis::kX].size(); }
Index depth_of(const Block& step) { return step[Axis::kCi].size() * taps_of(step); }

// Every column is written, packed by the library and read.
KernelWork columns_work(const Layer& layer, const Block& step) {
  KernelWork work = default_work(layer, step);
  work.bytes += 4 * static_cast<double>(sizeof(float)) *
                static_cast<double>(step[Axis::kN].size() * step[Axis::kG].size()) *
                static_cast<double>(outputs_of(step)) * static_cast<double>(depth_of(step));
  return work;
}

Kernel row(const char* name, const char* layer, void (*run)(const StepArgs&)) {
  Kernel k;
  k.name = name, k.layer = layer, k.run = run;
  k.order = Order::kFree;
  k.dtypes = {DType::kF32, DType::kF64};
  k.workspace_bytes_per_thread = kBlasWorkspace;
  k.in_place = true;
  k.per_cycle = {22, 9, 0.04};
  k.work = &columns_work;
  return k;
}

}  // namespace

std::vector<Kernel> blas_kernels() {
  Kernel forward = row("conv2d/blas", "conv2d", &run_conv2d_blas);
  forward.workspace = [](const Block& s) {
    return blas_workspace(s[Axis::kCo].size(), depth_of(s), outputs_of(s), false);
  };
  Kernel transpose = row("conv2d_transpose/blas", "conv2d_transpose", &run_conv2d_transpose_blas);
  transpose.workspace = [](const Block& s) {
    return blas_workspace(s[Axis::kCo].size(), depth_of(s), outputs_of(s), true);
  };
  Kernel weights = row("conv2d_weights/blas", "conv2d_weights", &run_conv2d_weights_blas);
  weights.in_place = false;
  weights.workspace_bytes_per_thread = kBlasWeightsWorkspace;
  weights.workspace = [](const Block& s) {
    return blas_weights_workspace(s[Axis::kCo].size(), depth_of(s), outputs_of(s));
  };
  return {forward, transpose, weights};
}

std::string blas_version() {
  const std::string config = openblas_get_config();  // "OpenBLAS 0.3.21 DYNAMIC_ARCH ..."
  const auto first = config.find(' ');
  return config.substr(0, first == std::string::npos ? first : config.find(' ', first + 1));
}

}  // namespace tilewright::cpu
