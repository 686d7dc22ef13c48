// Cuts groups of channels: disjoint outputs, inputs and weights. Depthwise layers have one channel
// per group, so this is how their bands are cut.
#include "tilewright/plan/strategy/table.h"

namespace tilewright {

const Strategy& groups_strategy() {
  static const Halving strategy("groups", Axis::kG, 1);
  return strategy;
}

}  // namespace tilewright
