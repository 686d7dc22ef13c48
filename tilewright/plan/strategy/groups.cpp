// Cuts groups of channels: disjoint outputs, inputs and weights. Depthwise layers have one channel
// per group, so this is how their bands are cut.
#include "tilewright/plan/strategy/table.h"

namespace tilewright {
namespace {

class Groups final : public Strategy {
 public:
  const char* name() const override { return "groups"; }
  Axis axis() const override { return Axis::kG; }
  std::vector<Index> sizes(const Problem& problem, Index alignment) const override {
    return halving_sizes(problem.extents()[axis()], 1, alignment);
  }
};

}  // namespace

const Strategy& groups_strategy() {
  static const Groups strategy;
  return strategy;
}

}  // namespace tilewright
