// Cuts the batch: outputs and inputs of different images are disjoint, so nothing overlaps.
#include "tilewright/plan/strategy/table.h"

namespace tilewright {

const Strategy& batch_strategy() {
  static const Halving strategy("batch", Axis::kN, 1);
  return strategy;
}

}  // namespace tilewright
