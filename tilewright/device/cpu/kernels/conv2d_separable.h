// conv2d with weights that are products of a column and a row, as two passes of one tap less each:
// along rows into a strip of the workspace, then down its columns. Order::kAnchored: each result is
// a chain over ky of chains over kx, wherever it is computed; taps are never cut.
#pragma once

#include "tilewright/device/device.h"

namespace tilewright::cpu {

/// Bytes per thread for windows of ky x kx taps and steps of `down` x `across` outputs.
Index conv2d_separable_workspace(Index ky, Index kx, Index down, Index across);
/// For the largest that it takes.
inline constexpr Index kConv2dSeparableMostTaps = 1025;
inline constexpr Index kConv2dSeparableWorkspace = Index{2} << 20;
/// Errors grow with the sum, not the product, of the sides of the window.
KernelTiling conv2d_separable_tiling(const Layer& layer);
KernelWork conv2d_separable_work(const Layer& layer, const Block& step);

/// Precondition: one input and output channel per group, stride 1, dilation 1; `column` and `row`
/// are given.
void run_conv2d_separable(const StepArgs& args);

}  // namespace tilewright::cpu
