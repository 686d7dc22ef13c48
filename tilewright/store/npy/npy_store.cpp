// Arrays in .npy files: one dense box behind a header. An array in Fortran order is the same box
// with its axes reversed, so it is read as such.
#include <fmt/format.h>

#include <optional>

#include "tilewright/base/error.h"
#include "tilewright/store/ending.h"
#include "tilewright/store/npy/npy_format.h"
#include "tilewright/store/npy/npy_header.h"
#include "tilewright/store/transfer.h"

namespace tilewright {
namespace {

// The user's axes in reverse, the unused outer ones in place.
Shape reversed(const Shape& values, int rank) {
  Shape r = values;
  std::reverse(r.end() - rank, r.end());
  return r;
}

class NpyStore final : public Store {
 public:
  explicit NpyStore(const std::string& path) : file_(path, File::Mode::kRead) {
    header_ = read_npy_header(file_);
    Shape shape = header_.spec.shape;
    if (header_.fortran_order) shape = reversed(shape, header_.rank);
    box_ = {header_.data_offset, header_.spec.dtype, dense_strides(shape)};
  }

  NpyStore(const std::string& path, const CreateOptions& options) {
    const std::string start = npy_header_bytes(options.spec, options.rank);
    const auto begin = static_cast<Index>(start.size());
    const Index bytes = checked_add(options.spec.bytes(), begin);
    header_ = {options.spec, options.rank, false, begin};
    box_ = {begin, options.spec.dtype, dense_strides(options.spec.shape)};
    output_.emplace(path, options.overwrite, bytes);
    file_ = File(output_->partial(), File::Mode::kCreate);
    file_.reserve(bytes);
    file_.write(0, start.data(), begin);
  }

  const TensorSpec& spec() const override { return header_.spec; }
  int rank() const override { return header_.rank; }
  StoreLayout layout() const override { return {.scratch_bytes = kScratchBytes}; }

  std::string describe() const override {
    return fmt::format("NumPy array, {}, {}{}", to_string(header_.spec.dtype),
                       to_string(header_.spec.shape),
                       header_.fortran_order ? ", Fortran order" : "");
  }

  void read(const Region& region, const TensorView& dst) override {
    check_region(file_.path(), header_.spec, region, dst.shape);
    IoBatch batch(file_, IoBatch::Direction::kRead);
    if (header_.fortran_order) {
      Region r = region;
      std::reverse(r.dims.end() - header_.rank, r.dims.end());
      const TensorView turned(dst.data, dst.dtype, reversed(dst.shape, header_.rank),
                              reversed(dst.strides, header_.rank));
      read_box(batch, box_, r, turned);
    } else {
      read_box(batch, box_, region, dst);
    }
    batch.flush();
  }

  void write(const Region& region, const ConstTensorView& src) override {
    if (!output_)
      throw Unsupported(file_.path() + ": is open for reading; create an output to write to");
    check_write(output_->path(), header_.spec, region, src);
    IoBatch batch(file_, IoBatch::Direction::kWrite);
    write_box(batch, box_, region, src);
    batch.flush();
  }

  void commit() override {
    if (!output_) return;
    file_.close();
    output_->commit();
  }

 private:
  std::optional<PartialOutput> output_;
  File file_;
  NpyHeader header_;
  FileBox box_;
};

}  // namespace

bool opens_npy(const std::string& path) { return has_ending(path, ".npy"); }
bool creates_npy(const std::string& path) { return has_ending(path, ".npy"); }

std::unique_ptr<Store> open_npy(const std::string& path) {
  return std::make_unique<NpyStore>(path);
}

StoreLayout planned_npy(const CreateOptions&) { return {.scratch_bytes = kScratchBytes}; }

std::unique_ptr<Store> create_npy(const std::string& path, const CreateOptions& options) {
  return std::make_unique<NpyStore>(path, options);
}

}  // namespace tilewright
