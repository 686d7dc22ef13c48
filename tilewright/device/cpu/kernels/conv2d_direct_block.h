// Computes one block of outputs of a step: for each part of the sum, packs the weights of some
// channels and then, strip by strip, the source, and hands both to the vector unit. Partial sums
// wait in the workspace, unrounded: in dst their lines would be planes apart, often in the same
// sets of all caches.
#pragma once

#include <span>

#include "tilewright/device/cpu/kernels/conv2d_direct_ops.h"
#include "tilewright/device/cpu/kernels/conv2d_direct_step.h"

namespace tilewright::cpu {

/// Products that are added up in one visit.
inline constexpr Index kDirectDepth = 384;
/// Of the workspace, at most for weights, and for everything else: long runs of source rows pay
/// where many output channels use them.
inline constexpr Index kDirectPanelBytes = 400 * 1024, kDirectWindowBytes = 112 * 1024;
/// For sums of which a part is done.
inline constexpr Index kDirectSumsBytes = 1024 * 1024;
inline Index direct_window_bytes(Index co) { return co < 32 ? kDirectWindowBytes : 240 * 1024; }

inline Index direct_sums_bytes(Index co, Index depth) {
  constexpr Index kEach = 4096;  // for each channel: fewer sums do not pay for packing the weights
  return depth <= kDirectDepth ? 0 : std::min(kDirectSumsBytes, co * kEach);
}

/// How one lane slot of a packed row is made: zeros, a copy, zeros.
struct SlotCopy {
  Index from = 0, to = 0;  // in the source row and in the packed row
  Index zeros = 0, count = 0, zeros_after = 0;
};

/// Outputs of one image and group.
struct OutputBlock {
  Index n = 0, g = 0;
  Interval co;  // in the group
  Interval row, lane;
};

template <class T>
class BlockRunner {
 public:
  BlockRunner(const DirectStep<T>& step, const DirectOps<T>& ops, std::span<std::byte> workspace);
  /// `next` is what will be run after it, if anything.
  void run(const OutputBlock& block, const OutputBlock& next);

 private:
  static constexpr Index kMaxDepth = kDirectDepth;
  static constexpr Index kMaxSpots = 256;
  static constexpr Index kBytes = sizeof(T);

  struct Part {
    Index rows = 1, lanes = 1;
  };
  Part part_of(const OutputBlock& block, Index channels) const;
  void run_box(const OutputBlock& block, const Interval& co, const Box& box);
  void run_strip(const OutputBlock& block, const Box& box, const Interval& row,
                 const Interval& lane, TileJob<T>& job);
  Ahead behind(const OutputBlock& block, const Box& box, Index y, Index x) const;
  const T* source(const OutputBlock& block, const Box& box, const Interval& row,
                  const Interval& lane) const;
  Index touched(const Box& box, const Interval& lane) const;
  void lay_out(const Box& box, const OutputBlock& block);
  void choose_strip(const Box& box, const OutputBlock& block);
  void lay_offsets(const Box& box);
  void lay_twin_offsets(const Box& box);
  void pack_weights(const T* weights, Index channels, const Box& box, TileJob<T>& job);
  void list_slots(const Interval& lane, Index first_tap);
  void pack_row(const T* from, bool real, T* to);
  void pack(const OutputBlock& block, const Box& box, const Interval& row, const Interval& lane);
  Index list_spots(const Interval& row, const Interval& lane);
  Index row_taps(const Box& b) const { return step_.turned ? b.x_count : b.y_count; }
  /// The tap of a box, along each axis, that meets the lowest positions of the source.
  Index first_row_tap(const Box& b) const {
    return step_.lowest(step_.turned ? b.kx : b.ky, row_taps(b), step_.row_taps());
  }
  Index first_lane_tap(const Box& b) const {
    return step_.lowest(step_.turned ? b.ky : b.kx, lane_taps(b), step_.lane_taps());
  }
  Index lane_taps(const Box& b) const {
    return step_.twin.any() ? step_.lane.taps : step_.turned ? b.y_count : b.x_count;
  }

  const DirectStep<T>& step_;
  const DirectOps<T>& ops_;
  bool direct_ = false;  // read the source where it is
  Box laid_{};           // the box sizes that the layout is for
  Index strip_rows_ = 0, strip_lanes_ = 0;
  PackedAxis row_, lane_;
  TapRows rows_, twin_rows_;  // of the offsets
  OutputBlock after_;         // the part that follows the one at work
  std::span<Index> offsets_, weight_offsets_;
  std::span<Spot> spots_;
  std::span<SlotCopy> slots_;
  std::span<T> panels_, window_, sums_;
};

extern template class BlockRunner<float>;
extern template class BlockRunner<double>;

}  // namespace tilewright::cpu
