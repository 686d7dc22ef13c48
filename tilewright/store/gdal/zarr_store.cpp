// Reading and writing Zarr arrays. Chunks without compression are read and written as files, past
// GDAL; GDAL's multidimensional interface decodes the others. A chunk that is missing holds the
// fill value; one that is cut short is an error.
#include <fmt/format.h>

#include <filesystem>
#include <optional>

#include "tilewright/base/error.h"
#include "tilewright/store/ending.h"
#include "tilewright/store/gdal/gdal_call.h"
#include "tilewright/store/gdal/gdal_types.h"
#include "tilewright/store/gdal/zarr_format.h"
#include "tilewright/store/gdal/zarr_header.h"
#include "tilewright/store/gdal/zarr_layout.h"
#include "tilewright/store/transfer.h"
#include "tilewright/tensor/convert.h"

namespace tilewright {
namespace fs = std::filesystem;
namespace {

void fill(const TensorView& dst, double value) {
  Tensor one(DType::kF64, {1, 1, 1, 1});
  *one.data<double>() = value;
  copy(ConstTensorView(one.view().data, DType::kF64, dst.shape, {0, 0, 0, 0}), dst);
}

class ZarrStore final : public Store {
 public:
  explicit ZarrStore(const std::string& path) : path_(path), header_(read_zarr_header(path)) {
    array_ = open_zarr_array(header_);
    metadata_ = read_zarr_metadata(*array_.array, header_.rank);
    if (header_.plain) array_ = {};
  }

  ZarrStore(const std::string& path, const CreateOptions& options)
      : path_(path), metadata_(options.metadata) {
    const Index bytes = lay_out_bytes(options);
    output_.emplace(path, options.overwrite, bytes);
    create_zarr_array(output_->partial(), path, options);
    header_ = read_back(path);
  }

  const TensorSpec& spec() const override { return header_.spec; }
  int rank() const override { return header_.rank; }
  const RasterMetadata& metadata() const override { return metadata_; }

  StoreLayout layout() const override {
    if (header_.plain) return {.scratch_bytes = kScratchBytes};
    constexpr double kDecodedPerSecond = 0.5e9;  // Blosc and Zstandard, a guess
    // GDAL holds one chunk as it is in the file and one decoded.
    return {.block = header_.chunk,
            .scratch_bytes = kScratchBytes + 2 * header_.chunk_bytes(),
            .decode_seconds_per_byte = 1 / kDecodedPerSecond};
  }

  std::string describe() const override {
    return fmt::format("Zarr, {}, {}, chunks {}{}", to_string(spec().dtype),
                       to_string(spec().shape), to_string(header_.chunk),
                       header_.plain ? "" : ", encoded");
  }

  void read(const Region& region, const TensorView& dst) override {
    check_region(path_, spec(), region, dst.shape);
    for_blocks(region, header_.chunk, [&](const Shape& b, const Region& inside, const Region& v) {
      if (header_.plain)
        read_chunk(b, inside, dst.slice(v));
      else
        read_encoded(b, inside, dst.slice(v));
    });
  }

  void write(const Region& region, const ConstTensorView& src) override {
    if (!output_) throw Unsupported(path_ + ": is open for reading; create an output to write to");
    check_write(path_, spec(), region, src);
    for_blocks(region, header_.chunk, [&](const Shape& b, const Region& inside, const Region& v) {
      write_chunk(b, inside, src.slice(v));
    });
  }

  void commit() override {
    if (output_) output_->commit();
  }

 private:
  // GDAL does not tell when a full disk cuts short what it writes here.
  ZarrHeader read_back(const std::string& path) const {
    try {
      return read_zarr_header(output_->partial());
    } catch (const StoreError&) {
      throw StoreError(path + ": its header cannot be written; free some space or write elsewhere");
    }
  }

  // Chunks at the far edges are whole, too.
  static Index lay_out_bytes(const CreateOptions& options) {
    Index bytes = size_of(options.spec.dtype);
    for (std::size_t d = 0; d < 4; ++d)
      bytes = checked_mul(bytes, round_up(options.spec.shape[d], zarr_chunk(options)[d]));
    return bytes;
  }

  FileBox box() const { return {0, spec().dtype, dense_strides(header_.chunk)}; }

