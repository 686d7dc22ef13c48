// The gradient of conv2d's weights by the definition's own sums, vectorised over weights, groups or
// blocks of results. Order::kCanonical.
#pragma once

#include "tilewright/device/device.h"

namespace tilewright::cpu {

inline constexpr Index kConv2dWeightsWorkspace = 448 * 1024;  // per thread

/// Precondition: this machine has a fused multiply-add (outer_ops_f32() is not null).
void run_conv2d_weights_direct(const StepArgs& args);

}  // namespace tilewright::cpu
