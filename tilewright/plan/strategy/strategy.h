// PORT Strategy: one way to cut the loop nest. Each file answers the same four questions: when it
// applies, into which block sizes, what it costs in exactness, how it reads in `explain`.
#pragma once

#include <memory>

#include "tilewright/plan/plan.h"

namespace tilewright {

class Strategy {
 public:
  virtual ~Strategy() = default;
  /// "rows", "input channels" …
  virtual const char* name() const = 0;
  virtual Axis axis() const = 0;
  /// Whether the axis of `problem` can be cut at all.
  virtual bool applies(const Problem& problem) const;
  /// Block sizes worth trying, descending; the first is the whole axis. `alignment` >= 1: inner
  /// borders must be its multiples. Sizes below the last one cost more than they save.
  virtual std::vector<Index> sizes(const Problem& problem, Index alignment) const = 0;
  /// The strongest class that `cuts` can reach as far as this axis is concerned.
  virtual Exactness exactness(const Cuts& cuts) const;
  /// "rows in blocks of 128 (8, halo 2)"; empty if `cuts` leaves the axis whole.
  virtual std::string describe(const Problem& problem, const Cuts& cuts) const;
};

/// The visible table of strategies, in the order of the loop nest.
const std::vector<const Strategy*>& strategy_table();
/// The strategy of one axis.
const Strategy& strategy_for(Axis axis);

/// `extent`, then halves of it down to `least`, rounded up to `alignment`; distinct, descending.
std::vector<Index> halving_sizes(Index extent, Index least, Index alignment);

}  // namespace tilewright
