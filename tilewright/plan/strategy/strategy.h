// PORT Strategy: one way to cut the loop nest. Each file answers the same three questions: into
// which block sizes, what it costs in exactness, how it reads in `explain`.
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
  /// Block sizes worth trying, descending; the first is the whole axis. `alignment` >= 1: inner
  /// borders must be its multiples. Sizes below the last one cost more than they save.
  virtual std::vector<Index> sizes(const Problem& problem, Index alignment) const = 0;
  /// The strongest class that `cuts` can reach as far as this axis is concerned.
  virtual Exactness exactness(const Problem& problem, const Cuts& cuts) const;
  /// "rows in blocks of 128 (8, halo 2)"; empty if `cuts` leaves the axis whole.
  virtual std::string describe(const Problem& problem, const Cuts& cuts) const;
};

/// An axis that is cut into halves, and those again, down to blocks of `least`.
class Halving : public Strategy {
 public:
  Halving(const char* name, Axis axis, Index least) : name_(name), axis_(axis), least_(least) {}
  const char* name() const override { return name_; }
  Axis axis() const override { return axis_; }
  std::vector<Index> sizes(const Problem& problem, Index alignment) const override;

 private:
  const char* name_;
  Axis axis_;
  Index least_;
};

/// The visible table of strategies, in the order of the loop nest.
const std::vector<const Strategy*>& strategy_table();
/// The strategy of one axis.
const Strategy& strategy_for(Axis axis);

}  // namespace tilewright
