// Reading any raster that GDAL opens. Pixels of uncompressed TIFFs are read past GDAL; all others
// by RasterIO, straight into the caller's memory where GDAL's conversion agrees with ours.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "tilewright/base/error.h"
#include "tilewright/store/gdal/gdal_cache.h"
#include "tilewright/store/gdal/gdal_call.h"
#include "tilewright/store/gdal/gdal_format.h"
#include "tilewright/store/gdal/gdal_types.h"
#include "tilewright/store/gdal/tiff_blocks.h"
#include "tilewright/tensor/convert.h"

namespace tilewright {
namespace {

constexpr Index kDefaultCacheBytes = 16 << 20;
// GDAL counts two of its GDALRasterBlock and rounds up to 64.
constexpr Index kCachedBlockBytes = 2 * sizeof(GDALRasterBlock) + 64;
constexpr const char* kFetchAgain = "the file may be damaged or cut short; fetch or write it again";

GdalDataset open_dataset(const std::string& path) {
  const GdalCall call(path);
  GdalDataset dataset(GDALDataset::Open(path.c_str(), GDAL_OF_RASTER | GDAL_OF_VERBOSE_ERROR));
  if (dataset == nullptr || call.failed())
    call.fail("cannot be opened as a raster", "use a format that gdalinfo can read, or .npy");
  if (dataset->GetRasterCount() < 1)
    throw StoreError(path +
                     ": holds no bands itself; name one of the subdatasets that gdalinfo "
                     "lists");
  return dataset;
}

// "/vsisubfile/0_900,a.tif" reads a.tif.
std::string without_vsi(std::string name) {
  while (name.starts_with("/vsi")) {
    const auto begin = name.find_first_of(name.starts_with("/vsisubfile/") ? "," : "/", 4);
    if (begin == std::string::npos) break;
    name.erase(0, begin + 1);
  }
  return name;
}

// The files that GDAL lists for `dataset`, and, as sources may be virtual themselves, for those.
void collect_files(GDALDataset& dataset, std::set<std::string>& found) {
  const CPLStringList list(dataset.GetFileList());
  for (int i = 0; i < list.Count(); ++i) {
    if (!found.insert(list[i]).second) continue;
    found.insert(without_vsi(list[i]));
    constexpr const char* kVirtual[] = {"VRT", nullptr};
    const GdalDataset source(GDALDataset::Open(list[i], GDAL_OF_RASTER, kVirtual));
    if (source != nullptr) collect_files(*source, found);
  }
}

bool is_sequential(GDALDataset& dataset) {
  const char* name = dataset.GetDriverName();
  constexpr const char* kDrivers[] = {"PNG", "JPEG", "GIF", "BIGGIF", "WEBP", "JPEGXL", "BMP"};
  return name != nullptr && std::any_of(std::begin(kDrivers), std::end(kDrivers),
                                        [&](const char* d) { return EQUAL(d, name); });
}

/// How fast GDAL decodes, in bytes of pixels a second of one thread: first guesses, most from an
/// EPYC 7003 with blocks of a slide; 0: no slower than a file is read.
struct DecodeRate {
  const char* name;
  double bytes_per_second;
};
// The first whose name is part of what GDAL says.
constexpr DecodeRate kCompressions[] = {
    {"NONE", 0},     {"LERC", 130e6}, {"JPEG2000", 30e6}, {"JPEG", 450e6},     {"LZMA", 35e6},
    {"ZSTD", 900e6}, {"WEBP", 280e6}, {"LZW", 300e6},     {"PACKBITS", 1.4e9}, {"", 300e6}};
// Of drivers that do not say how they compress, or decode at a rate of their own.
constexpr DecodeRate kDrivers[] = {{"PNG", 110e6},       {"JPEG", 800e6},   {"WEBP", 110e6},
                                   {"VRT", 150e6},       {"netCDF", 150e6}, {"HDF5", 150e6},
                                   {"JP2OpenJPEG", 30e6}};

double decode_seconds_per_byte(GDALDataset& dataset) {
  const auto seconds = [](const DecodeRate& r) {
    return r.bytes_per_second > 0 ? 1 / r.bytes_per_second : 0;
  };
  if (const char* driver = dataset.GetDriverName())
    for (const DecodeRate& r : kDrivers)
      if (EQUAL(driver, r.name)) return seconds(r);
  if (const char* name = dataset.GetMetadataItem("COMPRESSION", "IMAGE_STRUCTURE"))
    for (const DecodeRate& r : kCompressions)
      if (std::string(name).find(r.name) != std::string::npos) return seconds(r);
  return 0;
}

class GdalSource final : public Store {
 public:
  explicit GdalSource(const std::string& path) : path_(path), dataset_(open_dataset(path)) {
    const GdalCall call(path_);
    const int bands = dataset_->GetRasterCount();
    spec_ = {dtype_of_bands(*dataset_, path),
             {1, bands, dataset_->GetRasterYSize(), dataset_->GetRasterXSize()}};
    metadata_ = read_metadata(*dataset_);
    struct stat status;
    if (::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode)) {
      file_ = File(path, File::Mode::kRead);
      tiff_ = recognise_tiff_blocks(*dataset_, file_, spec_);
    }
    if (!tiff_) file_ = File();
  }

  const TensorSpec& spec() const override { return spec_; }
  int rank() const override { return spec_.shape[kC] == 1 ? 2 : 3; }
  const RasterMetadata& metadata() const override { return metadata_; }
  Index cache_bytes() const override { return tiff_ ? 0 : gdal_cache_bytes(); }
  void set_cache_bytes(Index bytes) override { share_.set(bytes); }

