// Every weight is a sum over results of result times source. Lanes lie along output channels or
// along taps, whichever fills them better; results and source trade places accordingly. Threads
// share the weights, never a sum.
#include "tilewright/device/cpu/kernels/conv2d_weights.h"

#include <algorithm>
#include <array>

#include "tilewright/device/cpu/arena.h"
#include "tilewright/device/cpu/kernels/conv2d_weights_ops.h"

namespace tilewright::cpu {
namespace {

// Below this many multiply-adds, waking a thread costs more than it saves.
constexpr double kThreadWork = 1e6;
constexpr Index kMaxLanes = 16;

/// What lies in the lanes of a vector.
enum class Lanes {
  kResults,      // output channels, packed result by result
  kTaps,         // taps of all input channels, packed
  kTapsInPlace,  // neighbouring taps of a row, read where they are
};

struct Tap {
  Index ci = 0, ky = 0, kx = 0;
};

template <class T>
struct WeightsStep {
  const StepArgs& a;
  const OuterOps<T>& ops;
  Index groups, co, ci, ky, kx;  // channels of one group
  Index stride_y, stride_x, dilation_y, dilation_x;
  Index block_rows, block_columns;
  Lanes lanes = Lanes::kResults;
  Index vectors = 0, factors = 0;  // of one group

  WeightsStep(const StepArgs& args, const OuterOps<T>& o)
      : a(args),
        ops(o),
        groups(args.groups),
        co(args.dst.shape[0] / args.groups),
        ci(args.dst.shape[1]),
        ky(args.dst.shape[2]),
        kx(args.dst.shape[3]),
        stride_y(args.layer->window(kY).stride),
        stride_x(args.layer->window(kX).stride),
        dilation_y(args.layer->window(kY).dilation),
        dilation_x(args.layer->window(kX).dilation),
        block_rows(args.layer->sum_block(Axis::kY)),
        block_columns(args.layer->sum_block(Axis::kX)) {
    choose_lanes();
  }

  Index taps() const { return ci * ky * kx; }
  Tap tap(Index i) const { return {i / (ky * kx), i / kx % ky, i % kx}; }
  Index vectors_of(Index count) const { return (count + ops.lanes - 1) / ops.lanes; }
  Index row_vectors() const { return vectors_of(kx); }

  const T* source(Index n, Index g, const Tap& t, Index y, Index x) const {
    return a.src.at<T>(n, g * ci + t.ci, y * stride_y + t.ky * dilation_y,
                       x * stride_x + t.kx * dilation_x);
  }
  Tap next(Tap t) const {
    if (++t.kx < kx) return t;
    t.kx = 0;
    if (++t.ky < ky) return t;
    return {t.ci + 1, 0, 0};
  }
  /// Elements from the group's first weight to another.
  Index place(Index channel, const Tap& t) const { return a.dst.offset(channel, t.ci, t.ky, t.kx); }

 private:
  // Cycles per result: multiply-adds, at two a cycle and hidden latency, and packing.
  void choose_lanes() {
    const auto sums = [](Index v, Index f) {
      return static_cast<double>(v * f) / 2 * (v * f < 8 ? 8.0 / static_cast<double>(v * f) : 1);
    };
    const double by_results = sums(vectors_of(co), taps()) + static_cast<double>(co);
    const double by_taps = sums(vectors_of(taps()), co) + 2 * static_cast<double>(taps());
    const Index rows = ci * ky * row_vectors();
    // Few factors leave a vector load per multiply-add.
    const double in_place = sums(rows, co) + (co < 4 ? static_cast<double>(rows) / 2 : 0);
    double best = by_results;
    lanes = Lanes::kResults, vectors = vectors_of(co), factors = taps();
    if (by_taps < best) {
      best = by_taps;
      lanes = Lanes::kTaps, vectors = vectors_of(taps()), factors = co;
    }
    if (dilation_x == 1 && in_place < best)
      lanes = Lanes::kTapsInPlace, vectors = rows, factors = co;
  }
};

/// A block of results inside which sums stay in T.
struct ResultBlock {
  Index n = 0, y = 0, x = 0, rows = 0, columns = 0;
};

/// Some vectors and some factors of one group, for all results of the step.
template <class T>
class Part {
 public:
  Part(const WeightsStep<T>& s, Index g, Interval vectors, Interval factors, std::byte* workspace)
      : s_(s), g_(g), vectors_(vectors), factors_(factors) {
    packed_ = reinterpret_cast<T*>(workspace);
    width_ = 1;
    while (width_ < vectors.size()) width_ *= 2;
    list_lanes();
  }

