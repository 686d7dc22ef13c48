// How tiles lie in memory: rows dense, planes placed so that power-of-two images do not map all
// channels to the same cache sets. Planner (bytes) and executor (views) share these formulas.
#pragma once

#include "tilewright/tensor/tensor.h"

namespace tilewright {

/// Bytes that stay readable behind the last element of every tile: kernels may load whole vectors.
inline constexpr Index kTileSlackBytes = 512;

/// Strides in elements of a source tile of `shape`.
Shape tile_strides(const Shape& shape, DType dtype);

/// Bytes of a source tile of `shape` with its slack, a multiple of 64.
Index tile_bytes(const Shape& shape, DType dtype);

/// Bytes of a dense buffer of `shape` with slack, a multiple of 64.
Index dense_bytes(const Shape& shape, DType dtype);

}  // namespace tilewright
