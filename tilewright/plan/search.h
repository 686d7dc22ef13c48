// The search behind plan(): every way to cut a problem that is worth trying, against a budget.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "tilewright/plan/force.h"

namespace tilewright {

class Search {
 public:
  Search(const Problem& problem, const Machine& machine, const PlanOptions& options);

  /// Considers all candidates that use `kernel`.
  void with_kernel(const KernelInfo& kernel);

  /// Whether no axis that `kernel` never cuts is cut by force.
  bool allows_force(const KernelInfo& kernel) const;

  /// The best class of exactness that `kernel` can reach with the cuts that are forced.
  Exactness most_exact(const KernelInfo& kernel);

  /// The kernel considered last.
  const KernelInfo& kernel() const { return now_.kernel; }
  /// The best plan found, if any fits.
  const std::optional<Plan>& best() const { return best_; }
  /// Bytes of the least wasteful candidate: a budget that works.
  Index smallest() const { return smallest_; }
  /// One line about the plan that came second, with the reason if it is predicted to be quicker.
  std::string runner_up() const;

 private:
  /// What a plan chooses besides its cuts.
  struct Switches {
    bool keep_weights;
    int in_flight;
    bool co_innermost;
    PieceOrder order;
  };
  static const std::vector<Switches>& all_switches();

  Index alignment(Axis axis) const;
  std::vector<Index> sizes(Axis axis) const;
  std::vector<Cover> covers(Axis axis) const;
  void add_src_blocks(std::vector<Cover>& result) const;
  bool one_row_block() const;
  bool allowed() const;
  bool allowed(const Switches& s) const;
  void set(const Switches& s);

  void enumerate(std::size_t depth);
  bool fits();
  bool fits_with(Axis axis, Index size);
  Index most(Axis axis, Index least, Index unit);
  void choose_rows();
  void choose_batch();
  void judge();
  void remember(const Plan& loser, const Plan& winner);
  double rank(const Plan& p) const;
  void measure_whole();
  void note_smallest();

  const Machine& machine_;
  const PlanOptions& options_;
  Force force_;
  Extents extents_;
  bool cut_taps_ = false;
  Plan now_;  // the candidate under consideration
  std::optional<Plan> best_;
  std::optional<Plan> runner_up_;
  Index smallest_ = 0;
};

}  // namespace tilewright
