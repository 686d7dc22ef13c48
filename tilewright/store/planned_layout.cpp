// Only formats of one file per chunk care where pieces end: a chunk of two pieces is opened twice.
#include "tilewright/store/planned_layout.h"

#include "tilewright/store/ending.h"

namespace tilewright {

StoreLayout planned_layout(const std::string& path, const CreateOptions& options) {
  StoreLayout layout;
  layout.scratch_bytes = Index{256} << 10;
  if (!has_ending(path, ".zarr")) return layout;
  for (std::size_t d = 0; d < 4; ++d)
    layout.block[d] = std::clamp<Index>(options.block[d], 1, options.spec.shape[d]);
  return layout;
}

}  // namespace tilewright
