// The gradient of conv2d's weights with lanes along the columns of the results: both operands are
// read as they lie, nothing is transposed or broadcast. Order::kAnchored: in blocks of kDotRows x
// kDotColumns results, lane l sums columns l, l + 16, ... of one row after another; lanes are added
// in f64 by a fixed tree, blocks in f64 in their order.
#pragma once

#include "tilewright/device/device.h"

namespace tilewright::cpu {

inline constexpr Index kDotRows = 64, kDotColumns = 128;
/// Products of a lane of a block, whose sums alone are rounded in f32; and the last rounding.
inline constexpr double kDotRoundings = kDotRows * kDotColumns / 16 + 1;

/// Bytes per thread for steps as large as `step`.
Index conv2d_weights_dot_workspace(const Block& step);
/// The same for the largest step there is.
inline constexpr Index kConv2dWeightsDotWorkspace = Index{2} << 20;
/// What a step costs.
KernelWork conv2d_weights_dot_work(const Layer& layer, const Block& step);

/// Precondition: f32; dot_ops() is not null.
void run_conv2d_weights_dot(const StepArgs& args);

}  // namespace tilewright::cpu