  void run() {
    if (s_.a.first) clear();
    const ConstTensorView& results = s_.a.weights;
    for (Index n = 0; n < results.shape[kN]; ++n)
      for (Index y = 0; y < results.shape[kY]; y += s_.block_rows)
        for (Index x = 0; x < results.shape[kX]; x += s_.block_columns)
          run_block({n, y, x, std::min(s_.block_rows, results.shape[kY] - y),
                     std::min(s_.block_columns, results.shape[kX] - x)});
  }

 private:
  static constexpr int kMaxVectors = OuterJob<T>::kMaxVectors;
  static constexpr int kMaxFactors = OuterJob<T>::kMaxFactors;

  /// The weight of a lane, as far as the lane decides it.
  struct Lane {
    bool used = false;
    Index channel = 0;
    Tap tap;
    Index place = 0;
  };

  void list_lanes() {
    const Index lanes = s_.ops.lanes;
    for (Index v = 0; v < vectors_.size(); ++v)
      for (Index i = 0; i < lanes; ++i) {
        Lane& lane = lanes_[static_cast<std::size_t>(v * lanes + i)];
        const Index at = (vectors_.begin + v) * lanes + i;
        if (s_.lanes == Lanes::kResults) {
          lane = {at < s_.co, at, {}};
        } else if (s_.lanes == Lanes::kTaps) {
          lane = {at < s_.taps(), 0, s_.tap(at)};
        } else {
          lane = {true, 0, row_tap(vectors_.begin + v)};
          lane.tap.kx += i;
          lane.used = lane.tap.kx < s_.kx;
        }
        if (lane.used) lane.place = s_.place(lane.channel, lane.tap);
      }
  }

  /// The first tap of vector `v` of kTapsInPlace.
  Tap row_tap(Index v) const {
    const Index part = v % s_.row_vectors(), row = v / s_.row_vectors();
    return {row / s_.ky, row % s_.ky, part * s_.ops.lanes};
  }

  double* weights() const { return s_.a.dst.template at<double>(g_ * s_.co, 0, 0, 0); }

  void clear() {
    Tap tap = s_.tap(factors_.begin);
    for (Index f = factors_.begin; f < factors_.end; ++f, tap = s_.next(tap)) {
      const Index place = s_.lanes == Lanes::kResults ? s_.place(0, tap) : s_.place(f, {});
      for (const Lane& lane : lanes_)
        if (lane.used) weights()[lane.place + place] = 0;
    }
  }

  void run_block(const ResultBlock& b) {
    OuterJob<T> job;
    job.rows = b.rows, job.columns = b.columns;
    job.sums = sums_.data();
    set_vectors(b, job);
    const Index most = std::min<Index>(s_.ops.max_factors, s_.ops.max_sums / width_);
    for (Index f = factors_.begin; f < factors_.end; f += most) {
      const Index count = std::min(most, factors_.end - f);
      set_factors(b, f, count, job);
      s_.ops.run(job, static_cast<int>(width_), static_cast<int>(count));
      add(count);
    }
  }

  void set_vectors(const ResultBlock& b, OuterJob<T>& job) {
    const Index lanes = s_.ops.lanes;
    if (s_.lanes == Lanes::kTapsInPlace) {
      job.vector_row = s_.stride_y * s_.a.src.strides[kY];
      job.vector_step = s_.stride_x;
      for (Index v = 0; v < width_; ++v)
        job.vector[v] =
            s_.source(b.n, g_, row_tap(std::min(vectors_.begin + v, vectors_.end - 1)), b.y, b.x);
      return;
    }
    pack(b);
    job.vector_step = vectors_.size() * lanes;
    job.vector_row = b.columns * job.vector_step;
    for (Index v = 0; v < width_; ++v)
      job.vector[v] = packed_ + std::min(v, vectors_.size() - 1) * lanes;
  }

  void pack(const ResultBlock& b) {
    const Index wide = vectors_.size() * s_.ops.lanes;
    for (Index i = 0; i < wide; ++i) {
      const Lane& lane = lanes_[static_cast<std::size_t>(i)];
      const bool by_results = s_.lanes == Lanes::kResults;
      const Index step = by_results ? 1 : s_.stride_x;
      for (Index y = 0; y < b.rows; ++y) {
        T* to = packed_ + y * b.columns * wide + i;
        if (!lane.used) {
          for (Index x = 0; x < b.columns; ++x) to[x * wide] = 0;
          continue;
        }
        const T* from =
            by_results ? s_.a.weights.template at<T>(b.n, g_ * s_.co + lane.channel, b.y + y, b.x)
                       : s_.source(b.n, g_, lane.tap, b.y + y, b.x);
        for (Index x = 0; x < b.columns; ++x) to[x * wide] = from[x * step];
      }
    }
  }

