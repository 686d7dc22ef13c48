// Writing tiled BigTIFF. GDAL lays the file out, with all tags and the places of all tiles; the
// pixels are then written straight into the tiles. So no block cache is involved, no tile is
// ever read back, and a full disk shows at once.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "tilewright/base/error.h"
#include "tilewright/store/ending.h"
#include "tilewright/store/gdal/gdal_call.h"
#include "tilewright/store/gdal/gdal_format.h"
#include "tilewright/store/gdal/gdal_types.h"
#include "tilewright/store/gdal/tiff_blocks.h"

namespace tilewright {
namespace {

constexpr Index kHeaderBytes = 1 << 20;  // tags and the like, for the check of free space

Index tile_edge(Index wanted, Index extent) {
  return round_up(std::clamp<Index>(wanted, 1, std::min<Index>(extent, 512)), 16);
}

void check_fits_tiff(const std::string& path, const Shape& shape) {
  if (shape[kN] > 1)
    throw Unsupported(fmt::format(
        "{}: a TIFF holds one image, not {}; write .npy or .zarr, or one file for each n", path,
        shape[kN]));
  if (shape[kC] > 65535 || std::max(shape[kY], shape[kX]) > 0x7fffffff)
    throw Unsupported(
        fmt::format("{}: {} is too large for TIFF (65535 bands, 2^31 rows and "
                    "columns); write .npy or .zarr",
                    path, to_string(shape)));
}

TiffBlocks output_blocks(const CreateOptions& options) {
  const Shape& shape = options.spec.shape;
  return {options.spec,
          {1, 1, tile_edge(options.block[kY], shape[kY]), tile_edge(options.block[kX], shape[kX])}};
}

// GDAL's index is alive while the file is laid out and its tiles are looked for.
StoreLayout output_layout(const TiffBlocks& blocks) {
  return {.scratch_bytes = checked_add(kScratchBytes, blocks.index_bytes())};
}

CPLStringList creation_options(const TiffBlocks& blocks) {
  CPLStringList list;
  list.SetNameValue("TILED", "YES");
  list.SetNameValue("BIGTIFF", "YES");
  // The same bytes for one band, but more programs read one band that is not called separate.
  list.SetNameValue("INTERLEAVE", blocks.spec.shape[kC] == 1 ? "PIXEL" : "BAND");
  list.SetNameValue("SPARSE_OK", "FALSE");
  list.SetNameValue("BLOCKXSIZE", std::to_string(blocks.block[kX]).c_str());
  list.SetNameValue("BLOCKYSIZE", std::to_string(blocks.block[kY]).c_str());
  if (blocks.spec.dtype == DType::kI8) list.SetNameValue("PIXELTYPE", "SIGNEDBYTE");
  return list;
}

class TiffOutput final : public Store {
 public:
  TiffOutput(const std::string& path, const CreateOptions& options)
      : rank_(options.rank), metadata_(options.metadata) {
    check_fits_tiff(path, options.spec.shape);
    blocks_ = output_blocks(options);
    counts_ = blocks_.counts();
    const Index bytes = checked_mul(volume(counts_), blocks_.block_bytes());
    output_.emplace(path, options.overwrite, checked_add(bytes, kHeaderBytes));
    lay_out();
    set_nodata();
    find_tiles(bytes);
    file_ = File(output_->partial(), File::Mode::kUpdate);
    file_.reserve(file_.size());
  }

  const TensorSpec& spec() const override { return blocks_.spec; }
  int rank() const override { return rank_; }
  const RasterMetadata& metadata() const override { return metadata_; }
  StoreLayout layout() const override { return output_layout(blocks_); }

  std::string describe() const override {
    return fmt::format("BigTIFF, {}, {}, tiles {}", to_string(spec().dtype),
                       to_string(spec().shape), to_string(blocks_.block));
  }

  void read(const Region& region, const TensorView& dst) override {
    check_region(output_->path(), spec(), region, dst.shape);
    IoBatch batch(file_, IoBatch::Direction::kRead);
    for_blocks(region, blocks_.block, [&](const Shape& b, const Region& inside, const Region& v) {
      read_box(batch, blocks_.box(offset(b)), inside, dst.slice(v));
    });
    batch.flush();
  }

