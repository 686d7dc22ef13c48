// Computes single regions of an output, on their own: for checking a result that exists.
#pragma once

#include "tilewright/run/run.h"

namespace tilewright {

class Recomputer {
 public:
  /// `plan` gives kernel, budget and the cuts of the summed axes; its piece cuts bound the size of
  /// the regions asked for later. Reads kept weights at once. `stores.dst` is not used.
  Recomputer(const Plan& plan, const Stores& stores);
  ~Recomputer();

  /// The outputs of `block` (piece axes; summed axes are taken whole), in the dst dtype. The block
  /// must be no larger than the plan's largest piece and must keep to one group or whole groups.
  Tensor compute(const Block& block);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The least wide plan that computes regions of up to `block` within the machine's budget.
/// `kernel` as in PlanOptions, `factored` as in its hints about weights.
Plan plan_regions(const Problem& problem, const Machine& machine, const Block& block,
                  const std::string& kernel, Exactness least, bool factored = false);

}  // namespace tilewright
