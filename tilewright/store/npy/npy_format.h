// The format NumPy's np.save writes; see NEP 1. Rows of the table of formats.
#pragma once

#include "tilewright/store/store.h"

namespace tilewright {

bool opens_npy(const std::string& path);
bool creates_npy(const std::string& path);
std::unique_ptr<Store> open_npy(const std::string& path);
std::unique_ptr<Store> create_npy(const std::string& path, const CreateOptions& options);
StoreLayout planned_npy(const CreateOptions& options);

}  // namespace tilewright
