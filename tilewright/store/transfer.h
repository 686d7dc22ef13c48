// Moves regions between views in memory and dense boxes in files: a whole .npy file, one tile of an
// uncompressed TIFF, one chunk of a Zarr array. Rows of the same type go straight from the file
// to the caller's memory; everything else passes through a small fixed scratch.
#pragma once

#include <functional>
#include <string>

#include "tilewright/store/file.h"
#include "tilewright/tensor/tensor.h"

namespace tilewright {

/// Bytes of scratch that transfers need at most, whatever the region.
inline constexpr Index kScratchBytes = 256 << 10;

/// An array inside a file; element (n, c, y, x) lies at base + (its strided offset) * size.
struct FileBox {
  Index base = 0;  // bytes
  DType dtype = DType::kF32;
  Shape strides{0, 0, 0, 0};  // elements; the x stride is at least 1
};

/// Reads `region` of the box into `dst` (same shape, any strides and type). Reads that need no
/// conversion may be pending in `batch` until its flush().
void read_box(IoBatch& batch, const FileBox& box, const Region& region, const TensorView& dst);

/// Writes `src` (same shape, the box's type, any strides) to `region` of the box. The box's x
/// stride is 1. Writes may be pending in `batch` until its flush().
void write_box(IoBatch& batch, const FileBox& box, const Region& region,
               const ConstTensorView& src);

/// `block`: index of a block along each axis; `inside`: the part of it, counted from the block's
/// origin; `view`: the same part, counted from the region's origin.
using BlockVisitor =
    std::function<void(const Shape& block, const Region& inside, const Region& view)>;

/// Visits the blocks of the regular grid that `region` touches, in row-major order.
void for_blocks(const Region& region, const Shape& block, const BlockVisitor& visit);

/// Throws InvalidArgument, naming `path`, unless `region` lies in `spec` and has `view`'s shape.
void check_region(const std::string& path, const TensorSpec& spec, const Region& region,
                  const Shape& view);

/// The same, and that the view to be written has the store's type.
void check_write(const std::string& path, const TensorSpec& spec, const Region& region,
                 const ConstTensorView& src);

/// The scratch of this thread, kScratchBytes long, 64-byte aligned.
std::byte* scratch();

}  // namespace tilewright
