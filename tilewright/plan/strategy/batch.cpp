// Cuts the batch: outputs and inputs of different images are disjoint, so nothing overlaps.
#include "tilewright/plan/strategy/table.h"

namespace tilewright {
namespace {

class Batch final : public Strategy {
 public:
  const char* name() const override { return "batch"; }
  Axis axis() const override { return Axis::kN; }
  std::vector<Index> sizes(const Problem& problem, Index alignment) const override {
    return halving_sizes(problem.extents()[axis()], 1, alignment);
  }
};

}  // namespace

const Strategy& batch_strategy() {
  static const Batch strategy;
  return strategy;
}

}  // namespace tilewright
