// Opening and creating by the table of formats, the checks that hold for every format, and how
// metadata follows a resampled picture.
#include "tilewright/store/store.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <initializer_list>

#include "tilewright/base/error.h"
#include "tilewright/store/file.h"

namespace tilewright {
namespace {

// Corner coordinates: the centre of pixel 0 lies at 0.5, so output corner u is at input corner
// first + 0.5 + (u - 0.5) * step.
void resample_geotransform(std::array<double, 6>& g, double first_y, double first_x, double step_y,
                           double step_x) {
  const double x0 = first_x + 0.5 - 0.5 * step_x;
  const double y0 = first_y + 0.5 - 0.5 * step_y;
  g = {g[0] + x0 * g[1] + y0 * g[2], g[1] * step_x, g[2] * step_y,
       g[3] + x0 * g[4] + y0 * g[5], g[4] * step_x, g[5] * step_y};
}

void divide_item(std::string& value, double step) {
  char* end = nullptr;
  const double number = std::strtod(value.c_str(), &end);
  if (step != 1 && end != value.c_str() && number > 0) value = fmt::format("{}", number / step);
}

bool starts_with_any(const std::string& key, std::initializer_list<const char*> starts) {
  return std::any_of(starts.begin(), starts.end(),
                     [&](const char* start) { return key.starts_with(start); });
}

// Statements on the values and the bytes of the input: statistics, and FITS keywords.
bool describes_values(const std::string& key) {
  return starts_with_any(key, {"STATISTICS_", "DATAMIN", "DATAMAX", "DATAMEAN", "GOODMIN",
                               "GOODMAX", "CHECKSUM", "DATASUM"}) ||
         key.ends_with("actual_range");
}

// FITS world coordinates of pixels (CRPIX1, CD1_2, ...). Which end of the picture their rows count
// from is unknown here, so they cannot be adjusted; a part of them would mislead.
bool places_pixels(const std::string& key) {
  return starts_with_any(key, {"CRPIX", "CRVAL", "CDELT", "CROTA", "CTYPE", "CUNIT", "CD1_", "CD2_",
                               "CD3_", "PC1_", "PC2_", "PC3_", "LTV", "LTM"});
}

void check_wish(const std::string& path, const CreateOptions& options) {
  if (options.rank < 2 || options.rank > 4)
    throw InvalidArgument(
        fmt::format("{}: an array has 2, 3 or 4 axes, not {}", path, options.rank));
  const Shape& shape = options.spec.shape;
  for (const Index size : shape)
    if (size < 1)
      throw InvalidArgument(fmt::format(
          "{}: cannot hold the shape {}; every size must be at least 1", path, to_string(shape)));
  for (int d = 0; d < 4 - options.rank; ++d)
    if (shape[static_cast<std::size_t>(d)] != 1)
      throw InvalidArgument(fmt::format("{}: the shape {} has more than {} axes", path,
                                        to_string(shape), options.rank));
  options.spec.bytes();  // throws if it overflows
}

// Opening a pipe would wait for its other end, and none of these can be read by regions.
void check_kind(const std::string& path) {
  struct stat status;
  if (::stat(path.c_str(), &status) != 0) return;
  if (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode) || S_ISCHR(status.st_mode))
    throw StoreError(path + ": is a pipe or a device, not a file; save it to a file first");
}

std::string endings() {
  std::string text;
  for (const StoreFormat& f : store_table())
    if (f.creates != nullptr) text += fmt::format("{}{}", text.empty() ? "" : "; ", f.summary);
  return text;
}

}  // namespace

const RasterMetadata& Store::metadata() const {
  static const RasterMetadata none;
  return none;
}

RasterMetadata RasterMetadata::resampled(double first_y, double first_x, double step_y,
                                         double step_x, Index channels) const {
  RasterMetadata m = *this;
  if (m.geotransform) resample_geotransform(*m.geotransform, first_y, first_x, step_y, step_x);
  if (static_cast<Index>(m.band_names.size()) != channels) m.band_names.clear();
  const bool moved = first_y != 0 || first_x != 0 || step_y != 1 || step_x != 1;
  std::erase_if(m.items, [&](const auto& item) {
    return describes_values(item.first) || (moved && places_pixels(item.first));
  });
  for (auto& [key, value] : m.items) {
    if (key == "TIFFTAG_XRESOLUTION") divide_item(value, step_x);
    if (key == "TIFFTAG_YRESOLUTION") divide_item(value, step_y);
  }
  return m;
}

std::unique_ptr<Store> open_store(const std::string& path) {
  if (path.empty()) throw StoreError("no file name was given; name a raster or an array");
  check_kind(path);
  for (const StoreFormat& format : store_table())
    if (format.opens(path)) return format.open(path);
  struct stat status;
  if (::stat(path.c_str(), &status) != 0) throw_errno(path, "cannot be opened");
  if (S_ISDIR(status.st_mode))
    throw StoreError(path + ": is a folder, but not a Zarr array; name a file in it");
  if (::access(path.c_str(), R_OK) != 0) throw_errno(path, "cannot be read");
  throw StoreError(path + ": no known format; convert it with gdal_translate or numpy");
}

StoreLayout planned_layout(const std::string& path, const CreateOptions& options) {
  for (const StoreFormat& format : store_table())
    if (format.creates != nullptr && format.creates(path)) return format.planned(options);
  return {};  // create_store() will refuse it
}

std::unique_ptr<Store> create_store(const std::string& path, const CreateOptions& options) {
  if (path.empty()) throw StoreError("no file name was given for the output");
  check_wish(path, options);
  for (const StoreFormat& format : store_table())
    if (format.creates != nullptr && format.creates(path)) return format.create(path, options);
  throw Unsupported(
      fmt::format("{}: no output format has this ending; use one of: {}", path, endings()));
}

}  // namespace tilewright
