// Limits of a machine.
#include "tilewright/machine/machine.h"

#include <fmt/format.h>

namespace tilewright {

Machine Machine::limited_to(const MachineLimits& limits) const {
  if (limits.host_bytes < 0 || limits.threads < 0)
    throw InvalidArgument(fmt::format("a machine cannot be limited to {} bytes and {} threads",
                                      limits.host_bytes, limits.threads));
  Machine m = *this;
  if (limits.host_bytes > 0) m.host_bytes = limits.host_bytes;
  if (limits.threads > 0) m.threads = limits.threads;
  return m;
}

}  // namespace tilewright
