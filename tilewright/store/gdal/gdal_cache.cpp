// The sum of the shares is kept under a lock, because stores live in several threads. Without
// shares, the limit is again what it was before the first.
#include "tilewright/store/gdal/gdal_cache.h"

#include <gdal.h>

#include <algorithm>
#include <mutex>

namespace tilewright {

namespace {

// GDAL needs room for a block even if no store asks for any.
constexpr Index kLeastBytes = Index{1} << 18;

struct Shares {
  std::mutex mutex;
  Index count = 0;
  Index sum = 0;
  GIntBig without = 0;  // GDAL's limit before the first share

  void change(Index stores, Index bytes) {
    const std::lock_guard lock(mutex);
    if (count == 0) without = GDALGetCacheMax64();
    count += stores;
    sum += bytes;
    GDALSetCacheMax64(count > 0 ? std::max(sum, kLeastBytes) : without);
  }
};

Shares& shares() {
  static Shares instance;
  return instance;
}

}  // namespace

GdalCacheShare::GdalCacheShare(Index bytes) : bytes_(bytes) { shares().change(1, bytes); }

GdalCacheShare::~GdalCacheShare() { shares().change(-1, -bytes_); }

void GdalCacheShare::set(Index bytes) {
  shares().change(0, bytes - bytes_);
  bytes_ = bytes;
}

Index gdal_cache_bytes() { return static_cast<Index>(GDALGetCacheUsed64()); }

}  // namespace tilewright
