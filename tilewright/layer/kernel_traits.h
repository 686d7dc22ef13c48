// What planner and devices both know of a kernel: what it computes, how exactly, where it may be
// cut, which memory it takes and what its steps cost. Plain data and pure functions.
#pragma once

#include <limits>

#include "tilewright/layer/layer.h"

namespace tilewright {

/// The summation order that a kernel promises (docs/exactness.md).
enum class Order { kCanonical, kAnchored, kFree };
const char* to_string(Order order);

/// Where a kernel with tiles of its own lets an axis be cut: at multiples of this many indices, or
/// nowhere (0).
using Anchors = PerAxis<Index>;
inline constexpr Anchors kAnywhere{{1, 1, 1, 1, 1, 1, 1, 1}};

/// The stated bound of a kernel with arithmetic of its own: |error| <= factor * gamma(K) * sum over
/// channels of sum|w| * max|x| over its tile, K being the products of a block of sums, `products`
/// for each channel, the number of such blocks and `roundings`. Factor 0: the bound of the
/// canonical sum.
struct ErrorGrowth {
  double factor = 0;
  double roundings = 0;
  double products = 1;
};

/// Where a kernel may be cut, and what it promises.
struct KernelTiling {
  Anchors anchors = kAnywhere;
  ErrorGrowth error{};
};

/// The windows that a kernel computes, the same along y and x.
struct WindowRange {
  Interval taps{1, std::numeric_limits<Index>::max()};
  Interval strides{1, std::numeric_limits<Index>::max()};
  Index most_dilation = std::numeric_limits<Index>::max();

  bool contains(Index some_taps, Index stride, Index dilation) const {
    return taps.contains(some_taps) && strides.contains(stride) && dilation <= most_dilation;
  }
};

/// What a step costs a kernel, in terms that hold on every machine: as if it computed in f32 with
/// vectors of kNominalLanes.
struct KernelWork {
  /// Floating-point operations executed, a multiply-add counting two, idle lanes included.
  double flop = 0;
  /// Bytes packed, copied or transformed beside them, in caches.
  double bytes = 0;
  /// Visits of inner loops that cost something whatever they do.
  double visits = 0;
};
inline constexpr Index kNominalLanes = 16;

/// How much of each a core does: in a cycle (a kernel's first guess), or in a second (a machine).
struct KernelRates {
  double flop = 1;
  double bytes = 1;
  double visits = 1;
};

/// Cycles or seconds of one core.
inline double time_of(const KernelWork& work, const KernelRates& rates) {
  return work.flop / rates.flop + work.bytes / rates.bytes + work.visits / rates.visits;
}

struct KernelTraits {
  std::string name;   // "conv2d/direct"
  std::string layer;  // "conv2d"
  Order order = Order::kCanonical;
  std::vector<DType> dtypes;
  /// Enough for every step, whatever its size; the kernel blocks itself to fit. A kernel without
  /// any uses one thread.
  Index workspace_bytes_per_thread = 0;
  /// First guesses for a machine with vectors of kNominalLanes; `tilewright tune` measures.
  KernelRates per_cycle{46, 9, 0.04};
  /// Reads images where they lie and makes their zero padding itself (StepArgs::real_y, real_x).
  bool in_place = false;
  /// Takes weights alone that are products of a column and a row, one channel per group
  /// (StepArgs::column, row).
  bool factored = false;
  WindowRange windows{};
  Anchors anchors = kAnywhere;  // for Order::kAnchored
  ErrorGrowth error{};
  /// Bytes per thread for steps as large as `step`, at most workspace_bytes_per_thread; null: that.
  Index (*workspace)(const Block& step) = nullptr;
  /// Bytes beside those, for all threads together; may be null.
  Index (*shared_workspace)(const Block& step) = nullptr;
  /// Products of the definition's sums (Layer::longest_sum) from which on plans choose it without
  /// being asked, where `real` of them meet the image and not zero padding: shorter sums have
  /// errors so small that the kernel's own stand out. Null: any.
  double (*least_products)(double real) = nullptr;
  /// Anchors and error where they depend on the layer's windows; null: as above.
  KernelTiling (*tiling)(const Layer& layer) = nullptr;
  /// What a step costs, all threads together; null: default_work.
  KernelWork (*work)(const Layer& layer, const Block& step) = nullptr;
};

/// The flop of the layer, and one pass over its operands.
KernelWork default_work(const Layer& layer, const Block& step);
/// What `step` costs that kernel.
KernelWork work_of(const KernelTraits& kernel, const Layer& layer, const Block& step);
/// Bytes of its workspace for steps as large as `step`.
Index workspace_bytes(const KernelTraits& kernel, const Block& step, int threads);
/// Where it may be cut for `layer`, and what it promises then.
KernelTiling tiling_of(const KernelTraits& kernel, const Layer& layer);

}  // namespace tilewright
