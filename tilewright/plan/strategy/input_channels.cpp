// Cuts input channels inside a piece: the destination stays, source blocks stream by, and each
// block continues the sums where the last one stopped. The canonical sum runs over channels
// outermost, so a cut at any channel is a prefix of it and no bit changes.
#include "tilewright/plan/strategy/table.h"

namespace tilewright {
namespace {

class InputChannels final : public Halving {
 public:
  InputChannels() : Halving("input channels", Axis::kCi, 16) {}
  std::string describe(const Problem& problem, const Cuts& cuts) const override {
    const std::string text = Strategy::describe(problem, cuts);
    return text.empty() ? text : text + ", sums chained";
  }
};

}  // namespace

const Strategy& input_channels_strategy() {
  static const InputChannels strategy;
  return strategy;
}

}  // namespace tilewright
