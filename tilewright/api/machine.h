// The machine at hand as data.
#pragma once

#include <atomic>

#include "tilewright/machine/machine.h"

namespace tilewright {

/// This machine: threads from the processors that the process may use, host_bytes from half of the
/// memory that is free, kernels from the devices found. Rates are first guesses.
Machine local_machine();

}  // namespace tilewright
