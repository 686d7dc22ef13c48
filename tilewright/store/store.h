// PORT Store: one array of any size, read and written by regions.
//
// A store knows its element type, its shape and how it likes to be accessed; it knows nothing of
// devices or tiles. Every error is a StoreError whose message begins with the path.
// One thread at a time reads or writes a store; others may call const functions and memory() then.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tilewright/tensor/tensor.h"

namespace tilewright {

/// How a store is laid out, as far as it decides the cost of access.
struct StoreLayout {
  /// Reading any element of a block costs the whole block. {1,1,1,1}: elements are free-standing
  /// (rows are still best read whole).
  Shape block{1, 1, 1, 1};
  /// Blocks pass through a cache whose size set_cache_bytes() sets; 0 bytes if the store has none.
  bool cached = false;
  /// What the cache counts with each block of a channel besides its elements, at most. Rows of
  /// blocks that do not quite fit would be decoded again for every region.
  Index cached_block_bytes = 0;
  /// Bytes the store needs for itself, besides the cache, whatever the region.
  Index scratch_bytes = 0;
  /// Going back to earlier rows means decoding from the start (PNG, JPEG).
  bool sequential = false;
  /// What decoding takes for each byte that it gives, beyond reading a file; a first guess.
  double decode_seconds_per_byte = 0;
};

/// What travels from an input raster to an output raster. Plain data; nothing is interpreted here.
struct RasterMetadata {
  std::string projection_wkt;
  std::optional<std::array<double, 6>> geotransform;  // GDAL's order
  std::optional<double> nodata;
  std::vector<std::string> band_names;                     // empty, or one per channel
  std::vector<std::pair<std::string, std::string>> items;  // dataset metadata, e.g. resolution

  /// The metadata of a result computed from this raster, whose pixel (0,0) has its centre at input
  /// pixel coordinate
  /// (`first_y`, `first_x`) (0 = centre of the first input pixel) and whose pixels are `step_y` x
  /// `step_x` input pixels apart. Band names are kept only if `channels` matches their number.
  /// Items that describe the input's values are left out, and places of pixels if those moved.
  RasterMetadata resampled(double first_y, double first_x, double step_y, double step_x,
                           Index channels) const;
};

/// Taps [ky] and [kx] whose products, rounded once, are the taps of every channel.
struct Factors {
  std::vector<double> column, row;
};

class Store {
 public:
  virtual ~Store() = default;

  virtual const TensorSpec& spec() const = 0;
  /// Number of axes of the user's array: 2 [y,x], 3 [c,y,x] or 4 [n,c,y,x].
  virtual int rank() const = 0;
  virtual StoreLayout layout() const { return {}; }
  virtual const RasterMetadata& metadata() const;
  /// Names of files that the array is read from besides its own, as far as the format knows: the
  /// sources of a virtual raster, the file behind a name like GTIFF_DIR:2:a.tif.
  virtual std::vector<std::string> files() const { return {}; }
  /// One line: format, type, shape, blocks.
  virtual std::string describe() const = 0;

  /// Reads `region` into `dst` (same shape, any strides), converting to the view's dtype as
  /// convert_value does. Throws StoreError if the file cannot deliver every element.
  virtual void read(const Region& region, const TensorView& dst) = 0;
  /// Writes `src`, whose dtype is the store's, to `region`. Throws StoreError; Unsupported if the
  /// store is read-only.
  virtual void write(const Region& region, const ConstTensorView& src) = 0;
  /// The array itself, if it lies in memory with dense rows; without data otherwise.
  virtual ConstTensorView readable() const { return {}; }
  /// The same, if it may be written.
  virtual TensorView memory() { return {}; }
  /// Of weights that are known to be products; null of others.
  virtual const Factors* factors() const { return nullptr; }
  /// Completes a store made by create_store: once every write was accepted, it appears under its
  /// final name. Without commit, the destructor removes what was written.
  virtual void commit() {}
  /// Limits the cache of a store whose layout says `cached`.
  virtual void set_cache_bytes(Index) {}
  /// Bytes of cache in use now.
  virtual Index cache_bytes() const { return 0; }
};

struct CreateOptions {
  TensorSpec spec;
  int rank = 4;
  RasterMetadata metadata{};
  /// Wanted block; the format rounds it to what it can do.
  Shape block{1, 1, 256, 256};
  bool overwrite = false;
};

/// One format: how to recognise, open and create it.
struct StoreFormat {
  const char* name;
  const char* summary;
  /// Whether this format wants to open `path` (looks at the name or the first bytes).
  bool (*opens)(const std::string& path);
  std::unique_ptr<Store> (*open)(const std::string& path);
  /// Whether `path`'s ending asks for this format; nullptr if the format is read-only.
  bool (*creates)(const std::string& path);
  std::unique_ptr<Store> (*create)(const std::string& path, const CreateOptions& options);
  /// The layout of the store that `create` would make.
  StoreLayout (*planned)(const CreateOptions& options);
};

/// The visible table of formats, in order of preference.
const std::vector<StoreFormat>& store_table();

/// Opens `path` for reading; reads headers, no pixels. Throws StoreError (missing, unreadable,
/// truncated header, directory that no format knows).
std::unique_ptr<Store> open_store(const std::string& path);

/// The layout of the store that create_store(path, options) would make, so that it can be planned
/// for. Touches no file.
StoreLayout planned_layout(const std::string& path, const CreateOptions& options);

/// Creates `path` for writing, under a `.partial` name until commit(). Throws StoreError if it
/// exists and `overwrite` is false, Unsupported if no format writes that ending or type.
std::unique_ptr<Store> create_store(const std::string& path, const CreateOptions& options);

}  // namespace tilewright
