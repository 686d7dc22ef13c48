// Cuts rows and columns of the image: outputs are disjoint, sources overlap by the halo
// dilation*(taps-1) + 1 - stride. Rows are preferred: whole rows stay contiguous in files.
#include <fmt/format.h>

#include "tilewright/plan/strategy/table.h"

namespace tilewright {
namespace {

class Space final : public Halving {
 public:
  using Halving::Halving;
  std::string describe(const Problem& problem, const Cuts& cuts) const override {
    const std::string text = Strategy::describe(problem, cuts);
    if (text.empty()) return text;
    const Window& w = problem.layer->window(axis() == Axis::kY ? kY : kX);
    return text + fmt::format(", halo {}", std::max<Index>(0, w.span() - w.stride));
  }
};

}  // namespace

const Strategy& rows_strategy() {
  static const Space strategy("rows", Axis::kY, 16);
  return strategy;
}

const Strategy& columns_strategy() {
  static const Space strategy("columns", Axis::kX, 128);
  return strategy;
}

}  // namespace tilewright
