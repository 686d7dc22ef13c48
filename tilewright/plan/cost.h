// Predicted seconds of a plan on a machine.
#pragma once

#include "tilewright/plan/plan.h"

namespace tilewright {

/// Seconds that the kernel and the threads of `plan` are predicted to take for one step.
double kernel_seconds(const Plan& plan, const Block& step);

/// Fills moved, compute_seconds and seconds of `plan`, whose cuts and memory are set.
void set_cost(Plan& plan, const Machine& machine, const PlanOptions& options);

}  // namespace tilewright
