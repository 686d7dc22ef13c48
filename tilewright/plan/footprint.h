// Bytes of one candidate: what a plan's buffers take, and the largest blocks they hold.
#pragma once

#include "tilewright/plan/plan.h"

namespace tilewright {

/// The largest step of a plan, at the origin.
Block largest_step(const Cuts& cuts);

/// Fills memory and the caches of `plan` from its cuts, switches and budget.
void set_footprint(Plan& plan, const PlanOptions& hints);

}  // namespace tilewright
