// Cuts output channels inside a group: disjoint outputs and weights, the same source for all.
// Blocks below 16 channels would read the source too often for the memory they save.
#include "tilewright/plan/strategy/table.h"

namespace tilewright {

const Strategy& output_channels_strategy() {
  static const Halving strategy("output channels", Axis::kCo, 16);
  return strategy;
}

}  // namespace tilewright