  std::vector<std::string> files() const override {
    const GdalCall quiet(path_);
    std::set<std::string> found;
    collect_files(*dataset_, found);
    return {found.begin(), found.end()};
  }

  StoreLayout layout() const override {
    if (tiff_)
      return {.block = {1, tiff_->block[kC], 1, 1},
              .scratch_bytes = checked_add(kScratchBytes, tiff_->index_bytes())};
    return {.block = gdal_block(),
            .cached = true,
            .cached_block_bytes = kCachedBlockBytes,
            .scratch_bytes = checked_add(kScratchBytes, index_bytes()),
            .sequential = is_sequential(*dataset_),
            .decode_seconds_per_byte = decode_seconds_per_byte(*dataset_)};
  }

  std::string describe() const override {
    const Shape block = tiff_ ? tiff_->block : gdal_block();
    return fmt::format("{}, {}, {}, blocks {}", dataset_->GetDriverName(), to_string(spec_.dtype),
                       to_string(spec_.shape), to_string(block));
  }

  void read(const Region& region, const TensorView& dst) override {
    check_region(path_, spec_, region, dst.shape);
    if (region.empty()) return;
    if (tiff_)
      read_blocks(region, dst);
    else
      read_any(region, dst);
  }

  void write(const Region&, const ConstTensorView&) override {
    throw Unsupported(path_ + ": is open for reading; create an output to write to");
  }

 private:
  Shape gdal_block() const {
    int width = 0;
    int height = 0;
    dataset_->GetRasterBand(1)->GetBlockSize(&width, &height);
    const char* order = dataset_->GetMetadataItem("INTERLEAVE", "IMAGE_STRUCTURE");
    const bool mixed = order != nullptr && EQUAL(order, "PIXEL");
    return {1, mixed ? spec_.shape[kC] : 1, height, width};
  }

  // What GDAL holds for each block of a TIFF, besides pixels: the file's index and, for blocks that
  // pass through the cache, a pointer.
  Index index_bytes() const {
    const char* driver = dataset_->GetDriverName();
    if (driver == nullptr || !EQUAL(driver, "GTiff")) return 0;
    const TiffBlocks blocks{spec_, gdal_block()};
    return checked_mul(volume(blocks.counts()), kTiffIndexBytes + Index{sizeof(void*)});
  }

  void read_blocks(const Region& region, const TensorView& dst) {
    const GdalCall call(path_);
    IoBatch batch(file_, IoBatch::Direction::kRead);
    for_blocks(region, tiff_->block, [&](const Shape& b, const Region& inside, const Region& view) {
      const Index offset = tiff_block_offset(*dataset_, *tiff_, path_, b);
      if (call.failed()) call.fail("the place of a block cannot be read", kFetchAgain);
      if (offset != 0)
        read_box(batch, tiff_->box(offset), inside, dst.slice(view));
      else
        read_any(shifted(view, region), dst.slice(view));  // GDAL knows the fill value
    });
    batch.flush();
  }

  static Region shifted(const Region& view, const Region& origin) {
    Region r;
    for (int d = 0; d < 4; ++d) r[d] = view[d].shifted(origin[d].begin);
    return r;
  }

  void read_any(const Region& region, const TensorView& dst) {
    if (gdal_converts(spec_.dtype, dst.dtype)) {
      raster_io(region, dst);
      return;
    }
    const Index row_elements = kScratchBytes / size_of(spec_.dtype);
    const Shape shape = region.shape();
    const Index columns = std::min(shape[kX], row_elements);
    const Index rows = std::clamp<Index>(row_elements / columns, 1, shape[kY]);
    const Shape step{1, 1, rows, columns};
    for_blocks(whole(shape), step, [&](const Shape&, const Region&, const Region& view) {
      const TensorView packed(scratch(), spec_.dtype, view.shape(), dense_strides(view.shape()));
      raster_io(shifted(view, region), packed);
      copy(packed, dst.slice(view));
    });
  }

  void raster_io(const Region& r, const TensorView& dst) {
    const GdalCall call(path_);
    const Index size = size_of(dst.dtype);
    const Shape shape = r.shape();
    std::vector<int> bands;
    for (Index c = r[kC].begin; c < r[kC].end; ++c) bands.push_back(static_cast<int>(c) + 1);
    const auto [w, h] = std::pair(static_cast<int>(shape[kX]), static_cast<int>(shape[kY]));
    const CPLErr result = dataset_->RasterIO(
        GF_Read, static_cast<int>(r[kX].begin), static_cast<int>(r[kY].begin), w, h, dst.data, w, h,
        gdal_type(dst.dtype), static_cast<int>(bands.size()), bands.data(), dst.strides[kX] * size,
        dst.strides[kY] * size, dst.strides[kC] * size, nullptr);
    if (result != CE_None || call.failed() || call.warned())
      call.fail(fmt::format("reading {} failed", to_string(r)), kFetchAgain);
  }

  std::string path_;
  GdalDataset dataset_;
  GdalCacheShare share_{kDefaultCacheBytes};
  TensorSpec spec_;
  RasterMetadata metadata_;
  File file_;
  std::optional<TiffBlocks> tiff_;
};

}  // namespace

bool opens_gdal(const std::string& path) {
  struct stat status;
  if (::stat(path.c_str(), &status) != 0)  // GDAL's own names: /vsizip/…, HDF5:"…":x
    return path.starts_with("/vsi") || path.find(':') != std::string::npos;
  return !S_ISDIR(status.st_mode) && ::access(path.c_str(), R_OK) == 0;
}

std::unique_ptr<Store> open_gdal(const std::string& path) {
  return std::make_unique<GdalSource>(path);
}

}  // namespace tilewright
