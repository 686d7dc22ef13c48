// All devices, best first. To add one: a folder device/<name>/ and one row.
#include <fmt/format.h>

#include "tilewright/base/error.h"
#include "tilewright/device/cpu/cpu_device.h"
#include "tilewright/device/device.h"
#include "tilewright/device/reference/reference_device.h"

namespace tilewright {

const std::vector<const Device*>& device_table() {
  static const std::vector<const Device*> table{
      &cpu_device(),
      &reference_device(),
  };
  return table;
}

const Kernel& find_kernel(const std::string& device, const std::string& name) {
  for (const Device* d : device_table()) {
    if (d->name() != device) continue;
    for (const Kernel& k : d->kernels())
      if (k.name == name) return k;
  }
  throw Unsupported(
      fmt::format("this machine has no kernel {}:{}; see tilewright devices", device, name));
}

}  // namespace tilewright
