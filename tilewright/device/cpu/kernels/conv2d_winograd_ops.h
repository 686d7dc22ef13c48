// What conv2d_winograd asks of the vector unit, compiled once per target: the transforms of
// F(4, 3), F(3, 4) and F(2, 5) with the points 0, +-sqrt(1/2), +-sqrt(2), infinity, along each axis
// by its taps; all three transform the source alike. Lanes are tiles that lie side by side; every
// tile goes through the same operations in the same order, whatever the target.
#pragma once

#include <algorithm>

#include "tilewright/geometry/interval.h"

namespace tilewright::cpu {

/// Outputs of a tile along an axis of three taps, inputs of any, and products per tile.
inline constexpr Index kWinogradOut = 4, kWinogradIn = 6, kWinogradProducts = 36;
/// Outputs of a tile along an axis of `taps` taps, 3 to 5.
constexpr Index winograd_outputs(Index taps) { return kWinogradIn + 1 - taps; }

/// Where tiles lie along an axis whose taps are `dilation` apart: the outputs of a tile are those
/// of one phase, every dilation-th, so that tiles of all phases take turns. Consecutive tiles of
/// one group of phases begin side by side.
struct WinogradTiles {
  Index dilation = 1;
  Index outputs = kWinogradOut;  // of a tile

  /// The first output and input of a tile.
  Index begin(Index tile) const { return tile / dilation * dilation * outputs + tile % dilation; }
  /// Outputs of the tiles of all phases that begin side by side.
  Index group() const { return outputs * dilation; }
  /// Tiles that hold `extent` outputs.
  Index count(Index extent) const {
    return extent / group() * dilation + std::min(dilation, extent % group());
  }
  /// `tiles`, and those that would complete their last group.
  Index whole(Index tiles) const { return (tiles + dilation - 1) / dilation * dilation; }
};

/// The tiles of one channel, in `rows` from row `row` on, and `columns` from a group's first on.
/// Element (i, j) of the transformed tile t goes to dst[(6*i + j) * product_step + t], up to
/// t < `padded`, where tiles that do not exist are zero.
struct WinogradSource {
  const float* src = nullptr;  // what the tiles of row 0 and the first of the columns begin with
  Index src_row = 0;
  Interval y, x;  // readable, counted from src; elsewhere lie zeros
  WinogradTiles down, across;
  Index row = 0, rows = 0, columns = 0, padded = 0;
  float* dst = nullptr;
  Index product_step = 0;
  const float* next = nullptr;  // what is read after this, to be asked for early
  float* scratch = nullptr;     // winograd_scratch() elements
};

/// The inverse: product (i, j) of tile t lies at src[(6*i + j) * product_step + t]. The results
/// become dst, or are added to it unless `first`; then `bias` is added, if there is one.
struct WinogradResult {
  const float* src = nullptr;
  Index product_step = 0;
  WinogradTiles down, across;
  Index row = 0, rows = 0, columns = 0;
  float* dst = nullptr;  // of row 0 and the first of the columns
  Index dst_row = 0, dst_step = 1;
  Index height = 0, width = 0;  // of dst; tiles may reach beyond
  const float* bias = nullptr;
  bool first = true;
  const float* next = nullptr;  // dst of what is added to after this, to be asked for early
  float* scratch = nullptr;
};

/// Filters [taps_y, taps_x] of `outputs` x `inputs` channels, with the strides of a weights tensor.
/// Factor (i, j) of output channel c and input channel k goes to dst[(6*i + j) * product_step + k *
/// outputs + c]; it is computed in f64 and rounded once.
struct WinogradWeights {
  const float* weights = nullptr;
  Index output = 0, input = 0, row = 0, column = 0;
  Index taps_y = 3, taps_x = 3;
  Index outputs = 0, inputs = 0;
  float* dst = nullptr;
  Index product_step = 0;
};

/// Tiles with channels along the lanes, for gradients of weights: element (y, x) of a vector of
/// channels lies at src[y * row + x * column], y counting the elements of one phase; factor p of
/// the tile (r, c) goes to dst[p * product_step + (r * columns + c) * tile_step].
struct WinogradLanes {
  const float* src = nullptr;
  Index row = 0, column = 0;
  WinogradTiles across;
  Index rows = 0, columns = 0;  // tiles
  float* dst = nullptr;
  Index product_step = 0, tile_step = 0;
};

/// totals[k * total_step + i] += tap k of the products src[p * product_step + i], i < `count`,
/// which is a multiple of the lanes.
struct WinogradTaps {
  const float* src = nullptr;
  Index product_step = 0, count = 0;
  double* totals = nullptr;
  Index total_step = 0;
};

/// Elements of scratch for tiles in rows of `columns`, in whole groups.
constexpr Index winograd_scratch(Index columns, Index dilation) {
  constexpr Index kMostLanes = 16;
  return (kWinogradIn + 2) * kWinogradOut * (columns + dilation + 2 * kMostLanes);
}

struct WinogradOps {
  int lanes = 0;
  void (*source)(const WinogradSource& job) = nullptr;
  void (*result)(const WinogradResult& job) = nullptr;
  void (*weights)(const WinogradWeights& job) = nullptr;
  /// 6 x 6 elements per tile, as `source` transforms them.
  void (*source_lanes)(const WinogradLanes& job) = nullptr;
  /// 4 x 4 gradients of results per tile: the transpose of what `result` does.
  void (*result_lanes)(const WinogradLanes& job) = nullptr;
  /// The transpose of what `weights` does.
  void (*taps)(const WinogradTaps& job) = nullptr;
};

/// The transforms of the best target of this machine, or null if it has no fused multiply-add.
const WinogradOps* winograd_ops();

}  // namespace tilewright::cpu
