// What conv2d_winograd_stride asks of the vector unit, compiled once per target: the transforms of
// F(3, 2) with the points 0, 1, -1, infinity, along each axis. Of an axis, three taps with stride 2
// are two taps that meet every second position, and one that meets those between: four factors and
// three, kStrideFactors in a row. Lanes are tiles that lie side by side; every tile goes through
// the same operations in the same order, whatever the target.
#pragma once

#include <array>

#include "tilewright/geometry/interval.h"

namespace tilewright::cpu {

/// Outputs of a tile along an axis, of each phase; points; factors of both phases.
inline constexpr Index kStrideOut = 3, kStridePoints = 4, kStrideFactors = 7;
inline constexpr Index kStrideProducts = kStrideFactors * kStrideFactors;

/// Where element (i, j) of a transform begins: [kStrideFactors * i + j], or for what has no phases
/// [kStridePoints * i + j].
using StrideOffsets = std::array<Index, kStrideProducts>;

/// Tiles [first, first + count) of an image, counted row by row of `columns`.
struct StrideTiles {
  Index first = 0, count = 0, columns = 1;
};

/// The tiles of one channel. Element p of the transformed tile first + t goes to dst[at[p] + t], up
/// to t < `padded`, where tiles that do not exist are zero.
struct StrideSource {
  const float* src = nullptr;  // what tile 0 begins with
  Index src_row = 0;
  Interval y, x;  // readable, counted from src; elsewhere lie zeros
  StrideTiles tiles;
  Index padded = 0;
  float* dst = nullptr;
  const StrideOffsets* at = nullptr;
  const float* next = nullptr;  // what is read after this, to be asked for early
  float* scratch = nullptr;     // kStrideScratch elements
};

/// The inverse: product p of tile first + t lies at src[at[p] + t]. The results become dst, or are
/// added to it unless `first`; then `bias` is added, if there is one.
struct StrideResult {
  const float* src = nullptr;
  const StrideOffsets* at = nullptr;
  StrideTiles tiles;
  /// For results in phases: whether outputs 1, 3, 5 of a tile are those that meet two taps.
  bool late_y = false, late_x = false;
  float* dst = nullptr;  // of tile 0
  Index dst_row = 0, dst_step = 1;
  Index height = 0, width = 0;  // of dst; tiles may reach beyond
  const float* bias = nullptr;
  bool first = true;
  const float* next = nullptr;  // dst of what comes after this, to be asked for early
  float* scratch = nullptr;
};

/// Filters of 3 x 3 taps of `outputs` x `inputs` channels, with the strides of a weights tensor.
/// Factor p of output channel c and input channel k goes to dst[at[p] + k * outputs + c]; it is
/// computed in f64 and rounded once.
struct StrideWeights {
  const float* weights = nullptr;
  Index output = 0, input = 0, row = 0, column = 0;
  Index outputs = 0, inputs = 0;
  /// Whether the tap in the middle is the second of its pair, the other one being zero; else it is
  /// the first.
  bool second_y = false, second_x = false;
  float* dst = nullptr;
  const StrideOffsets* at = nullptr;
};

/// Tiles of one call, at most, and what their rows take.
inline constexpr Index kStrideMostTiles = 64;
inline constexpr Index kStrideScratch =
    (2 * kStrideFactors * 3 + kStrideProducts) * (kStrideMostTiles + 48) + 64;

struct StrideOps {
  int lanes = 0;
  /// 7 x 7 inputs per tile, 6 apart, to the factors of all phases.
  void (*source_phases)(const StrideSource& job) = nullptr;
  /// 4 x 4 inputs per tile, 3 apart, to as many factors.
  void (*source)(const StrideSource& job) = nullptr;
  /// 4 x 4 products to 3 x 3 results.
  void (*result)(const StrideResult& job) = nullptr;
  /// Products of all phases to 6 x 6 results.
  void (*result_phases)(const StrideResult& job) = nullptr;
  void (*weights)(const StrideWeights& job) = nullptr;
};

/// The transforms of the best target of this machine, or null if it has no fused multiply-add.
const StrideOps* stride_ops();

}  // namespace tilewright::cpu
