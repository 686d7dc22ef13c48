// plan(): candidates from the strategies, pruned by memory, ranked by predicted time.
//
// All axes but rows and batch are enumerated; the rows of a piece are then the most that fit, or a
// fraction of it where a shorter pipeline pays. Problems that fit whole become one piece.
#include <fmt/format.h>

#include <cmath>
#include <optional>

#include "tilewright/base/text.h"
#include "tilewright/plan/cost.h"
#include "tilewright/plan/footprint.h"
#include "tilewright/plan/force.h"
#include "tilewright/plan/kernel_choice.h"
#include "tilewright/plan/strategy/strategy.h"
#include "tilewright/plan/traffic.h"

namespace tilewright {
namespace {

// One piece is preferred to a pipeline that gains less than this.
constexpr double kOnePieceFactor = 1.1;
constexpr double kOnePieceSeconds = 0.05;

class Search {
 public:
  Search(const Problem& problem, const Machine& machine, const PlanOptions& options)
      : machine_(machine),
        options_(options),
        force_(parse_force(options.force, problem)),
        extents_(problem.extents()) {
    now_.problem = problem;
    now_.threads = machine.threads;
    now_.budget_bytes = machine.host_bytes;
    now_.forced = force_.any();
  }

  void with_kernel(const KernelInfo& kernel) {
    now_.kernel = kernel;
    measure_whole();
    cut_taps_ = false;
    enumerate(0);
    cut_taps_ = true;
    if (!best_) enumerate(0);
    note_smallest();
  }

  const std::optional<Plan>& best() const { return best_; }
  Index smallest() const { return smallest_; }
  std::string runner_up() const {
    if (!runner_up_) return "";
    const Counts c = runner_up_->counts();
    return fmt::format("{} piece{} of {} x {} x {} in {}", c.pieces, c.pieces == 1 ? "" : "s",
                       runner_up_->cuts[Axis::kY].block(), runner_up_->cuts[Axis::kX].block(),
                       runner_up_->cuts[Axis::kG].block() * runner_up_->cuts[Axis::kCo].block(),
                       format_seconds(runner_up_->seconds));
  }

 private:
  static constexpr std::array<Axis, 6> kEnumerated{Axis::kG, Axis::kCo, Axis::kCi,
                                                   Axis::kX, Axis::kKy, Axis::kKx};

  Index alignment(Axis axis) const {
    if (!options_.dst.cached) return 1;
    if (axis == Axis::kY) return options_.dst.block[2];
    if (axis == Axis::kX) return options_.dst.block[3];
    return 1;
  }

  std::vector<Index> sizes(Axis axis) const {
    return strategy_for(axis).sizes(now_.problem, alignment(axis));
  }

  std::vector<Cover> covers(Axis axis) const {
    if (force_.given[axis]) return {force_.cuts[axis]};
    const Index extent = extents_[axis];
    std::vector<Cover> result;
    const bool tap = axis == Axis::kKy || axis == Axis::kKx;
    if (tap && !cut_taps_) return {Cover(extent, extent)};
    for (const Index size : sizes(axis)) result.emplace_back(extent, size);
    if (axis == Axis::kCi && cut_taps_) result.emplace_back(extent, 1);
    if (axis == Axis::kX) add_src_blocks(result);
    return result;
  }

  // Column widths that follow the source's own blocks.
  void add_src_blocks(std::vector<Cover>& result) const {
    const Index block = options_.src.block[3];
    const Index extent = extents_[Axis::kX];
    if (!options_.src.cached || block <= 1 || block >= extent) return;
    for (Index width = block; width < extent; width *= 2) {
      const Index size = round_up(width, alignment(Axis::kX));
      if (size < extent) result.emplace_back(extent, size);
    }
  }

  bool allowed() const {
    const Cuts& c = now_.cuts;
    const bool inside_group = c[Axis::kCo].cut() || c[Axis::kCi].cut();
    if (inside_group && c[Axis::kG].block() > 1) return false;
    return reachable() <= options_.least || now_.forced;
  }

  Exactness reachable() const { return exactness_of(now_); }

  void enumerate(std::size_t depth) {
    if (depth == kEnumerated.size()) {
      if (allowed()) switches();
      return;
    }
    for (const Cover& c : covers(kEnumerated[depth])) {
      now_.cuts[kEnumerated[depth]] = c;
      enumerate(depth + 1);
    }
  }

