// Gradients of weights with few channels per group: lanes along groups, or along blocks of results.
#pragma once

#include "tilewright/device/cpu/kernels/conv2d_weights_step.h"

namespace tilewright::cpu {

/// What lies in the lanes of a vector, with results and source packed alike.
enum class UnitLanes {
  kGroups,  // the same block of neighbouring groups
  kBlocks,  // blocks of the same size of one group
};

inline constexpr Index kWeightsUnitsWorkspace = 448 * 1024;  // per thread

/// All weights of a step.
template <class T>
void run_unit_weights(const WeightsStep<T>& step, UnitLanes lanes);

/// Cycles per result, for all groups, of all threads together by their number.
template <class T>
double unit_weights_cycles(const WeightsStep<T>& step, UnitLanes lanes);

}  // namespace tilewright::cpu
