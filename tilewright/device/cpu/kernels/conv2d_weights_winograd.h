// The gradient of conv2d's weights, 3x3, by Winograd's minimal filtering, F(3x3, 4x4): tiles of 4 x
// 4 results take the place of the filter. Order::kAnchored: tiles from the corner of each block of
// results, whose sums are added in f64; the blocks are the layer's, or whole tiles of all phases.
#pragma once

#include "tilewright/device/device.h"

namespace tilewright::cpu {

/// Largest sum over products of |taps'| * max|results' factors| * sum|source's factors|, along both
/// axes; and roundings: of the transforms, and of the sum over the 64 tiles of a block.
inline constexpr double kWeightsWinogradErrorFactor = 14.75 * 14.75,
                        kWeightsWinogradRoundings = 64 + 26;
/// Bytes per thread for steps of so many channels of a group.
Index conv2d_weights_winograd_workspace(Index inputs, Index outputs);
/// The same for the largest step there is.
inline constexpr Index kConv2dWeightsWinogradWorkspace = Index{20} << 18;
/// Where it may be cut, and what it promises.
KernelTiling conv2d_weights_winograd_tiling(const Layer& layer);
/// Products from which on it is chosen by itself, see KernelTraits.
double conv2d_weights_winograd_least_products(double real);
/// What a step costs.
KernelWork conv2d_weights_winograd_work(const Layer& layer, const Block& step);

/// Precondition: f32, 3x3 taps, stride 1, dilation up to kWinogradDilation; winograd_ops() is not
/// null.
void run_conv2d_weights_winograd(const StepArgs& args);

}  // namespace tilewright::cpu
