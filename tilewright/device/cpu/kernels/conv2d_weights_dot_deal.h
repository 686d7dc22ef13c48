// How conv2d_weights/dot deals its weights out: parts, the bands of rows that are packed at once,
// the chunks of a band that stay in the first-level cache, and register tiles. None of this changes
// a bit: every weight is the same chain wherever it is computed.
#pragma once

#include "tilewright/device/cpu/kernels/conv2d_weights_dot_ops.h"
#include "tilewright/layer/layer.h"

namespace tilewright::cpu {

/// One axis of the packed source: as it lies, or, where there is one tap, only what it meets.
struct DotAxis {
  Index step = 1;  // of the source
  Index per_result = 1, per_tap = 0;
  DotAxis() = default;
  DotAxis(Index taps, const Window& w)
      : step(taps == 1 ? w.stride : 1),
        per_result(taps == 1 ? 1 : w.stride),
        per_tap(taps == 1 ? 0 : w.dilation) {}
  Index length(Index results, Index taps) const {
    return (results - 1) * per_result + (taps - 1) * per_tap + 1;
  }
};

struct DotSizes {
  Index groups = 1, co = 1, ci = 1, ky = 1, kx = 1;  // channels of one group
  Index images = 1, rows = 1, columns = 1;           // of the results
  Index taps() const { return ci * ky * kx; }
};

/// Bytes of a thread's workspace by what they hold.
struct DotRoom {
  explicit DotRoom(const DotSizes& sizes);
  Index source = 0, sums = 0, offsets = 0, results = 0, waiting = 0;
  Index all() const { return source + sums + offsets + results + waiting; }
};

/// The weights of one part, and its group.
struct DotPart {
  Index g = 0;
  Interval co, ci, ky, kx;
  Index taps() const { return ci.size() * ky.size() * kx.size(); }
  Index weights() const { return co.size() * taps(); }
};

/// A register tile, and cycles per vector of results for all tiles of a group.
struct DotTile {
  Index co = 1, taps = 1;
  double cycles = 0;
};
DotTile choose_dot_tile(Index co, Index taps, Index max_sums);

struct DotDeal {
  DotDeal(const DotSizes& sizes, const Window& window_y, const Window& window_x, Index max_sums,
          int threads);

  DotSizes sizes;
  DotRoom room;
  Window window_y, window_x;
  Index down, across;                     // blocks of an image
  DotAxis y;                              // of parts
  Index co = 1, ci = 1, ky = 1, kx = 1;   // of a part
  Index chunk = 1, band = 1;              // rows of results
  Index phase = 0, pitch = 0, plane = 0;  // elements of a phase, a row, a channel of a band
  DotTile tile;
  Index round = 1;  // blocks whose sums wait for their turn

  Index blocks() const { return sizes.images * down * across; }
  Index parts() const;
  DotPart part(Index i) const;
  Index part_weights() const { return co * ci * ky * kx; }
  /// Whether a part is one small window, whose operands are read where they lie (DotPlane).
  bool planes() const;
  /// Rows that are copied for a chunk of all weights of a group.
  double copied_rows() const;

 private:
  void choose_taps();
  void choose_channels();
  void share(int threads);
  void choose_round(int threads);
  void lay_out();
  void choose_band();
  Index plane_of(Index results) const;
};

}  // namespace tilewright::cpu