  void read_chunk(const Shape& index, const Region& inside, const TensorView& dst) {
    const std::string name = header_.chunk_path(index);
    if (!fs::exists(name)) return fill(dst, header_.fill);
    const File file(name, File::Mode::kRead);
    if (file.size() != header_.chunk_bytes())
      throw StoreError(fmt::format("{}: this chunk has {} of {} bytes; fetch or write it again",
                                   name, file.size(), header_.chunk_bytes()));
    IoBatch batch(file, IoBatch::Direction::kRead);
    read_box(batch, box(), inside, dst);
    batch.flush();
  }

  void write_chunk(const Shape& index, const Region& inside, const ConstTensorView& src) {
    const std::string name = header_.chunk_path(index);
    File file(name, File::Mode::kUpdateOrCreate);
    if (file.size() < header_.chunk_bytes()) file.reserve(header_.chunk_bytes());
    IoBatch batch(file, IoBatch::Direction::kWrite);
    write_box(batch, box(), inside, src);
    batch.flush();
    file.close();
  }

  // One chunk at a time, in parts of rows that fit the scratch if types have to be converted.
  void read_encoded(const Shape& b, const Region& inside, const TensorView& dst) {
    if (spec().dtype == DType::kI8)
      throw Unsupported(path_ + ": encoded int8 chunks are not supported; store them uncompressed");
    Region r;
    for (int d = 0; d < 4; ++d) {
      const auto i = static_cast<std::size_t>(d);
      r[d] = inside[d].shifted(b[i] * header_.chunk[i]);
    }
    if (gdal_converts(spec().dtype, dst.dtype)) return gdal_read(r, dst);
    const Index columns = std::min(dst.shape[kX], kScratchBytes / size_of(spec().dtype));
    for_blocks(
        whole(dst.shape), {1, 1, 1, columns}, [&](const Shape&, const Region&, const Region& v) {
          const TensorView packed(scratch(), spec().dtype, v.shape(), dense_strides(v.shape()));
          Region part;
          for (int d = 0; d < 4; ++d) part[d] = v[d].shifted(r[d].begin);
          gdal_read(part, packed);
          copy(packed, dst.slice(v));
        });
  }

  void gdal_read(const Region& r, const TensorView& dst) {
    const GdalCall call(path_);
    const auto first = static_cast<std::size_t>(4 - header_.rank);
    std::vector<GUInt64> start;
    std::vector<std::size_t> count;
    std::vector<GPtrDiff_t> strides;
    for (std::size_t d = first; d < 4; ++d) {
      start.push_back(static_cast<GUInt64>(r.dims[d].begin));
      count.push_back(static_cast<std::size_t>(r.dims[d].size()));
      strides.push_back(dst.strides[d]);
    }
    const bool ok =
        array_.array->Read(start.data(), count.data(), nullptr, strides.data(),
                           GDALExtendedDataType::Create(gdal_type(dst.dtype)), dst.data);
    if (!ok || call.failed() || call.warned())
      call.fail(fmt::format("reading {} failed", to_string(r)),
                "a chunk may be damaged or cut short; fetch or write it again");
  }

  std::string path_;
  ZarrHeader header_;
  RasterMetadata metadata_;
  ZarrArray array_;
  std::optional<PartialOutput> output_;
};

}  // namespace

bool opens_zarr(const std::string& path) {
  for (const char* name : {".zarray", ".zgroup", "zarr.json"}) {
    std::error_code ignored;
    if (fs::exists(fs::path(path) / name, ignored)) return true;
  }
  return false;
}

bool creates_zarr(const std::string& path) { return has_ending(path, ".zarr"); }

std::unique_ptr<Store> open_zarr(const std::string& path) {
  return std::make_unique<ZarrStore>(path);
}

// Written past GDAL; but a chunk of two pieces is a file that is opened twice.
StoreLayout planned_zarr(const CreateOptions& options) {
  return {.block = zarr_chunk(options), .scratch_bytes = kScratchBytes};
}

std::unique_ptr<Store> create_zarr(const std::string& path, const CreateOptions& options) {
  return std::make_unique<ZarrStore>(path, options);
}

}  // namespace tilewright
