// Lanes along groups take all blocks in their order; lanes along blocks leave sums that wait until
// they are added in that order.
#include "tilewright/device/cpu/kernels/conv2d_weights_units.h"

#include <array>

#include "tilewright/device/cpu/arena.h"
#include "tilewright/device/cpu/kernels/conv2d_weights_units_pass.h"

namespace tilewright::cpu {
namespace {

constexpr Index kWaitingBytes = 64 * 1024;  // per thread: sums of blocks that wait for their turn
constexpr Index kMostWaiting = 64;          // vectors of blocks that wait, for all threads

/// f(place of its sums, weight of group `g`), for all weights of a chunk.
template <class T, class F>
void for_weights(const WeightsStep<T>& s, const UnitChunk& chunk, const UnitPass<T>& pass, Index g,
                 F&& f) {
  for (Index c = 0; c < chunk.channels(); ++c)
    for (Index t = 0; t < chunk.taps(); ++t)
      f(pass.place(c, t), *s.total(g, chunk.co.begin + c, chunk.tap(t)));
}

/// A chunk of some groups, over all blocks in their order.
template <class T>
void run_groups(const WeightsStep<T>& s, const UnitChunk& chunk, Interval groups,
                std::byte* workspace) {
  Shelf shelf(workspace);
  UnitPass<T> pass(s, chunk, shelf);
  double* const totals = shelf.take<double>(pass.sums_size());
  const auto each = [&](auto&& f) {
    for (Index g = groups.begin; g < groups.end; ++g)
      for_weights(s, chunk, pass, g, [&](Index place, double& weight) {
        f(totals[place + g - groups.begin], weight);
      });
  };
  std::fill_n(totals, pass.sums_size(), 0.0);
  if (!s.a.first) each([](double& total, double& weight) { total = weight; });
  Units units;
  units.count = groups.size();
  for (Index l = 0; l < units.count; ++l)
    units.group[static_cast<std::size_t>(l)] = groups.begin + l;
  for (Index b = 0; b < s.blocks(); ++b) {
    units.block.fill(b);
    pass.run(units, s.across == 1 && b % s.down != 0);
    const T* const sums = pass.sums();
    for (Index i = 0; i < pass.sums_size(); ++i) totals[i] += static_cast<double>(sums[i]);
  }
  each([](double& total, double& weight) { weight = total; });
}

/// Vectors of blocks whose sums wait until they are added in the order of the blocks.
template <class T>
class Round {
 public:
  // The vectors for the blocks from `first` on, as many as `most`; each vector's blocks have one
  // size.
  Round(const WeightsStep<T>& s, Index g, Index first, Index most) : first_(first), end_(first) {
    std::array<Index, 4> open;
    open.fill(-1);
    for (; end_ < s.blocks(); ++end_) {
      const ResultBlock b = s.block(end_);
      Index& at = open[static_cast<std::size_t>((b.rows < s.block_rows ? 1 : 0) +
                                                (b.columns < s.block_columns ? 2 : 0))];
      if (at < 0 || units_[static_cast<std::size_t>(at)].count == s.ops.lanes) {
        if (count_ == most) return;
        at = count_++;
        units_[static_cast<std::size_t>(at)] = {};
      }
      Units& u = units_[static_cast<std::size_t>(at)];
      const auto lane = static_cast<std::size_t>(u.count++);
      u.group[lane] = g, u.block[lane] = end_;
    }
  }
  Index count() const { return count_; }
  Index end() const { return end_; }
  const Units& units(Index i) const { return units_[static_cast<std::size_t>(i)]; }

  /// f(vector, lane) of each block, in order.
  template <class F>
  void in_order(F&& f) const {
    std::array<Index, kMostWaiting> next{};
    Index oldest = 0;
    for (Index b = first_; b < end_; ++b) {
      Index v = oldest;
      const auto here = [&](Index i) {
        const auto at = static_cast<std::size_t>(i);
        return next[at] < units_[at].count &&
               units_[at].block[static_cast<std::size_t>(next[at])] == b;
      };
      while (!here(v)) ++v;
      f(v, next[static_cast<std::size_t>(v)]++);
      while (oldest < count_ && next[static_cast<std::size_t>(oldest)] == units(oldest).count)
        ++oldest;
    }
  }

