// The cpu device: its kernels, or none if the machine has no fused multiply-add.
#include "tilewright/device/cpu/cpu_device.h"

#include <fmt/format.h>

#include <thread>

#include "tilewright/device/cpu/kernels/conv2d_direct.h"
#include "tilewright/device/cpu/kernels/conv2d_direct_ops.h"

namespace tilewright {
namespace {

class CpuDevice final : public Device {
 public:
  const char* name() const override { return "cpu"; }
  std::string describe() const override {
    if (kernels().empty()) return "no fused multiply-add: not used";
    return fmt::format("{} cores, {}", std::thread::hardware_concurrency(), cpu::vector_target());
  }
  double measure_peak(int threads) const override { return cpu::measure_fma_peak(threads); }
  const std::vector<Kernel>& kernels() const override {
    static const std::vector<Kernel> none;
    static const std::vector<Kernel> table{{"conv2d/direct",
                                            "conv2d",
                                            Order::kCanonical,
                                            {DType::kF32, DType::kF64},
                                            cpu::kConv2dDirectWorkspace,
                                            12,
                                            &cpu::run_conv2d_direct}};
    return cpu::direct_ops_f32() == nullptr ? none : table;
  }
};

}  // namespace

const Device& cpu_device() {
  static const CpuDevice device;
  return device;
}

}  // namespace tilewright
