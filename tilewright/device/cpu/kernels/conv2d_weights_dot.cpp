// A part is some weights of one group (conv2d_weights_dot_deal). Threads share parts and blocks of
// results (conv2d_weights_dot_worker); sums of blocks wait until they are added in the order of
// blocks.
#include "tilewright/device/cpu/kernels/conv2d_weights_dot.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "tilewright/device/cpu/arena.h"
#include "tilewright/device/cpu/kernels/conv2d_weights_dot_worker.h"
#include "tilewright/device/cpu/kernels/conv2d_weights_step.h"

namespace tilewright::cpu {
namespace {

// Below this many multiply-adds, waking a thread costs more than it saves.
constexpr double kThreadWork = 1e6;
DotSizes sizes_of(const StepArgs& a) {
  return {a.groups,       a.dst.shape[0] / a.groups, a.dst.shape[1],      a.dst.shape[2],
          a.dst.shape[3], a.weights.shape[kN],       a.weights.shape[kY], a.weights.shape[kX]};
}

class Dot {
 public:
  Dot(const StepArgs& args, const DotOps& ops, int threads)
      : a_(args),
        ops_(ops),
        d_(sizes_of(args), args.layer->window(kY), args.layer->window(kX), ops.max_sums, threads),
        threads_(threads) {
    waiting_ = reinterpret_cast<double*>(args.workspace);
    own_ = args.workspace + d_.room.waiting * threads;
  }

  void run() {
    if (a_.first)
      for (Index i = 0; i < d_.parts(); ++i) clear(d_.part(i));
    const Index parts = d_.parts();
    for (Index b = 0; b < d_.blocks(); b += d_.round) {
      const Index count = std::min(d_.round, d_.blocks() - b);
      parallel_ranges(parts * count, threads_, [&](Index begin, Index end, int slot) {
        run_items(b, count, {begin, end}, slot);
      });
      if (d_.round == 1) continue;
      for (Index i = 0; i < parts; ++i)
        for (Index k = 0; k < count; ++k) add(d_.part(i), waiting(i, k));
    }
  }

 private:
  // Items of a round: the blocks from `first` on, of one part after another.
  void run_items(Index first, Index blocks, const Interval& items, int slot) const {
    const DotStep step{a_, ops_, d_};
    DotWorker worker(step, own_ + slot * (d_.room.all() - d_.room.waiting));
    const auto item = [&](Index i) {
      return DotItem{d_.part(i / blocks), block(first + i % blocks)};
    };
    std::array<DotItem, 2> near{item(items.begin)};
    for (Index i = items.begin; i < items.end; ++i) {
      const DotItem& now = near[static_cast<std::size_t>(i - items.begin) % 2];
      DotItem& next = near[static_cast<std::size_t>(i - items.begin + 1) % 2];
      if (i + 1 < items.end) next = item(i + 1);
      const float* const sums = worker.run(now, i + 1 < items.end ? &next : nullptr);
      if (d_.round > 1)
        ops_.add_lanes(sums, now.p.weights(), waiting(i / blocks, i % blocks));
      else
        add_lanes(now.p, sums);
    }
  }

  double* waiting(Index part, Index block) const {
    return waiting_ + (block * d_.parts() + part) * d_.part_weights();
  }

  DotBlock block(Index i) const {
    const Index x = i % d_.across * kDotColumns, y = i / d_.across % d_.down * kDotRows;
    return {i / (d_.across * d_.down), y, x, std::min(kDotRows, d_.sizes.rows - y),
            std::min(kDotColumns, d_.sizes.columns - x)};
  }

  /// Of a register tile: f(place of its sums, channels, taps, total(channel, tap)), in the order in
  /// which tiles hold sums.
  template <class F>
  void for_tiles(const DotPart& p, F&& f) const {
    const auto& stride = a_.dst.strides;
    double* const corner =
        a_.dst.at<double>(p.g * d_.sizes.co + p.co.begin, p.ci.begin, p.ky.begin, p.kx.begin);
    Index place = 0;
    for (Index c = 0; c < p.co.size(); c += d_.tile.co) {
      const Index channels = std::min(d_.tile.co, p.co.size() - c);
      Tap tap;
      for (Index t = 0; t < p.taps(); t += d_.tile.taps) {
        const Index taps = std::min(d_.tile.taps, p.taps() - t);
        std::array<double*, DotJob::kMostTaps> first;
        for (Index k = 0; k < taps; ++k) {
          first[static_cast<std::size_t>(k)] =
              corner + c * stride[0] + tap.ci * stride[1] + tap.ky * stride[2] + tap.kx * stride[3];
          if (++tap.kx < p.kx.size()) continue;
          tap.kx = 0;
          if (++tap.ky == p.ky.size()) tap.ky = 0, ++tap.ci;
        }
        f(place, channels, taps, [&](Index i, Index k) -> double& {
          return first[static_cast<std::size_t>(k)][i * stride[0]];
        });
        place += channels * taps;
      }
    }
  }