  void set_factors(const ResultBlock& b, Index first, Index count, OuterJob<T>& job) {
    const bool by_results = s_.lanes == Lanes::kResults;
    job.factor_row = by_results ? s_.stride_y * s_.a.src.strides[kY] : s_.a.weights.strides[kY];
    job.factor_step = by_results ? s_.stride_x : 1;
    Tap tap = s_.tap(first);
    for (Index f = 0; f < count; ++f, tap = s_.next(tap)) {
      const auto at = static_cast<std::size_t>(f);
      job.factor[f] = by_results
                          ? s_.source(b.n, g_, tap, b.y, b.x)
                          : s_.a.weights.template at<T>(b.n, g_ * s_.co + first + f, b.y, b.x);
      factor_places_[at] = by_results ? s_.place(0, tap) : s_.place(first + f, {});
    }
  }

  void add(Index count) {
    const Index wide = width_ * s_.ops.lanes;
    double* const weights = this->weights();
    for (Index i = 0; i < vectors_.size() * s_.ops.lanes; ++i) {
      const Lane& lane = lanes_[static_cast<std::size_t>(i)];
      if (!lane.used) continue;
      double* const to = weights + lane.place;
      const T* const sums = sums_.data() + i;
      for (Index f = 0; f < count; ++f)
        to[factor_places_[static_cast<std::size_t>(f)]] += static_cast<double>(sums[f * wide]);
    }
  }

  const WeightsStep<T>& s_;
  Index g_;
  Interval vectors_, factors_;
  Index width_ = 1;  // vectors that the unit runs: a power of two, the last ones repeated
  T* packed_;
  std::array<Lane, kMaxVectors * kMaxLanes> lanes_{};
  std::array<Index, kMaxFactors> factor_places_{};
  alignas(64) std::array<T, kMaxVectors * kMaxFactors * kMaxLanes> sums_;
};

/// Vectors that one part takes: as many as leave enough sums for the factors, and fit the
/// workspace.
template <class T>
Index vectors_per_part(const WeightsStep<T>& s) {
  const Index factors = std::min<Index>(s.factors, s.ops.max_factors);
  const bool packed = s.lanes != Lanes::kTapsInPlace;
  Index most = 1;
  while (most < OuterJob<T>::kMaxVectors && 2 * most * factors <= s.ops.max_sums) most *= 2;
  if (!packed) return most;
  const Index bytes = s.block_rows * s.block_columns * s.ops.lanes * static_cast<Index>(sizeof(T));
  return std::max<Index>(1, std::min(most, kConv2dWeightsWorkspace / bytes));
}

template <class T>
void run_typed(const StepArgs& a, const OuterOps<T>& ops) {
  const WeightsStep<T> s(a, ops);
  const double work = static_cast<double>(a.dst.shape[0] * s.taps()) *
                      static_cast<double>(volume(a.weights.shape) / a.weights.shape[kC]);
  const int threads = work < kThreadWork ? 1 : a.threads;
  const Index per_part = vectors_per_part(s);
  const Index blocks = (s.vectors + per_part - 1) / per_part;
  // Factors are dealt out only if vectors do not occupy the threads: each part packs for itself.
  const Index splits = std::clamp<Index>((threads + s.groups * blocks - 1) / (s.groups * blocks), 1,
                                         std::max<Index>(1, s.factors / ops.max_factors));
  parallel_ranges(s.groups * blocks * splits, threads, [&](Index begin, Index end, int slot) {
    for (Index i = begin; i < end; ++i) {
      const Index split = i % splits, block = i / splits % blocks, g = i / (splits * blocks);
      const Interval vectors{block * per_part, std::min(s.vectors, (block + 1) * per_part)};
      const Interval factors{s.factors * split / splits, s.factors * (split + 1) / splits};
      Part<T>(s, g, vectors, factors, a.workspace + slot * kConv2dWeightsWorkspace).run();
    }
  });
}

}  // namespace

void run_conv2d_weights_direct(const StepArgs& args) {
  if (args.src.dtype == DType::kF64) return run_typed<double>(args, *outer_ops_f64());
  run_typed<float>(args, *outer_ops_f32());
}

}  // namespace tilewright::cpu
