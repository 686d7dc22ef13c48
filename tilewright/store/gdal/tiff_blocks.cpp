// GDAL's TIFF driver answers BLOCK_OFFSET_x_y and BLOCK_SIZE_x_y in the metadata domain "TIFF".
// The size of a block is compared with what plain pixels need: packed bits, subsampled colours
// and split strips do not match and go through GDAL.
#include "tilewright/store/gdal/tiff_blocks.h"

#include <fmt/format.h>

#include <cstdlib>
#include <cstring>

#include "tilewright/base/error.h"

namespace tilewright {
namespace {

Index item(GDALDataset& dataset, const Shape& block, const char* name) {
  char key[64];
  *fmt::format_to_n(key, sizeof key - 1, "{}_{}_{}", name, block[kX], block[kY]).out = '\0';
  const char* text =
      dataset.GetRasterBand(static_cast<int>(block[kC]) + 1)->GetMetadataItem(key, "TIFF");
  return text == nullptr ? 0 : std::strtoll(text, nullptr, 10);
}

bool says(GDALMajorObject& object, const char* key, const char* domain, const char* value) {
  const char* text = object.GetMetadataItem(key, domain);
  return text != nullptr && EQUAL(text, value);
}

bool is_plain(GDALDataset& dataset, const File& file) {
  const char* driver = dataset.GetDriverName();
  if (driver == nullptr || !EQUAL(driver, "GTiff")) return false;
  char order[2] = {};
  file.read(0, order, 2);
  if (std::memcmp(order, "II", 2) != 0) return false;
  for (const char* key : {"COMPRESSION", "SOURCE_COLOR_SPACE"})
    if (dataset.GetMetadataItem(key, "IMAGE_STRUCTURE") != nullptr) return false;
  return dataset.GetRasterBand(1)->GetMetadataItem("NBITS", "IMAGE_STRUCTURE") == nullptr;
}

// Rows of block `b` that exist in the image: the last strip is short, tiles are always whole.
Index least_bytes(const TiffBlocks& t, const Shape& b) {
  const Index rows = std::min(t.block[kY], t.spec.shape[kY] - b[kY] * t.block[kY]);
  return t.block_bytes() / t.block[kY] * rows;
}

}  // namespace

Index TiffBlocks::block_bytes() const { return checked_mul(volume(block), size_of(spec.dtype)); }

Shape TiffBlocks::counts() const {
  Shape n{1, 1, 1, 1};
  for (std::size_t d = 1; d < 4; ++d) n[d] = ceil_div(spec.shape[d], block[d]);
  return n;
}

FileBox TiffBlocks::box(Index base) const {
  const Index width = block[kX];
  if (!interleaved()) return {base, spec.dtype, {0, 0, width, 1}};
  const Index channels = block[kC];
  return {base, spec.dtype, {0, 1, width * channels, channels}};
}

std::optional<TiffBlocks> recognise_tiff_blocks(GDALDataset& dataset, const File& file,
                                                const TensorSpec& spec) {
  if (!is_plain(dataset, file)) return std::nullopt;
  int width = 0;
  int height = 0;
  dataset.GetRasterBand(1)->GetBlockSize(&width, &height);
  const bool mixed = spec.shape[kC] > 1 && says(dataset, "INTERLEAVE", "IMAGE_STRUCTURE", "PIXEL");
  TiffBlocks t{spec, {1, mixed ? spec.shape[kC] : 1, height, width}};
  const Index found = item(dataset, {0, 0, 0, 0}, "BLOCK_SIZE");
  if (found != 0 && found != t.block_bytes() && found != least_bytes(t, {0, 0, 0, 0}))
    return std::nullopt;
  return t;
}

Index tiff_block_offset(GDALDataset& dataset, const TiffBlocks& blocks, const std::string& path,
                        const Shape& block) {
  const Index offset = item(dataset, block, "BLOCK_OFFSET");
  if (offset == 0) return 0;
  const Index bytes = item(dataset, block, "BLOCK_SIZE");
  if (bytes < least_bytes(blocks, block))
    throw StoreError(
        fmt::format("{}: block x {}, y {} has {} of {} bytes; the file is damaged, "
                    "fetch or write it again",
                    path, block[kX], block[kY], bytes, least_bytes(blocks, block)));
  return offset;
}

}  // namespace tilewright
