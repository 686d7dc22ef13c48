// Which kernel serves a problem, and what exactness a plan reaches with it.
#pragma once

#include "tilewright/plan/plan.h"

namespace tilewright {

/// The fastest kernel of `machine` that computes `problem` at `options.least` or better, or the
/// one that `options.kernel` names: a device ("reference"), a kernel ("conv2d/direct", "direct")
/// or both ("cpu:conv2d/direct"). Throws Unsupported, listing what there is.
const KernelInfo& choose_kernel(const Problem& problem, const Machine& machine,
                                const PlanOptions& options);

/// The class that the plan's kernel and cuts reach together.
Exactness exactness_of(const Plan& plan);

/// gamma(K) = K u / (1 - K u) with K products per output (and the bias).
double error_bound(const Problem& problem);

}  // namespace tilewright
