// Zarr arrays (version 2), folders of chunks. Rows of the table of formats.
#pragma once

#include "tilewright/store/store.h"

namespace tilewright {

bool opens_zarr(const std::string& path);
bool creates_zarr(const std::string& path);
std::unique_ptr<Store> open_zarr(const std::string& path);
std::unique_ptr<Store> create_zarr(const std::string& path, const CreateOptions& options);
StoreLayout planned_zarr(const CreateOptions& options);

}  // namespace tilewright
