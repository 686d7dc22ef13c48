// conv2d with 3x3 taps by Winograd's minimal filtering, F(4x4, 3x3). Order::kAnchored: outputs in
// tiles of 4 x 4 from a step's first output, input channels in blocks of kWinogradChannels. A
// dilated convolution is undilated ones of its phases: a tile's outputs are `dilation` apart.
#pragma once

#include "tilewright/device/device.h"

namespace tilewright::cpu {

/// Taps may be so far apart: a block of tiles holds those of all phases.
inline constexpr Index kWinogradDilation = 32;
/// Largest sum over products of |inverse| * max|taps' factors| * sum|source's factors|, along both
/// axes, and the roundings of the transforms beside those of the sum.
inline constexpr double kWinogradErrorFactor = 13.75 * 13.75, kWinogradRoundings = 24;
/// Products of so many channels are summed before they are transformed back.
inline constexpr Index kWinogradChannels = 128;
/// Bytes per thread for steps of so many channels of a group, whatever their images.
Index conv2d_winograd_workspace(Index inputs, Index outputs);
/// The same for the largest step there is.
inline constexpr Index kConv2dWinogradWorkspace = Index{17} << 18;
/// Products of transformed tiles, and the transforms, which are bound by their loads and stores.
KernelWork conv2d_winograd_work(const Layer& layer, const Block& step);

/// Where it may be cut, and what it promises.
KernelTiling conv2d_winograd_tiling(const Layer& layer);

/// Precondition: f32, 3x3 taps, stride 1, dilation up to kWinogradDilation; winograd_ops() is not
/// null.
void run_conv2d_winograd(const StepArgs& args);
/// The same for the gradient of the source.
void run_conv2d_transpose_winograd(const StepArgs& args);

}  // namespace tilewright::cpu
