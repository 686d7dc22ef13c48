// What conv2d_weights/dot asks of the vector unit, compiled once per target: sums of products of
// vectors that lie side by side along rows, rows with every n-th element, and the sum over lanes.
#pragma once

#include "tilewright/base/checked.h"
#include "tilewright/geometry/interval.h"

namespace tilewright::cpu {

/// Lanes of every target: shorter vectors pass several times.
inline constexpr Index kDotLanes = 16;

/// For each result channel f and each tap t,
/// sums[(f * taps + t) * kDotLanes + l] += sum over rows y, then i < vectors, of
///   results[f][y * results_row + i * kDotLanes + l] * source[t][y * source_row + i * kDotLanes +
///   l]
/// by one fused multiply-add each. The last vector of a row has `tail` lanes if that is not 0:
/// there the source counts as zero in the others, and results are zero.
struct DotJob {
  static constexpr int kMostResults = 4, kMostTaps = 9;
  const float* results[kMostResults] = {};
  const float* source[kMostTaps] = {};
  Index results_row = 0, source_row = 0;
  Index rows = 0, vectors = 0, tail = 0;
  float* sums = nullptr;
  bool first = true;  // sums start from +0
  /// Memory to come is asked for on the way: kAskedFloats from each of these on.
  static constexpr int kMostAsked = 80;
  const float* asked[kMostAsked];
  int asked_count = 0;
};

inline constexpr Index kAskedFloats = 128;

/// The same sums for one channel of either side and ky x kx taps, both operands where they lie:
/// sums[(i * kx + j) * kDotLanes + l], from +0.
struct DotPlane {
  static constexpr Index kMostTaps = 3;  // along an axis
  const float* results = nullptr;
  Index results_row = 0;
  const float* source = nullptr;  // what the first result meets through the first tap
  Index source_row = 0;
  Index dilation_y = 1, dilation_x = 1;
  Interval real_y, real_x;  // positions from `source` on that exist; others are zero
  Index rows = 0, columns = 0, ky = 1, kx = 1;
  float* sums = nullptr;
};

struct DotOps {
  /// Sums that registers hold: of `run`, channels * taps.
  int max_sums = 0;
  void (*run)(const DotJob& job, int channels, int taps) = nullptr;
  /// Null where loads of some lanes may touch others.
  void (*plane)(const DotPlane& job) = nullptr;
  /// to[i] = from[i * step], i < count.
  void (*pick)(const float* from, Index step, float* to, Index count) = nullptr;
  /// to[i] = the sum of lanes sums[i * kDotLanes ...]: l + (l + 8), then 4, 2 and 1, in f64.
  void (*add_lanes)(const float* sums, Index count, double* to) = nullptr;
};

/// The operations of the best target of this machine, or null if it has no fused multiply-add.
const DotOps* dot_ops();

}  // namespace tilewright::cpu
