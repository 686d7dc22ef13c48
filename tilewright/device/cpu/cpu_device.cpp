// The cpu device: its kernels, or none if the machine has no fused multiply-add.
#include "tilewright/device/cpu/cpu_device.h"

#include <fmt/format.h>

#include <thread>

#include "tilewright/device/cpu/kernel_table.h"
#include "tilewright/device/cpu/kernels/blas/conv2d_blas.h"
#include "tilewright/device/cpu/kernels/conv2d_direct_ops.h"
#include "tilewright/device/cpu/kernels/onednn/conv2d_onednn.h"

namespace tilewright {
namespace {

class CpuDevice final : public Device {
 public:
  const char* name() const override { return "cpu"; }
  std::string describe() const override {
    if (kernels().empty()) return "no fused multiply-add: not used";
    return fmt::format("{} cores, {}, {}, {}", std::thread::hardware_concurrency(),
                       cpu::vector_target(), cpu::blas_version(), cpu::onednn_version());
  }
  double vector_share() const override {
    const cpu::DirectOps<float>* ops = cpu::direct_ops_f32();
    return ops == nullptr ? 1 : static_cast<double>(ops->lanes) / kNominalLanes;
  }
  double measure_peak(int threads) const override { return cpu::measure_fma_peak(threads); }
  MemoryRates measure_memory(int threads) const override { return cpu::measure_memory(threads); }
  const std::vector<Kernel>& kernels() const override { return cpu::kernel_table(); }
};

}  // namespace

const Device& cpu_device() {
  static const CpuDevice device;
  return device;
}

}  // namespace tilewright
