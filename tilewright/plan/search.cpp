// Candidates: all axes but rows and batch are enumerated; the rows of a piece are then the most
// that fit, or a fraction of it where a shorter pipeline pays or tiles then stay in the cache. Taps
// are cut only if nothing else fits.
#include "tilewright/plan/search.h"

#include <fmt/format.h>

#include <cmath>
#include <numeric>

#include "tilewright/base/text.h"
#include "tilewright/plan/cost.h"
#include "tilewright/plan/footprint.h"
#include "tilewright/plan/kernel_choice.h"
#include "tilewright/plan/strategy/strategy.h"

namespace tilewright {
namespace {

// One piece is preferred to a pipeline that gains less than this.
constexpr double kOnePieceFactor = 1.1;
constexpr double kOnePieceSeconds = 0.05;
// Times closer than this are equal; then fewer pieces are preferred.
constexpr double kEqualTimes = 0.005;
// More pieces than this gain nothing from being smaller, unless they then stay in the cache.
constexpr Index kEnoughPieces = 64;
// Pieces keep to both the kernel's tiles and the blocks of dst if that takes no more rows than
// this.
constexpr Index kWideBlocks = 1024;

constexpr std::array<Axis, 6> kEnumerated{Axis::kG, Axis::kCo, Axis::kCi,
                                          Axis::kX, Axis::kKy, Axis::kKx};

Cover narrowest(const std::vector<Cover>& list) {
  Cover result = list.front();
  for (const Cover& c : list)
    if (c.block() < result.block()) result = c;
  return result;
}

std::string summary(const Plan& p) {
  const Index pieces = p.counts().pieces;
  return fmt::format("{} piece{} of {} x {} x {} in {}", pieces, pieces == 1 ? "" : "s",
                     p.cuts[Axis::kY].block(), p.cuts[Axis::kX].block(),
                     p.cuts[Axis::kG].block() * p.cuts[Axis::kCo].block(),
                     format_seconds(p.seconds));
}

}  // namespace

const std::vector<Search::Switches>& Search::all_switches() {
  static const std::vector<Switches> table = [] {
    std::vector<Switches> list;
    for (const bool keep : {true, false})
      for (const int flight : {2, 1})
        for (const bool co_inner : {true, false})
          for (const auto order : {PieceOrder::kColumnsThenRows, PieceOrder::kRowsThenColumns})
            list.push_back({keep, flight, co_inner, order});
    return list;
  }();
  return table;
}

Search::Search(const Problem& problem, const Machine& machine, const PlanOptions& options)
    : machine_(machine),
      options_(options),
      force_(parse_force(options.force, problem)),
      extents_(problem.extents()) {
  now_.problem = problem;
  now_.threads = machine.threads;
  now_.budget_bytes = machine.host_bytes;
  now_.forced = force_.any();
  now_.measured = machine.measured;
}

void Search::with_kernel(const KernelInfo& kernel) {
  now_.kernel = settled(kernel, now_.problem);
  measure_whole();
  for (const bool cut_taps : {false, true}) {
    cut_taps_ = cut_taps;
    if (!best_) enumerate(0);
  }
  note_smallest();
}

bool Search::allows_force(const KernelInfo& kernel) const {
  const Anchors anchors = tiling_of(kernel, *now_.problem.layer).anchors;
  return std::none_of(kAxes.begin(), kAxes.end(), [&](Axis a) {
    return anchors[a] == 0 && force_.given[a] && force_.cuts[a].cut();
  });
}

// Only channels and rows of taps decide whether cut taps are summed in the order of the definition,
// and only at the two ends of their range.
Exactness Search::most_exact(const KernelInfo& kernel) {
  now_.kernel = settled(kernel, now_.problem);
  Exactness best = Exactness::kBound;
  for (const Index ci : {extents_[Axis::kCi], Index{1}})
    for (const Index ky : {extents_[Axis::kKy], Index{1}}) {
      for (const Axis a : kAxes)
        now_.cuts[a] = force_.given[a] ? force_.cuts[a] : Cover(extents_[a], extents_[a]);
      if (!force_.given[Axis::kCi]) now_.cuts[Axis::kCi] = Cover(extents_[Axis::kCi], ci);
      if (!force_.given[Axis::kKy]) now_.cuts[Axis::kKy] = Cover(extents_[Axis::kKy], ky);
      if (!force_.given[Axis::kN]) now_.cuts[Axis::kN] = Cover(extents_[Axis::kN], 1);
      if (!force_.given[Axis::kY] && one_row_block())
        now_.cuts[Axis::kY] = Cover(extents_[Axis::kY], alignment(Axis::kY));
      const bool inside_groups =
          force_.given[Axis::kG] && now_.cuts[Axis::kG].block() > 1 && now_.cuts[Axis::kCi].cut();
      if (!inside_groups) best = std::min(best, exactness_of(now_));
    }
  return best;
}

Index Search::alignment(Axis axis) const {
  // Blocks of dst say nothing about axes that are summed.
  const Index anchor = std::max<Index>(1, now_.kernel.anchors[axis]);
  if (sums_image(*now_.problem.layer)) return std::lcm(anchor, now_.problem.layer->sum_block(axis));
  if (axis != Axis::kY && axis != Axis::kX) return anchor;
  const Index block = options_.dst.block[axis == Axis::kY ? 2 : 3];
  const Index both = std::lcm(anchor, block);
  return both <= std::max(kWideBlocks, block) ? both : anchor;
}

std::vector<Index> Search::sizes(Axis axis) const {
  return strategy_for(axis).sizes(now_.problem, alignment(axis));
}

std::vector<Cover> Search::covers(Axis axis) const {
  if (force_.given[axis]) return {force_.cuts[axis]};
  const Index extent = extents_[axis];
  const bool tap = axis == Axis::kKy || axis == Axis::kKx;
  const bool never = now_.kernel.anchors[axis] == 0;
  if (never || (tap && !cut_taps_)) return {Cover(extent, extent)};
  std::vector<Cover> result;
  for (const Index size : sizes(axis)) result.emplace_back(extent, size);
  // Taps may be cut without changing a bit if channels come one by one.
  if (axis == Axis::kCi && cut_taps_ && alignment(axis) == 1) result.emplace_back(extent, 1);
  if (axis == Axis::kX) add_src_blocks(result);
  return result;
}

// Column widths that follow the source's own blocks.
void Search::add_src_blocks(std::vector<Cover>& result) const {
  const Index block = options_.src.block[3];
  const Index extent = extents_[Axis::kX];
  if (!options_.src.cached || block <= 1 || block >= extent) return;
  for (Index width = block; width < extent; width *= 2) {
    const Index size = round_up(width, alignment(Axis::kX));
    if (size < extent) result.emplace_back(extent, size);
  }
}

// Image blocks that are summed come in the order of the definition: if columns are cut, then rows
// advance block by block.
bool Search::one_row_block() const {
  return sums_image(*now_.problem.layer) && now_.cuts[Axis::kX].cut();
}

bool Search::allowed() const {
  const Cuts& c = now_.cuts;
  const bool inside_group = c[Axis::kCo].cut() || c[Axis::kCi].cut();
  if (inside_group && c[Axis::kG].block() > 1) return false;
  if (sums_image(*now_.problem.layer)) return true;  // depends on rows and images, chosen later
  return exactness_of(now_) <= options_.least;
}

// Switches that are forced otherwise, or that make no difference to these cuts, are left out.
bool Search::allowed(const Switches& s) const {
  const bool channels_cut = now_.cuts[Axis::kG].cut() || now_.cuts[Axis::kCo].cut();
  const bool rows_outer = s.order == PieceOrder::kRowsThenColumns;
  if (sums_image(*now_.problem.layer))
    return !s.keep_weights && s.co_innermost && !rows_outer &&
           (force_.in_flight == 0 || s.in_flight == force_.in_flight);
  if (force_.weights_given && s.keep_weights != force_.keep_weights) return false;
  if (force_.in_flight != 0 && s.in_flight != force_.in_flight) return false;
  if (force_.nest_given ? s.co_innermost != force_.co_innermost : !s.co_innermost && !channels_cut)
    return false;
  return force_.order_given ? s.order == force_.order : !rows_outer || now_.cuts[Axis::kX].cut();
}

void Search::set(const Switches& s) {
  now_.keep_weights = s.keep_weights;
  now_.in_flight = s.in_flight;
  now_.co_innermost = s.co_innermost;
  now_.order = s.order;
}

void Search::enumerate(std::size_t depth) {
  if (depth < kEnumerated.size()) {
    for (const Cover& c : covers(kEnumerated[depth])) {
      now_.cuts[kEnumerated[depth]] = c;
      enumerate(depth + 1);
    }
    return;
  }
  if (!allowed()) return;
  for (const Switches& s : all_switches()) {
    if (!allowed(s)) continue;
    set(s);
    choose_rows();
  }
}

bool Search::fits() {
  set_footprint(now_, options_);
  return now_.peak_bytes() <= now_.budget_bytes;
}

bool Search::fits_with(Axis axis, Index size) {
  now_.cuts[axis] = Cover(extents_[axis], size);
  return fits();
}

// The largest multiple of `unit` (or the whole axis) that fits; 0 if even `least` does not.
Index Search::most(Axis axis, Index least, Index unit) {
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

void Search::choose_rows() {
  const Index extent = extents_[Axis::kY];
  now_.cuts[Axis::kN] =
      force_.given[Axis::kN] ? force_.cuts[Axis::kN] : Cover(extents_[Axis::kN], 1);
  if (force_.given[Axis::kY]) {
    now_.cuts[Axis::kY] = force_.cuts[Axis::kY];
    if (fits()) choose_batch();
    return;
  }
  const Index unit = alignment(Axis::kY);
  const Index least = sizes(Axis::kY).back();
  const Index fit = one_row_block() ? (fits_with(Axis::kY, std::min(unit, extent)) ? unit : 0)
                                    : most(Axis::kY, least, unit);
  for (Index rows = fit; rows > 0; rows = std::max(rows / 2, least)) {
    // Even out: as many pieces as `rows` gives, none much smaller than the others.
    const Index even = ceil_div(extent, ceil_div(extent, rows));
    now_.cuts[Axis::kY] = Cover(extent, std::min(fit, round_up(even, unit)));
    if (fits()) choose_batch();
    const auto tiles = static_cast<double>(now_.memory.src_tiles + now_.memory.dst_tiles);
    const bool enough = ceil_div(extent, rows) > kEnoughPieces && far_share(tiles, machine_) == 0;
    if (rows <= least || enough) return;
  }
}

void Search::choose_batch() {
  const bool whole_images = !now_.cuts[Axis::kY].cut() && !now_.cuts[Axis::kX].cut();
  if (!force_.given[Axis::kN] && whole_images && extents_[Axis::kN] > 1) {
    const Index images = most(Axis::kN, 1, 1);
    now_.cuts[Axis::kN] = Cover(extents_[Axis::kN], std::max<Index>(1, images));
    fits();
  }
  judge();
}

void Search::judge() {
  if (exactness_of(now_) > options_.least) return;
  // A single step overlaps with nothing.
  if (now_.counts().elemental_convolutions == 1 && now_.in_flight > 1 && force_.in_flight == 0)
    return;
  set_cost(now_, machine_, options_);
  if (!best_) {
    best_ = now_;
    return;
  }
  const double a = rank(now_), b = rank(*best_), equal = kEqualTimes * std::abs(b);
  const bool fewer = now_.counts().pieces < best_->counts().pieces;
  if (a < b - equal || (a <= b + equal && fewer)) {
    remember(*best_, now_);
    best_ = now_;
  } else {
    remember(now_, *best_);
  }
}

// Keeps `loser` as runner-up if it beats the one so far and is cut unlike `winner`.
void Search::remember(const Plan& loser, const Plan& winner) {
  if (loser.cuts == winner.cuts) return;
  const bool stale = runner_up_ && runner_up_->cuts == winner.cuts;
  if (!runner_up_ || stale || rank(loser) < rank(*runner_up_)) runner_up_ = loser;
}

std::string Search::runner_up() const {
  if (!runner_up_) return "";
  std::string text = summary(*runner_up_);
  if (runner_up_->seconds >= best_->seconds) return text;
  if (best_->counts().elemental_convolutions == 1)
    return text + fmt::format("; one piece is preferred unless the gain is {:.0f} % and {} s",
                              100 * (kOnePieceFactor - 1), kOnePieceSeconds);
  return text + fmt::format("; times within {} % count as equal", 100 * kEqualTimes);
}

double Search::rank(const Plan& p) const {
  // Where the image is summed, cuts of it leave one piece.
  const bool one = p.counts().elemental_convolutions == 1 && !sums_image(*p.problem.layer);
  return one ? (p.seconds - kOnePieceSeconds) / kOnePieceFactor : p.seconds;
}

void Search::measure_whole() {
  for (const Axis a : kAxes) now_.cuts[a] = Cover(extents_[a], extents_[a]);
  set({true, 1, true, PieceOrder::kColumnsThenRows});
  set_footprint(now_, options_);
  now_.one_piece_bytes = now_.peak_bytes();
}

// Every axis at its smallest size is the least memory that the search can reach.
void Search::note_smallest() {
  for (const bool cut_taps : {false, true}) {
    cut_taps_ = cut_taps;
    for (const Axis a : kAxes) {
      const bool searched = a == Axis::kY || a == Axis::kN;
      now_.cuts[a] = force_.given[a] ? force_.cuts[a]
                     : searched      ? Cover(extents_[a], std::min(extents_[a], sizes(a).back()))
                                     : narrowest(covers(a));
    }
    if (now_.cuts[Axis::kG].block() > 1)  // whole groups only
      for (const Axis a : {Axis::kCo, Axis::kCi})
        if (!force_.given[a]) now_.cuts[a] = Cover(extents_[a], extents_[a]);
    if (!allowed()) continue;
    for (const Switches& s : all_switches()) {
      if (!allowed(s)) continue;
      set(s);
      set_footprint(now_, options_);
      const Index bytes = now_.peak_bytes();
      if (smallest_ == 0 || bytes < smallest_) smallest_ = bytes;
    }
  }
}

}  // namespace tilewright
