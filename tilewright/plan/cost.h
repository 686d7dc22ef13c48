// Predicted seconds of a plan on a machine.
#pragma once

#include "tilewright/plan/plan.h"

namespace tilewright {

/// Fills moved, compute_seconds and seconds of `plan`, whose cuts and memory are set.
void set_cost(Plan& plan, const Machine& machine, const PlanOptions& options);

}  // namespace tilewright
