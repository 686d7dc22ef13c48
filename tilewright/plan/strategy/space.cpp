// Cuts rows and columns of the image: outputs are disjoint, sources overlap by the halo
// dilation*(taps-1) + 1 - stride. Rows are preferred: whole rows stay contiguous in files. Where
// the image is summed, sums stay in order if cuts lie between the layer's blocks and all axes
// outside the cut one advance block by block.
#include <fmt/format.h>

#include "tilewright/plan/strategy/table.h"

namespace tilewright {
namespace {

class Space final : public Halving {
 public:
  using Halving::Halving;
  std::vector<Index> sizes(const Problem& problem, Index alignment) const override {
    if (!sums_image(*problem.layer)) return Halving::sizes(problem, alignment);
    return Halving(name(), axis(), alignment).sizes(problem, alignment);
  }
  Exactness exactness(const Problem& problem, const Cuts& cuts) const override {
    const Layer& layer = *problem.layer;
    const Cover& c = cuts[axis()];
    if (!sums_image(layer) || !c.cut()) return Exactness::kBits;
    const bool outer_by_block =
        cuts[Axis::kN].block() == 1 &&
        (axis() == Axis::kY || cuts[Axis::kY].block() <= layer.sum_block(Axis::kY));
    const bool between = c.alignment() % layer.sum_block(axis()) == 0;
    return outer_by_block && between ? Exactness::kBits : Exactness::kBound;
  }
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
