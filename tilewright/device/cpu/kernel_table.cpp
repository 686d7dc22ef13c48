// One function for each algorithm, one row for each layer that it serves.
#include "tilewright/device/cpu/kernel_table.h"

#include "tilewright/device/cpu/kernels/blas/conv2d_blas.h"
#include "tilewright/device/cpu/kernels/conv2d_direct.h"
#include "tilewright/device/cpu/kernels/conv2d_direct_ops.h"
#include "tilewright/device/cpu/kernels/conv2d_fft.h"
#include "tilewright/device/cpu/kernels/conv2d_separable.h"
#include "tilewright/device/cpu/kernels/conv2d_weights.h"
#include "tilewright/device/cpu/kernels/conv2d_weights_dot.h"
#include "tilewright/device/cpu/kernels/conv2d_weights_winograd.h"
#include "tilewright/device/cpu/kernels/conv2d_winograd.h"
#include "tilewright/device/cpu/kernels/conv2d_winograd_stride.h"
#include "tilewright/device/cpu/kernels/direct_work.h"
#include "tilewright/device/cpu/kernels/onednn/conv2d_onednn.h"

namespace tilewright::cpu {
namespace {

using Run = void(const StepArgs&);
using Work = KernelWork(const Layer&, const Block&);

Kernel kernel(const char* name, Order order, Index workspace, Run* run, Work* work) {
  Kernel k;
  k.name = name;
  k.layer = k.name.substr(0, k.name.find('/'));
  k.order = order;
  k.dtypes = {DType::kF32};
  k.workspace_bytes_per_thread = workspace;
  k.run = run;
  k.work = work;
  return k;
}

Kernel direct(const char* name, Index workspace, Run* run, Work* work) {
  Kernel k = kernel(name, Order::kCanonical, workspace, run, work);
  k.dtypes.push_back(DType::kF64);
  return k;
}

Kernel direct_in_place(const char* name, Run* run, Work* work) {
  Kernel k = direct(name, kConv2dDirectWorkspace, run, work);
  k.in_place = true;
  k.workspace = [](const Block& step) {
    const Index taps = step[Axis::kKy].size() * step[Axis::kKx].size();
    return conv2d_direct_workspace(step[Axis::kCo].size(), step[Axis::kCi].size() * taps);
  };
  return k;
}

Kernel direct_weights() {
  Kernel k = direct("conv2d_weights/direct", kConv2dWeightsWorkspace, &run_conv2d_weights_direct,
                    &conv2d_weights_direct_work);
  k.per_cycle = {56, 9, 0.04};
  k.in_place = true;
  return k;
}

Kernel winograd(const char* name, Index workspace, Run* run, Work* work) {
  Kernel k = kernel(name, Order::kAnchored, workspace, run, work);
  k.windows = {{3, 4}, {1, 2}, kWinogradDilation};
  return k;
}

Kernel winograd_in_place(const char* name, Run* run) {
  Kernel k = winograd(name, kConv2dWinogradWorkspace, run, &conv2d_winograd_work);
  k.windows.taps.end = kWinogradMostTaps + 1;
  k.least_products = &conv2d_winograd_least_products;
  k.in_place = true;
  k.workspace = [](const Block& step) {
    return conv2d_winograd_workspace(step[Axis::kCi].size(), step[Axis::kCo].size());
  };
  k.tiling = &conv2d_winograd_tiling;
  return k;
}

Kernel winograd_stride(const char* name, Run* run, Work* work) {
  Kernel k = kernel(name, Order::kAnchored, kConv2dWinogradStrideWorkspace, run, work);
  k.windows = {{3, 4}, {2, 3}, 1};
  k.least_products = [](double) { return 144.0; };  // with fewer the direct kernel is as quick
  k.in_place = true;
  return k;
}

Kernel winograd_stride_forward() {
  Kernel k = winograd_stride("conv2d/winograd_stride", &run_conv2d_winograd_stride,
                             &conv2d_winograd_stride_work);
  k.workspace = [](const Block& step) {
    return conv2d_winograd_stride_workspace(step[Axis::kCi].size(), step[Axis::kCo].size());
  };
  k.tiling = &conv2d_winograd_stride_tiling;
  return k;
}

Kernel winograd_stride_transpose() {
  Kernel k =
      winograd_stride("conv2d_transpose/winograd_stride", &run_conv2d_transpose_winograd_stride,
                      &conv2d_transpose_winograd_stride_work);
  k.workspace = [](const Block& step) {
    return conv2d_transpose_winograd_stride_workspace(step[Axis::kCi].size(),
                                                      step[Axis::kCo].size());
  };
  k.tiling = &conv2d_transpose_winograd_stride_tiling;
  return k;
}

Kernel winograd_weights() {
  Kernel k = winograd("conv2d_weights/winograd", kConv2dWeightsWinogradWorkspace,
                      &run_conv2d_weights_winograd, &conv2d_weights_winograd_work);
  k.per_cycle = {46, 7.5, 0.04};
  k.workspace = [](const Block& step) {
    return conv2d_weights_winograd_workspace(step[Axis::kCi].size(), step[Axis::kCo].size());
  };
  k.tiling = &conv2d_weights_winograd_tiling;
  k.least_products = &conv2d_weights_winograd_least_products;
  return k;
}

Kernel dot_weights() {
  Kernel k = kernel("conv2d_weights/dot", Order::kAnchored, kConv2dWeightsDotWorkspace,
                    &run_conv2d_weights_dot, &conv2d_weights_dot_work);
  k.per_cycle = {36, 9, 0.03};
  k.in_place = true;
  // Columns are in order inside bands of kDotRows alone, which plans do not know.
  k.anchors[Axis::kY] = kDotRows, k.anchors[Axis::kX] = 0;
  k.workspace = &conv2d_weights_dot_workspace;
  k.error = {1, kDotRoundings};
  return k;
}

Kernel fft(const char* name, Run* run, Work* work) {
  Kernel k = kernel(name, Order::kAnchored, kConv2dFftWorkspace, run, work);
  k.per_cycle = {21, 15, 0.1};
  k.windows = {{1, kFftMostTaps + 1}, {1, 2}, 1};
  return k;
}

Kernel fft_in_place(const char* name, Run* run) {
  Kernel k = fft(name, run, &conv2d_fft_work);
  k.in_place = true;
  k.workspace = &conv2d_fft_workspace;
  k.shared_workspace = &conv2d_fft_shared_workspace;
  k.tiling = &conv2d_fft_tiling;
  return k;
}

Kernel fft_weights() {
  Kernel k = fft("conv2d_weights/fft", &run_conv2d_weights_fft, &conv2d_weights_fft_work);
  k.workspace = &conv2d_weights_fft_workspace;
  k.shared_workspace = &conv2d_weights_fft_shared_workspace;
  k.tiling = &conv2d_weights_fft_tiling;
  return k;
}

Kernel separable() {
  Kernel k = kernel("conv2d/separable", Order::kAnchored, kConv2dSeparableWorkspace,
                    &run_conv2d_separable, &conv2d_separable_work);
  k.dtypes.push_back(DType::kF64);
  k.in_place = true;
  k.factored = true;
  k.windows = {{1, kConv2dSeparableMostTaps + 1}, {1, 2}, 1};
  k.workspace = [](const Block& step) {
    return conv2d_separable_workspace(step[Axis::kKy].size(), step[Axis::kKx].size(),
                                      step[Axis::kY].size(), step[Axis::kX].size());
  };
  k.tiling = &conv2d_separable_tiling;
  return k;
}

std::vector<Kernel> make_table() {
  Kernel forward = direct_in_place("conv2d/direct", &run_conv2d_direct, &conv2d_direct_work);
  forward.pack = &pack_conv2d_direct;
  std::vector<Kernel> table{
      forward,
      separable(),
      fft_in_place("conv2d/fft", &run_conv2d_fft),
      fft_in_place("conv2d_transpose/fft", &run_conv2d_transpose_fft),
      fft_weights(),
      winograd_in_place("conv2d/winograd", &run_conv2d_winograd),
      winograd_in_place("conv2d_transpose/winograd", &run_conv2d_transpose_winograd),
      winograd_stride_forward(),
      winograd_stride_transpose(),
      direct_in_place("conv2d_transpose/direct", &run_conv2d_transpose_direct,
                      &conv2d_transpose_direct_work),
      winograd_weights(),
      dot_weights(),
      direct_weights()};
  for (const auto& optional : {onednn_kernels(), blas_kernels()})
    table.insert(table.end(), optional.begin(), optional.end());
  return table;
}

}  // namespace

const std::vector<Kernel>& kernel_table() {
  static const std::vector<Kernel> none, table = make_table();
  return direct_ops_f32() == nullptr ? none : table;
}

}  // namespace tilewright::cpu