  void switches() {
    const bool x_cut = now_.cuts[Axis::kX].cut();
    const bool channels_cut = now_.cuts[Axis::kG].cut() || now_.cuts[Axis::kCo].cut();
    for (const bool keep : {true, false}) {
      if (force_.weights_given && keep != force_.keep_weights) continue;
      for (const int flight : {2, 1}) {
        if (force_.in_flight != 0 && flight != force_.in_flight) continue;
        for (const bool co_inner : {true, false}) {
          if (force_.nest_given ? co_inner != force_.co_innermost : !co_inner && !channels_cut)
            continue;
          for (const auto order : {PieceOrder::kColumnsThenRows, PieceOrder::kRowsThenColumns}) {
            if (force_.order_given ? order != force_.order
                                   : order == PieceOrder::kRowsThenColumns && !x_cut)
              continue;
            now_.keep_weights = keep;
            now_.in_flight = flight;
            now_.co_innermost = co_inner;
            now_.order = order;
            rows();
          }
        }
      }
    }
  }

  bool fits() {
    set_footprint(now_, options_.src, options_.dst);
    return now_.peak_bytes() <= now_.budget_bytes;
  }

  bool fits_with(Axis axis, Index size) {
    now_.cuts[axis] = Cover(extents_[axis], size);
    return fits();
  }

  // The largest multiple of `unit` (or the whole axis) that fits; 0 if even `least` does not.
  Index most(Axis axis, Index least, Index unit) {
    const Index extent = extents_[axis];
    if (fits_with(axis, extent)) return extent;
    if (least >= extent || !fits_with(axis, least)) return 0;
    Index low = least / unit, high = ceil_div(extent, unit);
    while (high - low > 1) {
      const Index middle = low + (high - low) / 2;
      (fits_with(axis, middle * unit) ? low : high) = middle;
    }
    return low * unit;
  }

  void rows() {
    now_.cuts[Axis::kN] =
        force_.given[Axis::kN] ? force_.cuts[Axis::kN] : Cover(extents_[Axis::kN], 1);
    if (force_.given[Axis::kY]) {
      now_.cuts[Axis::kY] = force_.cuts[Axis::kY];
      if (fits()) batch();
      return;
    }
    const Index unit = alignment(Axis::kY);
    const Index least = sizes(Axis::kY).back();
    const Index fit = most(Axis::kY, least, unit);
    if (fit == 0) return;
    for (Index rows = fit; rows >= least || rows == fit; rows /= 2) {
      // Even out: as many pieces as `rows` gives, none much smaller than the others.
      const Index even = ceil_div(extents_[Axis::kY], ceil_div(extents_[Axis::kY], rows));
      const Index size = std::min(fit, round_up(even, unit));
      now_.cuts[Axis::kY] = Cover(extents_[Axis::kY], size);
      if (fits()) batch();
      if (rows / 2 < least || ceil_div(extents_[Axis::kY], rows) > 64) break;
    }
  }

  void batch() {
    const bool whole_images = !now_.cuts[Axis::kY].cut() && !now_.cuts[Axis::kX].cut();
    if (!force_.given[Axis::kN] && whole_images && extents_[Axis::kN] > 1) {
      const Index images = most(Axis::kN, 1, 1);
      now_.cuts[Axis::kN] = Cover(extents_[Axis::kN], std::max<Index>(1, images));
      fits();
    }
    judge();
  }

  void judge() {
    // A single step overlaps with nothing.
    if (now_.counts().elemental_convolutions == 1 && now_.in_flight > 1 && force_.in_flight == 0)
      return;
    set_cost(now_, machine_, options_);
    if (!best_) {
      best_ = now_;
      return;
    }
    const double a = rank(now_), b = rank(*best_), equal = 0.005 * std::abs(b);
    const bool better = a < b - equal || (a <= b + equal && fewer_pieces(now_, *best_));
    if (better) {
      remember(*best_, now_);
      best_ = now_;
    } else {
      remember(now_, *best_);
    }
  }

  static bool fewer_pieces(const Plan& a, const Plan& b) {
    return a.counts().pieces < b.counts().pieces;
  }

  double rank(const Plan& p) const {
    const bool one = p.counts().elemental_convolutions == 1;
    return one ? (p.seconds - kOnePieceSeconds) / kOnePieceFactor : p.seconds;
  }

