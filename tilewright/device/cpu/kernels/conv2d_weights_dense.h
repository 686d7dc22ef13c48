// Gradients of weights with lanes along output channels or along the taps of a row.
#pragma once

#include "tilewright/device/cpu/kernels/conv2d_weights_step.h"

namespace tilewright::cpu {

/// What lies in the lanes of a vector.
enum class DenseLanes {
  kResults,  // output channels, packed result by result
  kTaps,     // neighbouring taps of a row, read where they are; at least as many as lanes
};

inline constexpr Index kWeightsDenseWorkspace = 440 * 1024;  // per thread

/// All weights of a step. Precondition of kTaps: dilation 1 along x.
template <class T>
void run_dense_weights(const WeightsStep<T>& step, DenseLanes lanes);

/// Cycles per result and thread, for all groups.
template <class T>
double dense_weights_cycles(const WeightsStep<T>& step, DenseLanes lanes);

}  // namespace tilewright::cpu
