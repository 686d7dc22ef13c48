// GDAL has one block cache for the whole process; stores each wish for a part of it.
#pragma once

#include "tilewright/base/checked.h"

namespace tilewright {

/// One store's share of GDAL's block cache. The cache's limit is the sum of the shares of all
/// stores alive.
class GdalCacheShare {
 public:
  explicit GdalCacheShare(Index bytes);
  ~GdalCacheShare();
  GdalCacheShare(const GdalCacheShare&) = delete;
  GdalCacheShare& operator=(const GdalCacheShare&) = delete;

  void set(Index bytes);

 private:
  Index bytes_ = 0;
};

/// Bytes in GDAL's block cache now, of all stores together.
Index gdal_cache_bytes();

}  // namespace tilewright
