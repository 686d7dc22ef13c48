// conv2d and conv2d_transpose as matrix products: weights [co, products] times columns [products,
// outputs]. What is cut follows from the step alone, never from the number of threads.
#pragma once

#include "tilewright/device/device.h"

namespace tilewright::cpu {

inline constexpr Index kBlasWorkspace = Index{9} << 19;  // 4.5 MiB

/// Bytes per thread of a step with that many output channels, products per output and outputs per
/// plane.
Index blas_workspace(Index co, Index depth, Index outputs, bool packs_weights);

void run_conv2d_blas(const StepArgs& args);
void run_conv2d_transpose_blas(const StepArgs& args);

inline constexpr Index kBlasWeightsWorkspace = Index{4} << 20;

Index blas_weights_workspace(Index co, Index depth, Index results);

void run_conv2d_weights_blas(const StepArgs& args);

}  // namespace tilewright::cpu
