// The reference device: the definition, run as it stands.
#pragma once

#include "tilewright/device/device.h"

namespace tilewright {

const Device& reference_device();

}  // namespace tilewright
