// conv2d by the definition's own sums, vectorised over outputs. Order::kCanonical.
#pragma once

#include "tilewright/device/device.h"

namespace tilewright::cpu {

inline constexpr Index kConv2dDirectWorkspace = 256 * 1024;  // per thread

/// Precondition: this machine has a fused multiply-add (direct_ops() is not null).
void run_conv2d_direct(const StepArgs& args);
/// Kernel::pack of the forward kernel.
bool pack_conv2d_direct(const TensorView& weights, Index groups, std::byte* workspace, int threads);
void run_conv2d_transpose_direct(const StepArgs& args);

}  // namespace tilewright::cpu
