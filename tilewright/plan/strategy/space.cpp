// Cuts rows and columns of the image: outputs are disjoint, sources overlap by the halo
// dilation*(taps-1) + 1 - stride. Rows are preferred: whole rows stay contiguous in files.
#include <fmt/format.h>

#include "tilewright/plan/strategy/table.h"

namespace tilewright {
namespace {

class Space final : public Strategy {
 public:
  Space(Axis axis, Index least) : axis_(axis), least_(least) {}
  const char* name() const override { return axis_ == Axis::kY ? "rows" : "columns"; }
  Axis axis() const override { return axis_; }
  std::vector<Index> sizes(const Problem& problem, Index alignment) const override {
    return halving_sizes(problem.extents()[axis_], least_, alignment);
  }
  std::string describe(const Problem& problem, const Cuts& cuts) const override {
    const std::string text = Strategy::describe(problem, cuts);
    if (text.empty()) return text;
    const Window& w = problem.layer->window(axis_ == Axis::kY ? kY : kX);
    return text + fmt::format(", halo {}", std::max<Index>(0, w.span() - w.stride));
  }

 private:
  Axis axis_;
  Index least_;
};

}  // namespace

const Strategy& rows_strategy() {
  static const Space strategy(Axis::kY, 16);
  return strategy;
}

const Strategy& columns_strategy() {
  static const Space strategy(Axis::kX, 128);
  return strategy;
}

}  // namespace tilewright
