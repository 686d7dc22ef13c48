// conv2d with 3 x 3 taps and stride 2 along both axes by Winograd's minimal filtering: an axis is
// two taps on the even positions and one on the odd ones, F(3, 2) each, whose sums share one
// inverse transform. Order::kAnchored: outputs in tiles of 3 x 3 from a step's first output, input
// channels in blocks of kWinogradStrideChannels. For the gradient of the source the phases share
// the transform of the gradient instead: tiles of 6 x 6, blocks of kWinogradStrideResults channels.
#pragma once

#include "tilewright/device/device.h"

namespace tilewright::cpu {

/// Roundings of the transforms beside those of the sum.
inline constexpr double kWinogradStrideRoundings = 8;
/// Products of so many channels are summed before they are transformed back.
inline constexpr Index kWinogradStrideChannels = 64, kWinogradStrideResults = 128;
/// Bytes per thread for steps of so many channels of a group, whatever their images.
Index conv2d_winograd_stride_workspace(Index inputs, Index outputs);
Index conv2d_transpose_winograd_stride_workspace(Index inputs, Index outputs);
/// The same for the largest step there is.
inline constexpr Index kConv2dWinogradStrideWorkspace = Index{21} << 18;
/// Products of transformed tiles, and the transforms.
KernelWork conv2d_winograd_stride_work(const Layer& layer, const Block& step);
KernelWork conv2d_transpose_winograd_stride_work(const Layer& layer, const Block& step);

/// Where they may be cut, and what they promise.
KernelTiling conv2d_winograd_stride_tiling(const Layer& layer);
KernelTiling conv2d_transpose_winograd_stride_tiling(const Layer& layer);

/// Precondition: f32, 3 x 3 taps, stride 2 x 2, dilation 1; stride_ops() is not null.
void run_conv2d_winograd_stride(const StepArgs& args);
/// The same for the gradient of the source.
void run_conv2d_transpose_winograd_stride(const StepArgs& args);

}  // namespace tilewright::cpu
