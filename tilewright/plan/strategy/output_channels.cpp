// Cuts output channels inside a group: disjoint outputs and weights, the same source for all.
// Blocks below 16 channels would read the source too often for the memory they save.
#include "tilewright/plan/strategy/table.h"

namespace tilewright {
namespace {

class OutputChannels final : public Strategy {
 public:
  const char* name() const override { return "output channels"; }
  Axis axis() const override { return Axis::kCo; }
  std::vector<Index> sizes(const Problem& problem, Index alignment) const override {
    return halving_sizes(problem.extents()[axis()], 16, alignment);
  }
};

}  // namespace

const Strategy& output_channels_strategy() {
  static const OutputChannels strategy;
  return strategy;
}

}  // namespace tilewright
