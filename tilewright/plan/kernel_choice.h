// Which kernel serves a problem, and what exactness a plan reaches with it.
#pragma once

#include "tilewright/plan/plan.h"

namespace tilewright {

/// Whether `kernel` computes `problem` at all.
bool computes(const KernelInfo& kernel, const Problem& problem, bool factored = false);

/// The kernels of `machine` that compute `problem` at `options.least` or better, fastest first; of
/// those that `options.kernel` names: a device ("reference"), a kernel ("conv2d/direct", "direct")
/// or both ("cpu:conv2d/direct"). Neither budget nor threads decide, so that bits do not depend on
/// them. Throws Unsupported, listing what there is, if there is none.
std::vector<const KernelInfo*> choose_kernels(const Problem& problem, const Machine& machine,
                                              const PlanOptions& options);

/// The kernel with the anchors and the error that it has for `problem`.
KernelInfo settled(const KernelInfo& kernel, const Problem& problem);

/// The class that the plan's kernel and cuts reach together.
Exactness exactness_of(const Plan& plan);

/// gamma(K) = K u / (1 - K u) with K products per output (and the bias), or what the kernel states
/// instead.
double error_bound(const Problem& problem, const KernelInfo& kernel);

}  // namespace tilewright