  void clear(const DotPart& p) const {
    for_tiles(p, [](Index, Index channels, Index taps, auto&& total) {
      for (Index i = 0; i < channels; ++i)
        for (Index k = 0; k < taps; ++k) total(i, k) = 0;
    });
  }

  void add(const DotPart& p, const double* sums) const {
    for_tiles(p, [&](Index, Index channels, Index taps, auto&& total) {
      for (Index i = 0; i < channels; ++i)
        for (Index k = 0; k < taps; ++k) total(i, k) += *sums++;
    });
  }

  void add_lanes(const DotPart& p, const float* sums) const {
    for_tiles(p, [&](Index place, Index channels, Index taps, auto&& total) {
      std::array<double, DotJob::kMostResults * DotJob::kMostTaps> sum;
      ops_.add_lanes(sums + place * kDotLanes, channels * taps, sum.data());
      const double* next = sum.data();
      for (Index i = 0; i < channels; ++i)
        for (Index k = 0; k < taps; ++k) total(i, k) += *next++;
    });
  }

  const StepArgs& a_;
  const DotOps& ops_;
  DotDeal d_;
  int threads_;
  double* waiting_;  // [block][part][weight]
  std::byte* own_;
};

}  // namespace

namespace {

DotSizes sizes_of(const Block& step) {
  const auto size = [&](Axis a) { return step[a].size(); };
  return {size(Axis::kG),  size(Axis::kCo), size(Axis::kCi), size(Axis::kKy),
          size(Axis::kKx), size(Axis::kN),  size(Axis::kY),  size(Axis::kX)};
}

}  // namespace

Index conv2d_weights_dot_workspace(const Block& step) { return DotRoom(sizes_of(step)).all(); }

// Sums that fit the second-level cache come and go within the visit of a register tile, others
// take longer.
KernelWork conv2d_weights_dot_work(const Layer& layer, const Block& step) {
  constexpr Index kNominalSums = 24;
  constexpr double kFlopPerCycle = 4 * kNominalLanes, kNearWeights = 4096;
  const auto count = [](Index v) { return static_cast<double>(v); };
  const DotSizes s = sizes_of(step);
  const DotDeal d(s, layer.window(kY), layer.window(kX), kNominalSums, 1);
  const double tail = count(s.columns % kDotColumns);
  const double vectors =
      count(s.columns / kDotColumns * (kDotColumns / kDotLanes)) + std::ceil(tail / kDotLanes);
  const double planes = count(s.groups * s.images), rows = planes * count(s.rows);
  const double chunks = planes * count((s.rows + d.chunk - 1) / d.chunk);
  const double weights = count(s.co) * count(s.taps());
  const double tiles =
      std::ceil(count(s.co) / count(d.tile.co)) * std::ceil(count(s.taps()) / count(d.tile.taps));
  const double copied = d.planes() ? 0 : d.copied_rows() / count(d.chunk);
  KernelWork work = default_work(layer, step);
  work.flop = kFlopPerCycle * d.tile.cycles * vectors * rows;
  work.bytes += sizeof(float) * kDotLanes * vectors * rows * copied;
  work.visits = count(d.across) * (rows * (0.35 * tiles + 0.7 * copied) +
                                   chunks * tiles * (weights <= kNearWeights ? 1 : 10) +
                                   planes * count(d.down) * weights / 5);
  return work;
}

void run_conv2d_weights_dot(const StepArgs& args) {
  const double work = static_cast<double>(volume(args.dst.shape)) *
                      static_cast<double>(volume(args.weights.shape) / args.weights.shape[kC]);
  Dot(args, *dot_ops(), work < kThreadWork ? 1 : args.threads).run();
}

}  // namespace tilewright::cpu