  void write(const Region& region, const ConstTensorView& src) override {
    check_write(output_->path(), spec(), region, src);
    IoBatch batch(file_, IoBatch::Direction::kWrite);
    for_blocks(region, blocks_.block, [&](const Shape& b, const Region& inside, const Region& v) {
      write_box(batch, blocks_.box(offset(b)), inside, src.slice(v));
    });
    batch.flush();
  }

  void commit() override {
    file_.close();
    output_->commit();
  }

 private:
  Index offset(const Shape& b) const {
    return first_ + ((b[kC] * counts_[kY] + b[kY]) * counts_[kX] + b[kX]) * blocks_.block_bytes();
  }

  void lay_out() {
    const GdalCall call(output_->path());
    GDALDriver* driver = GetGDALDriverManager()->GetDriverByName("GTiff");
    const Shape& s = spec().shape;
    GdalDataset dataset(driver == nullptr
                            ? nullptr
                            : driver->Create(output_->partial().c_str(), static_cast<int>(s[kX]),
                                             static_cast<int>(s[kY]), static_cast<int>(s[kC]),
                                             gdal_type(spec().dtype),
                                             creation_options(blocks_).List()));
    if (dataset == nullptr) call.fail("cannot be created", "write .npy or .zarr instead");
    write_metadata(*dataset, metadata_);
    finish(call, std::move(dataset));
  }

  // Set when the tiles exist: otherwise GDAL would write this value into every one of them.
  void set_nodata() {
    const auto nodata = representable_nodata(metadata_, spec().dtype);
    if (!nodata) return;
    const GdalCall call(output_->path());
    GdalDataset dataset(
        GDALDataset::Open(output_->partial().c_str(), GDAL_OF_RASTER | GDAL_OF_UPDATE));
    if (dataset == nullptr) call.fail("cannot be reopened", "write .npy or .zarr instead");
    for (int b = 1; b <= dataset->GetRasterCount(); ++b)
      dataset->GetRasterBand(b)->SetNoDataValue(*nodata);
    finish(call, std::move(dataset));
  }

  static void finish(const GdalCall& call, GdalDataset dataset) {
    GDALClose(dataset.release());
    if (call.failed()) call.fail("cannot be laid out", "free some space or write elsewhere");
  }

  // The tiles lie one behind the other in the order of their indices; a sample is checked.
  void find_tiles(Index bytes) {
    const GdalCall call(output_->path());
    const GdalDataset dataset(GDALDataset::Open(output_->partial().c_str(), GDAL_OF_RASTER));
    if (dataset == nullptr) call.fail("cannot be reopened", "write .npy or .zarr instead");
    first_ = tiff_block_offset(*dataset, blocks_, output_->path(), {0, 0, 0, 0});
    const Index count = volume(counts_);
    const Index step = std::max<Index>(1, count / 4096);
    const Index size = File(output_->partial(), File::Mode::kRead).size();
    bool regular = first_ > 0 && size >= first_ + bytes;
    for (Index i = 0; regular && i < count; i += step) regular = lies_in_order(*dataset, i);
    regular = regular && lies_in_order(*dataset, count - 1);
    if (!regular) throw InternalError(output_->path() + ": GDAL laid the tiles out irregularly");
  }

  bool lies_in_order(GDALDataset& dataset, Index i) const {
    const Shape b{0, i / (counts_[kY] * counts_[kX]), i / counts_[kX] % counts_[kY],
                  i % counts_[kX]};
    return tiff_block_offset(dataset, blocks_, output_->path(), b) == offset(b);
  }

  int rank_;
  RasterMetadata metadata_;
  TiffBlocks blocks_;
  Shape counts_{1, 1, 1, 1};
  std::optional<PartialOutput> output_;
  File file_;
  Index first_ = 0;
};

bool is_picture(const std::string& path) {
  for (const char* ending : {".png", ".jpg", ".jpeg", ".jp2", ".gif", ".webp", ".fits", ".vrt"})
    if (has_ending(path, ending)) return true;
  return false;
}

}  // namespace

bool creates_gdal(const std::string& path) {
  return has_ending(path, ".tif") || has_ending(path, ".tiff") || is_picture(path);
}

StoreLayout planned_gdal(const CreateOptions& options) {
  return output_layout(output_blocks(options));
}

std::unique_ptr<Store> create_gdal(const std::string& path, const CreateOptions& options) {
  if (is_picture(path))
    throw Unsupported(path +
                      ": this format is not written; write .tif, .npy or .zarr and convert "
                      "with gdal_translate");
  return std::make_unique<TiffOutput>(path, options);
}

}  // namespace tilewright
