// The sum of the shares is kept under a lock, because stores live in several threads.
#include "tilewright/store/gdal/gdal_cache.h"

#include <gdal.h>

#include <mutex>

namespace tilewright {

void GdalCacheShare::set(Index bytes) {
  static std::mutex mutex;
  static Index sum = 0;
  const std::lock_guard lock(mutex);
  sum += bytes - bytes_;
  bytes_ = bytes;
  GDALSetCacheMax64(sum);
}

Index gdal_cache_bytes() { return static_cast<Index>(GDALGetCacheUsed64()); }

}  // namespace tilewright
