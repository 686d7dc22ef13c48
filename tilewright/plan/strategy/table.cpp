// All strategies. To add one: a file here and one row.
#include "tilewright/plan/strategy/table.h"

#include <fmt/format.h>

namespace tilewright {

const std::vector<const Strategy*>& strategy_table() {
  static const std::vector<const Strategy*> table{
      &batch_strategy(),          &groups_strategy(),      &output_channels_strategy(),
      &input_channels_strategy(), &rows_strategy(),        &columns_strategy(),
      &tap_rows_strategy(),       &tap_columns_strategy(),
  };
  return table;
}

const Strategy& strategy_for(Axis axis) {
  for (const Strategy* s : strategy_table())
    if (s->axis() == axis) return *s;
  throw InternalError(std::string("no strategy cuts the axis ") + to_string(axis));
}

Exactness Strategy::exactness(const Problem&, const Cuts&) const { return Exactness::kBits; }

std::string Strategy::describe(const Problem&, const Cuts& cuts) const {
  const Cover& c = cuts[axis()];
  if (!c.cut()) return "";
  return fmt::format("{} in {} {} of {}", name(), c.count(), c.even() ? "blocks" : "uneven blocks",
                     c.block());
}

std::vector<Index> Halving::sizes(const Problem& problem, Index alignment) const {
  const Index extent = problem.extents()[axis_];
  std::vector<Index> sizes{extent};
  Index power = 1;
  while (power < extent) power *= 2;
  for (power /= 2; power >= 1; power /= 2) {
    const Index size = round_up(std::max(power, least_), alignment);
    if (size < sizes.back()) sizes.push_back(size);
    if (power <= least_) break;
  }
  return sizes;
}

}  // namespace tilewright
