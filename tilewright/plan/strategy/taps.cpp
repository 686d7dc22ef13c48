// Cuts the kernel itself: each step uses some rows or columns of taps, with a smaller window. Sums
// are chained like input channels. The canonical sum runs over channels, then ky, then kx; a cut
// keeps it only if every axis outside the cut one advances index by index.
#include <fmt/format.h>

#include "tilewright/plan/strategy/table.h"

namespace tilewright {
namespace {

class Taps final : public Strategy {
 public:
  Taps(Axis axis, Index least) : axis_(axis), least_(least) {}
  const char* name() const override { return axis_ == Axis::kKy ? "tap rows" : "tap columns"; }
  Axis axis() const override { return axis_; }
  std::vector<Index> sizes(const Problem& problem, Index alignment) const override {
    return halving_sizes(problem.extents()[axis_], least_, alignment);
  }
  Exactness exactness(const Cuts& cuts) const override {
    if (!cuts[axis_].cut()) return Exactness::kBits;
    const bool one_channel = cuts[Axis::kCi].block() == 1;
    const bool one_row = axis_ == Axis::kKy || cuts[Axis::kKy].block() == 1;
    return one_channel && one_row ? Exactness::kBits : Exactness::kBound;
  }
  std::string describe(const Problem& problem, const Cuts& cuts) const override {
    const std::string text = Strategy::describe(problem, cuts);
    if (text.empty()) return text;
    return text + (exactness(cuts) == Exactness::kBits ? ", sums chained" : ", sums re-associated");
  }

 private:
  Axis axis_;
  Index least_;
};

}  // namespace

const Strategy& tap_rows_strategy() {
  static const Taps strategy(Axis::kKy, 1);
  return strategy;
}

const Strategy& tap_columns_strategy() {
  static const Taps strategy(Axis::kKx, 64);
  return strategy;
}

}  // namespace tilewright
