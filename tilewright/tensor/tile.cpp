// Tile layout formulas.
#include "tilewright/tensor/tile.h"

namespace tilewright {
namespace {

constexpr Index kLine = 64;           // bytes of a cache line
constexpr Index kWideRowBytes = 512;  // rows from here on start on a cache line
constexpr Index kSetBytes = 4096;     // planes a multiple of this apart share cache sets

}  // namespace

Shape tile_strides(const Shape& shape, DType dtype) {
  const Index size = size_of(dtype);
  Index row = checked_mul(shape[3], size);
  if (row >= kWideRowBytes) row = round_up(row, kLine);
  Index plane = checked_mul(shape[2], row);
  if (plane >= kSetBytes) {
    plane = round_up(plane, kLine);
    if (plane % kSetBytes == 0) plane = checked_add(plane, kLine);
  }
  const Index row_elements = row / size;
  const Index plane_elements = plane / size;
  return {checked_mul(plane_elements, shape[1]), plane_elements, row_elements, 1};
}

Index tile_bytes(const Shape& shape, DType dtype) {
  const Index elements = checked_mul(shape[0], tile_strides(shape, dtype)[0]);
  return round_up(checked_add(checked_mul(elements, size_of(dtype)), kTileSlackBytes), kLine);
}

Index dense_bytes(const Shape& shape, DType dtype) {
  const Index bytes = checked_mul(volume(shape), size_of(dtype));
  return round_up(checked_add(bytes, kTileSlackBytes), kLine);
}

}  // namespace tilewright
