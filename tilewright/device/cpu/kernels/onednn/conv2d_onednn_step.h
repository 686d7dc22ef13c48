// conv2d and its gradients by primitives of oneDNN, each on one thread; parallel_ranges() deals out
// strips, so that no sum depends on the number of threads.
#pragma once

#include "tilewright/device/device.h"

namespace tilewright::cpu {

/// Per thread: operands of a strip in the library's layouts, and its scratchpad. Steps that cannot
/// be cut to fit are computed by conv2d/direct and its likes.
inline constexpr Index kOnednnWorkspace = Index{8} << 20;

void run_conv2d_onednn(const StepArgs& args);
void run_conv2d_transpose_onednn(const StepArgs& args);
void run_conv2d_weights_onednn(const StepArgs& args);

}  // namespace tilewright::cpu
