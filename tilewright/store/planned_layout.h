// How an output would be laid out, known before it is created, so that it can be planned for.
#pragma once

#include "tilewright/store/store.h"

namespace tilewright {

/// The layout of the store that create_store(path, options) would make. Touches no file.
StoreLayout planned_layout(const std::string& path, const CreateOptions& options);

}  // namespace tilewright
