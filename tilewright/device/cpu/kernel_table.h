// The kernels of the cpu device, best first.
#pragma once

#include <vector>

#include "tilewright/device/device.h"

namespace tilewright::cpu {

/// Empty if this machine has no fused multiply-add.
const std::vector<Kernel>& kernel_table();

}  // namespace tilewright::cpu
