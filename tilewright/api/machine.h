// The machine at hand as data.
#pragma once

#include <atomic>

#include "tilewright/machine/machine.h"

namespace tilewright {

/// This machine: threads from the processors that the process may use, host_bytes from half of the
/// memory that is free, kernels from the devices found. Rates are those that `tilewright tune` has
/// measured here (see tune_path), or first guesses from what the system reports.
Machine local_machine();
/// The same with first guesses, whatever has been measured.
Machine untuned_machine();

/// local_machine() as it was when it was first asked for: for calls on tensors, which should not
/// read the system's tables each time.
const Machine& this_machine();

}  // namespace tilewright
