// What a Zarr array's .zarray file says. It comes from outside, so every part is checked.
#pragma once

#include <string>

#include "tilewright/tensor/tensor.h"

namespace tilewright {

struct ZarrHeader {
  std::string folder;  // of the array; its group's folder may be the one above
  TensorSpec spec;
  int rank = 4;
  Shape chunk{1, 1, 1, 1};
  std::string separator = ".";
  double fill = 0;
  /// Chunks are the bytes of their elements in our order: neither compressed nor filtered.
  bool plain = true;

  Index chunk_bytes() const { return checked_mul(volume(chunk), size_of(spec.dtype)); }
  /// The file of the chunk with these indices.
  std::string chunk_path(const Shape& index) const;
};

/// The header of the array at `path`, or of the only one in the group at `path`. Throws StoreError
/// if it is damaged, Unsupported if it is of a type, rank or version that cannot be read.
ZarrHeader read_zarr_header(const std::string& path);

}  // namespace tilewright