 private:
  Index first_, end_, count_ = 0;
  std::array<Units, kMostWaiting> units_;
};

/// A chunk of one group: blocks side by side, in rounds.
template <class T>
void run_blocks(const WeightsStep<T>& s, const UnitChunk& chunk, Index g) {
  const int threads = s.a.threads;
  const auto own = [&](int slot) { return s.a.workspace + slot * kWeightsUnitsWorkspace; };
  Shelf first(own(0));
  const UnitPass<T> shape(s, chunk, first);
  const Index size = shape.sums_size();
  const Index per_thread = std::max<Index>(1, kWaitingBytes / (size * Index{sizeof(T)}));
  const Index most = std::min(kMostWaiting, per_thread * threads);
  // The waiting sums of vector v lie at the end of some thread's workspace.
  const auto waiting = [&](Index v) {
    return reinterpret_cast<T*>(own(static_cast<int>(v / per_thread + 1))) -
           (v % per_thread + 1) * size;
  };
  if (s.a.first) for_weights(s, chunk, shape, g, [](Index, double& weight) { weight = 0; });
  for (Index block = 0; block < s.blocks();) {
    const Round<T> round(s, g, block, most);
    parallel_ranges(round.count(), threads, [&](Index begin, Index end, int slot) {
      Shelf shelf(own(slot));
      UnitPass<T> pass(s, chunk, shelf);
      for (Index v = begin; v < end; ++v) {
        pass.run(round.units(v), false);
        std::copy_n(pass.sums(), size, waiting(v));
      }
    });
    for_weights(s, chunk, shape, g, [&](Index place, double& weight) {
      double total = weight;
      round.in_order(
          [&](Index v, Index l) { total += static_cast<double>(waiting(v)[place + l]); });
      weight = total;
    });
    block = round.end();
  }
}

}  // namespace

template <class T>
void run_unit_weights(const WeightsStep<T>& s, UnitLanes lanes) {
  const UnitChunks<T> chunks(s);
  if (lanes == UnitLanes::kBlocks) {
    for (Index g = 0; g < s.groups; ++g)
      for (Index c = 0; c < chunks.count(); ++c) {
        const UnitChunk chunk(s, chunks, c);
        if (!chunk.empty()) run_blocks(s, chunk, g);
      }
    return;
  }
  const Index vectors = s.vectors_of(s.groups);
  parallel_ranges(vectors * chunks.count(), s.a.threads, [&](Index begin, Index end, int slot) {
    for (Index i = begin; i < end; ++i) {
      const UnitChunk chunk(s, chunks, i % chunks.count());
      const Index first = i / chunks.count() * s.ops.lanes;
      const Interval groups{first, std::min(s.groups, first + s.ops.lanes)};
      if (!chunk.empty())
        run_groups(s, chunk, groups, s.a.workspace + slot * kWeightsUnitsWorkspace);
    }
  });
}

template <class T>
double unit_weights_cycles(const WeightsStep<T>& s, UnitLanes lanes) {
  const UnitChunks<T> chunks(s);
  const auto count = static_cast<double>(chunks.count());
  constexpr double kPack = 6;  // cycles of a vector that is packed
  const double rows = chunks.ky == 1 ? 1 : 1 + static_cast<double>(chunks.ky * s.dilation_y) / 8;
  const double packing = kPack * static_cast<double>(chunks.co) +
                         kPack * rows * static_cast<double>(chunks.ci * s.stride_x);
  const double sums =
      choose_unit_tile(s.ops, chunks.co, chunks.ci * chunks.ky * chunks.kx).cycles + packing;
  constexpr double kRow = 60;  // cycles before and after a row of a register tile
  const double row = 1 + kRow / (12.0 * static_cast<double>(std::min(s.columns, s.block_columns)));
  const Index units = lanes == UnitLanes::kGroups ? s.groups : s.blocks();
  const auto vectors = static_cast<double>(s.vectors_of(units));
  // Groups keep threads busy only if there are enough vectors of them.
  const double tasks = vectors * count, threads = s.a.threads;
  const double idle = lanes == UnitLanes::kGroups && tasks < threads ? threads / tasks : 1;
  const double per_unit = vectors / static_cast<double>(units);
  return static_cast<double>(s.groups) * per_unit * count * sums * row * idle;
}

template void run_unit_weights(const WeightsStep<float>&, UnitLanes);
template void run_unit_weights(const WeightsStep<double>&, UnitLanes);
template double unit_weights_cycles(const WeightsStep<float>&, UnitLanes);
template double unit_weights_cycles(const WeightsStep<double>&, UnitLanes);

}  // namespace tilewright::cpu
