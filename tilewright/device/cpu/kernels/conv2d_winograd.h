// conv2d with 3 to 5 taps along each axis by Winograd's minimal filtering, F(4, 3), F(3, 4) and
// F(2, 5). Order::kAnchored: outputs in tiles of 4, 3 or 2 along an axis from a step's first
// output, input channels in blocks of kWinogradChannels. A
// dilated convolution is undilated ones of its phases: a tile's outputs are `dilation` apart.
#pragma once

#include "tilewright/device/device.h"

namespace tilewright::cpu {

/// Taps may be so far apart: a block of tiles holds those of all phases.
inline constexpr Index kWinogradDilation = 32;
/// Taps along an axis, at most; at least three.
inline constexpr Index kWinogradMostTaps = 5;
/// Roundings of the transforms beside those of the sum.
inline constexpr double kWinogradRoundings = 24;
/// Products of so many channels are summed before they are transformed back.
inline constexpr Index kWinogradChannels = 128;
/// Bytes per thread for steps of so many channels of a group, whatever their images.
Index conv2d_winograd_workspace(Index inputs, Index outputs);
/// The same for the largest step there is.
inline constexpr Index kConv2dWinogradWorkspace = Index{17} << 18;
/// Products of transformed tiles, and the transforms, which are bound by their loads and stores.
KernelWork conv2d_winograd_work(const Layer& layer, const Block& step);

/// Products from which on it is chosen by itself, see KernelTraits.
double conv2d_winograd_least_products(double real);

/// Where it may be cut, and what it promises.
KernelTiling conv2d_winograd_tiling(const Layer& layer);

/// Precondition: f32, 3 to 5 taps along each axis, stride 1, dilation up to kWinogradDilation;
/// winograd_ops() is not null.
void run_conv2d_winograd(const StepArgs& args);
/// The same for the gradient of the source.
void run_conv2d_transpose_winograd(const StepArgs& args);

}  // namespace tilewright::cpu
