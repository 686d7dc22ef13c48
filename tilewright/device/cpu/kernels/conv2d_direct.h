// conv2d by the definition's own sums, vectorised over outputs. Order::kCanonical.
#pragma once

#include "tilewright/device/device.h"

namespace tilewright::cpu {

/// Bytes per thread for steps with so many output channels and products in each sum.
Index conv2d_direct_workspace(Index co, Index depth);
/// The same for the largest step there is.
inline constexpr Index kConv2dDirectWorkspace = 1664 * 1024;

/// Precondition: this machine has a fused multiply-add (direct_ops() is not null).
void run_conv2d_direct(const StepArgs& args);
/// Kernel::pack of the forward kernel.
bool pack_conv2d_direct(const TensorView& weights, Index groups, std::byte* workspace, int threads);
void run_conv2d_transpose_direct(const StepArgs& args);

}  // namespace tilewright::cpu
