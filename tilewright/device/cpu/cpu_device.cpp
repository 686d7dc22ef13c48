// The cpu device: its kernels, or none if the machine has no fused multiply-add.
#include "tilewright/device/cpu/cpu_device.h"

#include <fmt/format.h>

#include <thread>

#include "tilewright/device/cpu/kernels/conv2d_direct.h"
#include "tilewright/device/cpu/kernels/conv2d_direct_ops.h"
#include "tilewright/device/cpu/kernels/conv2d_fft.h"
#include "tilewright/device/cpu/kernels/conv2d_weights.h"
#include "tilewright/device/cpu/kernels/conv2d_weights_winograd.h"
#include "tilewright/device/cpu/kernels/conv2d_winograd.h"
#include "tilewright/device/cpu/kernels/direct_work.h"

namespace tilewright {
namespace {

class CpuDevice final : public Device {
 public:
  const char* name() const override { return "cpu"; }
  std::string describe() const override {
    if (kernels().empty()) return "no fused multiply-add: not used";
    return fmt::format("{} cores, {}", std::thread::hardware_concurrency(), cpu::vector_target());
  }
  double vector_share() const override {
    const cpu::DirectOps<float>* ops = cpu::direct_ops_f32();
    return ops == nullptr ? 1 : static_cast<double>(ops->lanes) / kNominalLanes;
  }
  double measure_peak(int threads) const override { return cpu::measure_fma_peak(threads); }
  MemoryRates measure_memory(int threads) const override { return cpu::measure_memory(threads); }
  const std::vector<Kernel>& kernels() const override {
    static const std::vector<Kernel> none;
    using Work = KernelWork(const Layer&, const Block&);
    const auto row = [](const char* name, const char* layer, Index workspace,
                        void (*run)(const StepArgs&), Work* work) {
      Kernel k;
      k.name = name, k.layer = layer, k.run = run;
      k.dtypes = {DType::kF32, DType::kF64};
      k.workspace_bytes_per_thread = workspace;
      k.work = work;
      return k;
    };
    const auto direct_workspace = [](const Block& step) {
      const Index taps = step[Axis::kKy].size() * step[Axis::kKx].size();
      return cpu::conv2d_direct_workspace(step[Axis::kCo].size(), step[Axis::kCi].size() * taps);
    };
    Kernel forward = row("conv2d/direct", "conv2d", cpu::kConv2dDirectWorkspace,
                         &cpu::run_conv2d_direct, &cpu::conv2d_direct_work);
    forward.pack = &cpu::pack_conv2d_direct;
    forward.workspace = direct_workspace;
    forward.in_place = true;
    const auto winograd = [](const char* name, const char* layer, void (*run)(const StepArgs&)) {
      Kernel k;
      k.name = name, k.layer = layer, k.run = run;
      k.order = Order::kAnchored;
      k.in_place = true;
      k.dtypes = {DType::kF32};
      k.workspace_bytes_per_thread = cpu::kConv2dWinogradWorkspace;
      k.windows = {{3, 4}, 1, 1};
      k.anchors[Axis::kY] = k.anchors[Axis::kX] = cpu::kWinogradTile;
      k.anchors[Axis::kCi] = cpu::kWinogradChannels;
      k.anchors[Axis::kKy] = k.anchors[Axis::kKx] = 0;
      k.workspace = [](const Block& step) {
        return cpu::conv2d_winograd_workspace(step[Axis::kCi].size(), step[Axis::kCo].size());
      };
      k.work = &cpu::conv2d_winograd_work;
      k.error = {cpu::kWinogradErrorFactor, cpu::kWinogradRoundings};
      return k;
    };
    Kernel transpose =
        row("conv2d_transpose/direct", "conv2d_transpose", cpu::kConv2dDirectWorkspace,
            &cpu::run_conv2d_transpose_direct, &cpu::conv2d_transpose_direct_work);
    transpose.in_place = true;
    transpose.workspace = direct_workspace;
    const auto fft = [](const char* name, const char* layer, void (*run)(const StepArgs&)) {
      Kernel k;
      k.name = name, k.layer = layer, k.run = run;
      k.order = Order::kAnchored;
      k.dtypes = {DType::kF32};
      k.workspace_bytes_per_thread = cpu::kConv2dFftWorkspace;
      k.per_cycle = {11, 8, 0.05};
      k.windows = {{1, cpu::kFftMostTaps + 1}, 1, 1};
      if (k.layer == "conv2d_weights") {
        k.workspace = &cpu::conv2d_weights_fft_workspace;
        k.shared_workspace = &cpu::conv2d_weights_fft_shared_workspace;
        k.tiling = &cpu::conv2d_weights_fft_tiling;
        k.work = &cpu::conv2d_weights_fft_work;
        return k;
      }
      k.in_place = true;
      k.workspace = &cpu::conv2d_fft_workspace;
      k.shared_workspace = &cpu::conv2d_fft_shared_workspace;
      k.tiling = &cpu::conv2d_fft_tiling;
      k.work = &cpu::conv2d_fft_work;
      return k;
    };
    Kernel weights;
    weights.name = "conv2d_weights/winograd", weights.layer = "conv2d_weights";
    weights.run = &cpu::run_conv2d_weights_winograd;
    weights.order = Order::kAnchored;
    weights.dtypes = {DType::kF32};
    weights.workspace_bytes_per_thread = cpu::kConv2dWeightsWinogradWorkspace;
    weights.windows = {{3, 4}, 1, 1};
    weights.anchors[Axis::kY] = weights.anchors[Axis::kX] = cpu::kWinogradTile;
    weights.anchors[Axis::kKy] = weights.anchors[Axis::kKx] = 0;
    weights.workspace = [](const Block& step) {
      return cpu::conv2d_weights_winograd_workspace(step[Axis::kCi].size(), step[Axis::kCo].size());
    };
    weights.work = &cpu::conv2d_weights_winograd_work;
    weights.error = {cpu::kWeightsWinogradErrorFactor, cpu::kWeightsWinogradRoundings};
    static const std::vector<Kernel> table{
        forward,
        fft("conv2d/fft", "conv2d", &cpu::run_conv2d_fft),
        fft("conv2d_transpose/fft", "conv2d_transpose", &cpu::run_conv2d_transpose_fft),
        fft("conv2d_weights/fft", "conv2d_weights", &cpu::run_conv2d_weights_fft),
        winograd("conv2d/winograd", "conv2d", &cpu::run_conv2d_winograd),
        winograd("conv2d_transpose/winograd", "conv2d_transpose",
                 &cpu::run_conv2d_transpose_winograd),
        transpose,
        weights,
        row("conv2d_weights/direct", "conv2d_weights", cpu::kConv2dWeightsWorkspace,
            &cpu::run_conv2d_weights_direct, &cpu::conv2d_weights_direct_work)};
    return cpu::direct_ops_f32() == nullptr ? none : table;
  }
};

}  // namespace

const Device& cpu_device() {
  static const CpuDevice device;
  return device;
}

}  // namespace tilewright
