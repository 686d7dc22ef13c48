// Uncompressed TIFF files, past GDAL: where their blocks lie, and reading and writing them straight
// between file and caller. GDAL's block cache would copy every pixel twice more and would have to
// be paid from the byte budget. GDAL tells the places of the blocks; whatever is not plain here is
// left to it.
#pragma once

#include <gdal_priv.h>

#include <functional>
#include <optional>

#include "tilewright/store/transfer.h"

namespace tilewright {

/// GDAL keeps place and size of every block of an open TIFF, 8 bytes each.
inline constexpr Index kTiffIndexBytes = 16;

/// The shape of a TIFF file's blocks (tiles or strips).
struct TiffBlocks {
  TensorSpec spec;
  Shape block{1, 1, 1, 1};  // c: all channels if they are interleaved by pixel, else 1

  bool interleaved() const { return block[kC] > 1; }
  Index block_bytes() const;
  /// Blocks along c, y, x.
  Shape counts() const;
  /// What GDAL keeps of all blocks together.
  Index index_bytes() const { return checked_mul(volume(counts()), kTiffIndexBytes); }
  /// The box of a block that begins at byte `base`.
  FileBox box(Index base) const;
};

/// The blocks of `dataset`, if it is an uncompressed little-endian TIFF whose blocks hold just the
/// pixels of `spec`.
std::optional<TiffBlocks> recognise_tiff_blocks(GDALDataset& dataset, const File& file,
                                                const TensorSpec& spec);

/// Byte offset of a block, 0 if the file does not have it (sparse files). Throws StoreError if it
/// is not of the right size.
Index tiff_block_offset(GDALDataset& dataset, const TiffBlocks& blocks, const std::string& path,
                        const Shape& block);

}  // namespace tilewright
