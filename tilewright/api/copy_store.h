// Copying one store to a new one, strip by strip, within a budget.
#pragma once

#include "tilewright/machine/machine.h"
#include "tilewright/run/run.h"
#include "tilewright/store/store.h"

namespace tilewright {

/// Writes all of `src` to `dst_path` (see create_store), showing `rank` axes. Uses a strip of at
/// most a quarter of machine.host_bytes. Throws StoreError, Interrupted.
Trace copy_store(Store& src, const std::string& dst_path, int rank, bool overwrite,
                 const Machine& machine, const RunOptions& options = {});

}  // namespace tilewright
