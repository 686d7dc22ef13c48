// PORT Device: a place where kernels run. A device never learns about plans, tiles of others or
// files: it gets one step, a padded source window with weights, and adds it to a destination.
#pragma once

#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "tilewright/layer/kernel_traits.h"
#include "tilewright/tensor/tensor.h"

namespace tilewright {

/// One step: dst (+)= layer(src, weights) (+ bias). All views have the compute dtype, dst has the
/// layer's accumulator. For conv2d_weights, `weights` is the gradient of the results.
struct StepArgs {
  static constexpr Index kEverywhere = std::numeric_limits<Index>::max() / 4;
  const Layer* layer = nullptr;
  /// Padded window [n, groups*ci, Y, X]; rows are dense (strides[3] == 1). Position (0,0) is the
  /// input of output (0,0) at the first tap of this step.
  ConstTensorView src;
  /// The positions of src that exist, if the kernel says `in_place`: others are zero, not to be
  /// read.
  Interval real_y{0, kEverywhere}, real_x{0, kEverywhere};
  /// [groups*co, ci, ky, kx] of this step, dense, taps in the order in which they are summed.
  ConstTensorView weights;
  /// For kernels that are `factored`: taps ky and kx whose products are the weights of every
  /// channel, in the order in which they are summed.
  const double* column = nullptr;
  const double* row = nullptr;
  /// Whether Kernel::pack has been applied to the data of `weights`.
  bool packed = false;
  /// [1, groups*co, 1, 1]; null unless this is the last step of a piece and the layer has bias.
  ConstTensorView bias;
  /// [n, groups*co, y, x]; rows are dense. Holds the partial sum unless `first`.
  TensorView dst;
  Index groups = 1;
  /// Where dst(0,0), src(0,0) and the first tap lie in the whole problem, per image axis.
  struct Place {
    Index dst = 0, src = 0, tap = 0;
  };
  Place y, x;
  /// Sums start from +0 instead of from dst.
  bool first = true;
  /// Results are not read again soon: they may bypass the caches.
  bool stream = false;
  /// The kernel's call before this one had the same weights, and `workspace` is as it left it.
  bool same_weights = false;
  std::byte* workspace = nullptr;  // 64-byte aligned, see workspace_bytes()
  int threads = 1;
};

/// One algorithm for one layer.
struct Kernel : KernelTraits {
  void (*run)(const StepArgs& args) = nullptr;
  /// Rearranges weights [groups*co, ci, ky, kx], dense, in place, for many steps; false if they are
  /// left as they are. May be null. `workspace` and `threads` as in StepArgs.
  bool (*pack)(const TensorView& weights, Index groups, std::byte* workspace,
               int threads) = nullptr;
};

/// How fast main memory is used; 0 where that is unknown. A copy counts what it reads and writes.
struct MemoryRates {
  double read_bytes_per_second = 0, copy_bytes_per_second = 0;
};

class Device {
 public:
  virtual ~Device() = default;
  /// "cpu", "reference"
  virtual const char* name() const = 0;
  /// One line: what hardware and instruction set it uses.
  virtual std::string describe() const = 0;
  /// In order of preference; empty if this machine cannot run the device.
  virtual const std::vector<Kernel>& kernels() const = 0;
  /// Measured f32 multiply-add peak in GFLOP/s with that many threads; 0 if it has none to tell.
  virtual double measure_peak(int) const { return 0; }
  /// Lanes of its f32 vectors, of kNominalLanes: by how much its kernels differ from per_cycle.
  virtual double vector_share() const { return 1; }
  /// Measured rates of main memory with that many threads.
  virtual MemoryRates measure_memory(int) const { return {}; }
};

/// The visible table of devices, best first, reference last.
const std::vector<const Device*>& device_table();

/// The kernel called `name` ("conv2d/direct") of device `device`. Throws Unsupported.
const Kernel& find_kernel(const std::string& device, const std::string& name);

}  // namespace tilewright