  // Keeps `loser` as runner-up if it beats the one so far and is cut unlike `winner`.
  void remember(const Plan& loser, const Plan& winner) {
    if (loser.cuts == winner.cuts) return;
    const bool stale = runner_up_ && runner_up_->cuts == winner.cuts;
    if (runner_up_ && !stale && rank(*runner_up_) <= rank(loser)) return;
    runner_up_ = loser;
  }

  void measure_whole() {
    for (const Axis a : kAxes) now_.cuts[a] = Cover(extents_[a], extents_[a]);
    now_.in_flight = 1;
    now_.keep_weights = true;
    now_.co_innermost = true;
    now_.order = PieceOrder::kColumnsThenRows;
    set_footprint(now_, options_.src, options_.dst);
    now_.one_piece_bytes = now_.peak_bytes();
  }

  // Every axis at its smallest size is the least memory that the search can reach.
  void note_smallest() {
    for (const bool taps : {false, true}) {
      cut_taps_ = taps;
      for (const Axis a : kAxes) {
        const bool spatial = a == Axis::kY || a == Axis::kN;
        if (force_.given[a]) {
          now_.cuts[a] = force_.cuts[a];
        } else if (spatial) {
          now_.cuts[a] = Cover(extents_[a], sizes(a).back());
        } else {
          now_.cuts[a] = narrowest(covers(a));
        }
      }
      if (!allowed()) continue;
      for (const bool keep : {true, false})
        for (const auto order : {PieceOrder::kColumnsThenRows, PieceOrder::kRowsThenColumns})
          note_switches(keep, order);
    }
  }

  void note_switches(bool keep, PieceOrder order) {
    const bool x_cut = now_.cuts[Axis::kX].cut();
    if (force_.weights_given && keep != force_.keep_weights) return;
    if (force_.order_given ? order != force_.order
                           : order == PieceOrder::kRowsThenColumns && !x_cut)
      return;
    now_.keep_weights = keep;
    now_.order = order;
    now_.in_flight = force_.in_flight == 0 ? 1 : force_.in_flight;
    set_footprint(now_, options_.src, options_.dst);
    const Index bytes = now_.peak_bytes();
    if (smallest_ == 0 || bytes < smallest_) smallest_ = bytes;
  }

  static Cover narrowest(const std::vector<Cover>& list) {
    Cover result = list.front();
    for (const Cover& c : list)
      if (c.block() < result.block()) result = c;
    return result;
  }

  const Machine& machine_;
  const PlanOptions& options_;
  Force force_;
  Extents extents_;
  bool cut_taps_ = false;
  Plan now_;
  std::optional<Plan> best_;
  std::optional<Plan> runner_up_;
  Index smallest_ = 0;
};

void check_forced(const Plan& p, const PlanOptions& options) {
  if (p.exact <= options.least) return;
  throw InvalidArgument(fmt::format(
      "force '{}': re-associates sums, which reaches only '{}', but '{}' is asked for; cut the "
      "input channels to 1 as well (ci=1), or allow it with --exact {}",
      options.force, to_string(p.exact), to_string(options.least), to_string(p.exact)));
}

void finish(Plan& p, const Search& search, const PlanOptions& options) {
  p.smallest_budget_bytes = search.smallest();
  p.next_best = search.runner_up();
  p.exact = exactness_of(p);
  p.bound = error_bound(p.problem);
  p.lower_bound_bytes = lower_bound_bytes(p.problem, static_cast<double>(p.budget_bytes));
  check_forced(p, options);
}

}  // namespace

Plan plan(const Problem& problem, const Machine& machine, const PlanOptions& options) {
  if (machine.host_bytes < 1 || machine.threads < 1)
    throw InvalidArgument(fmt::format("a plan needs a budget and threads, not {} bytes and {}",
                                      machine.host_bytes, machine.threads));
  Search search(problem, machine, options);
  search.with_kernel(choose_kernel(problem, machine, options));
  if (!search.best()) {
    throw BudgetTooSmall(
        fmt::format("{} does not fit {} ({} bytes); the smallest budget that works is {} bytes",
                    problem.line(), format_bytes(static_cast<double>(machine.host_bytes)),
                    machine.host_bytes, search.smallest()),
        search.smallest());
  }
  Plan result = *search.best();
  finish(result, search, options);
  return result;
}

}  // namespace tilewright
