// Cuts the kernel itself: each step uses some rows or columns of taps, with a smaller window. Sums
// are chained like input channels. The canonical sum runs over channels, then ky, then kx; a cut
// keeps it only if every axis outside the cut one advances index by index.
#include <fmt/format.h>

#include "tilewright/plan/strategy/table.h"

namespace tilewright {
namespace {

class Taps final : public Halving {
 public:
  using Halving::Halving;
  Exactness exactness(const Problem& problem, const Cuts& cuts) const override {
    const bool summed = problem.layer->role(axis()) == Role::kReduce;
    if (!summed || !cuts[axis()].cut()) return Exactness::kBits;
    const bool one_channel = cuts[Axis::kCi].block() == 1;
    const bool one_row = axis() == Axis::kKy || cuts[Axis::kKy].block() == 1;
    return one_channel && one_row ? Exactness::kBits : Exactness::kBound;
  }
  std::string describe(const Problem& problem, const Cuts& cuts) const override {
    const std::string text = Strategy::describe(problem, cuts);
    if (text.empty() || problem.layer->role(axis()) != Role::kReduce) return text;
    return text + (exactness(problem, cuts) == Exactness::kBits ? ", sums chained"
                                                                : ", sums re-associated");
  }
};

}  // namespace

const Strategy& tap_rows_strategy() {
  static const Taps strategy("tap rows", Axis::kKy, 1);
  return strategy;
}

const Strategy& tap_columns_strategy() {
  static const Taps strategy("tap columns", Axis::kKx, 64);
  return strategy;
}

}  // namespace tilewright
