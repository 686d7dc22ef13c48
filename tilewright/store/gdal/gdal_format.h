// Rasters through GDAL. Rows of the table of formats.
#pragma once

#include "tilewright/store/store.h"

namespace tilewright {

bool opens_gdal(const std::string& path);
bool creates_gdal(const std::string& path);
std::unique_ptr<Store> open_gdal(const std::string& path);
std::unique_ptr<Store> create_gdal(const std::string& path, const CreateOptions& options);
StoreLayout planned_gdal(const CreateOptions& options);

}  // namespace tilewright
