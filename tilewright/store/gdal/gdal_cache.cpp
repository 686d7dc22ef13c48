// The sum of the shares is kept under a lock, because stores live in several threads. Without
// shares, the limit is again what it was before the first.
#include "tilewright/store/gdal/gdal_cache.h"

#include <gdal.h>

#include <mutex>

namespace tilewright {

void GdalCacheShare::set(Index bytes) {
  static std::mutex mutex;
  static Index sum = 0;
  static GIntBig without_shares = 0;
  const std::lock_guard lock(mutex);
  if (sum == 0) without_shares = GDALGetCacheMax64();
  sum += bytes - bytes_;
  bytes_ = bytes;
  GDALSetCacheMax64(sum > 0 ? sum : without_shares);
}

Index gdal_cache_bytes() { return static_cast<Index>(GDALGetCacheUsed64()); }

}  // namespace tilewright
