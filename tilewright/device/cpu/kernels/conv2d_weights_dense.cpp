// A part is some vectors and some factors of one group, for all results of the step: its totals
// stay in the workspace, in f64 and in the order of the register tiles, until the last block. Lanes
// along output channels read results from the workspace, transposed once per block and part, and
// the source where it lies; lanes along taps read both where they lie.
#include "tilewright/device/cpu/kernels/conv2d_weights_dense.h"

#include <array>
#include <numeric>

#include "tilewright/device/cpu/arena.h"

namespace tilewright::cpu {
namespace {

constexpr Index kTotals = Index{32} * 768;  // of one part
constexpr Index kMostPacked = 2;            // vectors of one part if they are packed

/// Vectors and factors as a group has them, and as a part and a register tile take them.
struct Shares {
  Index vectors = 0, factors = 0;  // of a group
  Index width = 1;                 // vectors of a part
  Index most = 1;                  // factors of a register tile
  Index depth = 1;                 // factors of a part
};

Index ceil_by(Index a, Index b) { return (a + b - 1) / b; }

/// The most vectors that run() takes, at most `count`.
Index listed_vectors(Index count) {
  Index best = 1;
  for (const int v : kOuterVectors)
    if (v <= count) best = v;
  return best;
}

template <class T>
Shares shares_of(const WeightsStep<T>& s, DenseLanes lanes) {
  const Index factors_at_once = OuterJob<T>::kMaxFactors;
  Shares r;
  if (lanes == DenseLanes::kResults) {
    r.vectors = s.vectors_of(s.co), r.factors = s.taps();
    r.width = std::min(r.vectors, kMostPacked);
  } else {
    r.vectors = s.ci * s.ky * s.vectors_of(s.kx), r.factors = s.co;
    const Index beside = std::min<Index>(r.factors, factors_at_once);
    r.width = listed_vectors(std::min(r.vectors, s.ops.max_sums / std::min<Index>(beside, 8)));
  }
  r.most = std::min<Index>(factors_at_once, s.ops.max_sums / r.width);
  r.most = ceil_by(r.factors, ceil_by(r.factors, r.most));
  r.depth = std::max(r.most, kTotals / (r.width * s.ops.lanes));
  r.depth = ceil_by(r.factors, ceil_by(r.factors, r.depth));
  return r;
}

template <class T>
class Part {
 public:
  Part(const WeightsStep<T>& s, DenseLanes lanes, const Shares& shares, Index g, Interval vectors,
       Interval factors, std::byte* workspace)
      : s_(s),
        results_(lanes == DenseLanes::kResults),
        shares_(shares),
        g_(g),
        vectors_(vectors),
        factors_(factors) {
    Shelf shelf(workspace);
    totals_ = shelf.take<double>(factors.size() * shares.width * s.ops.lanes);
    packed_ = shelf.take<T>(0);
  }

  void run() {
    if (s_.a.first)
      std::fill_n(totals_, factors_.size() * wide(), 0.0);
    else
      exchange([](double& total, double& weight) { total = weight; });
    if (results_ && vectors_.end * s_.ops.lanes > s_.co)
      std::fill_n(packed_, s_.block_rows * s_.block_columns * wide(), T(0));
    for (Index i = 0; i < s_.blocks(); ++i) run_block(s_.block(i));
    exchange([](double& total, double& weight) { weight = total; });
  }

 private:
  Index wide() const { return shares_.width * s_.ops.lanes; }

  /// The first tap of a vector of DenseLanes::kTaps. The last one of a row ends with the row; what
  /// it shares with the one before belongs to that.
  Tap row_tap(Index v) const {
    const Index per_row = s_.vectors_of(s_.kx);
    const Index row = v / per_row, x = v % per_row * s_.ops.lanes;
    return {row / s_.ky, row % s_.ky, std::min(x, s_.kx - s_.ops.lanes)};
  }

  /// f(total in the workspace, its weight), for all of them.
  template <class F>
  void exchange(F&& f) {
    for (Index v = 0; v < vectors_.size(); ++v)
      for (Index l = 0; l < s_.ops.lanes; ++l) {
        double* total = totals_ + v * s_.ops.lanes + l;
        const Index at = (vectors_.begin + v) * s_.ops.lanes + l;
        if (results_) {
          if (at >= s_.co) return;
          Tap tap = s_.tap(factors_.begin);
          for (Index k = factors_.begin; k < factors_.end; ++k, total += wide(), tap = s_.next(tap))
            f(*total, *s_.total(g_, at, tap));
          continue;
        }
        Tap tap = row_tap(vectors_.begin + v);
        tap.kx += l;
        if (tap.kx < (vectors_.begin + v) % s_.vectors_of(s_.kx) * s_.ops.lanes) continue;
        for (Index c = factors_.begin; c < factors_.end; ++c, total += wide())
          f(*total, *s_.total(g_, c, tap));
      }
  }

  void run_block(const ResultBlock& b) {
    OuterJob<T> job;
    job.rows = b.rows, job.columns = b.columns;
    set_vectors(b, job);
    for (Index f = factors_.begin; f < factors_.end; f += shares_.most) {
      const Index count = std::min(shares_.most, factors_.end - f);
      set_factors(b, f, count, job);
      if (results_) set_next(b, f + count, job);
      job.totals = totals_ + (f - factors_.begin) * wide();
      s_.ops.run(job, static_cast<int>(shares_.width), static_cast<int>(count));
    }
  }

  // Vectors that the register tile has beyond the part's repeat the last one.
  void set_vectors(const ResultBlock& b, OuterJob<T>& job) {
    if (!results_) {
      job.vector_row = s_.stride_y * s_.a.src.strides[kY];
      job.vector_step = s_.stride_x;
      for (Index v = 0; v < shares_.width; ++v)
        job.vector[v] =
            s_.source(b.n, g_, row_tap(std::min(vectors_.begin + v, vectors_.end - 1)), b.y, b.x);
      return;
    }
    job.vector_step = wide();
    job.vector_row = b.columns * wide();
    LanesJob<T> pack;
    pack.rows = b.rows, pack.columns = b.columns;
    pack.row_step = pack.ahead = s_.a.weights.strides[kY];
    pack.to_row = job.vector_row, pack.to_step = job.vector_step;
    for (Index v = 0; v < shares_.width; ++v) {
      pack.to = packed_ + v * s_.ops.lanes;
      job.vector[v] = pack.to;
      if (v >= vectors_.size()) continue;
      for (Index l = 0; l < s_.ops.lanes; ++l) {
        const Index channel = (vectors_.begin + v) * s_.ops.lanes + l;
        pack.lane[static_cast<std::size_t>(l)] =
            channel < s_.co ? s_.results(b.n, g_, channel, b.y, b.x) : nullptr;
      }
      s_.ops.side_by_side(pack);
    }
  }

  void set_factors(const ResultBlock& b, Index first, Index count, OuterJob<T>& job) {
    job.factor_row = results_ ? s_.stride_y * s_.a.src.strides[kY] : s_.a.weights.strides[kY];
    job.factor_step = results_ ? s_.stride_x : 1;
    for (Index f = 0; f < count; ++f)
      job.factor[f] = results_ ? s_.source(b.n, g_, s_.tap(first + f), b.y, b.x)
                               : s_.results(b.n, g_, first + f, b.y, b.x);
  }

  // The source rows of the factors after these that lie in no row of these: one for each channel.
  void set_next(const ResultBlock& b, Index first, OuterJob<T>& job) {
    job.next_count = 0;
    job.next_row = s_.stride_y * s_.a.src.strides[kY], job.next_step = s_.stride_x;
    const Index end = std::min(factors_.end, first + shares_.most), taps = s_.ky * s_.kx;
    for (Index k = (first + taps - 1) / taps; k * taps < end; ++k)
      job.next[static_cast<std::size_t>(job.next_count++)] =
          s_.source(b.n, g_, {k, s_.ky - 1, 0}, b.y, b.x);
  }

  const WeightsStep<T>& s_;
  const bool results_;
  const Shares& shares_;
  Index g_;
  Interval vectors_, factors_;
  double* totals_;  // [factor][vector][lane]
  T* packed_;       // [result][vector][lane]
};

// Parts for all threads, each packing for itself: no more than needed to occupy them evenly.
template <class T>
Index splits_of(const WeightsStep<T>& s, const Shares& r, int threads) {
  const Index parts = s.groups * ceil_by(r.vectors, r.width);
  const Index least = ceil_by(r.factors, r.depth), most = ceil_by(r.factors, r.most);
  Index splits = least;
  while (splits < most && parts * splits % threads != 0 && parts * splits < 8 * threads) ++splits;
  return splits;
}

}  // namespace

template <class T>
void run_dense_weights(const WeightsStep<T>& s, DenseLanes lanes) {
  const Shares shares = shares_of(s, lanes);
  const int threads = s.a.threads;
  const Index blocks = ceil_by(shares.vectors, shares.width);
  const Index splits = splits_of(s, shares, threads);
  // Whole register tiles in each part.
  const Index share = ceil_by(ceil_by(shares.factors, splits), shares.most) * shares.most;
  parallel_ranges(s.groups * blocks * splits, threads, [&](Index begin, Index end, int slot) {
    for (Index i = begin; i < end; ++i) {
      const Index split = i % splits, block = i / splits % blocks, g = i / (splits * blocks);
      const Interval vectors{block * shares.width,
                             std::min(shares.vectors, (block + 1) * shares.width)};
      const Interval factors{split * share, std::min(shares.factors, (split + 1) * share)};
      if (factors.begin < factors.end)
        Part<T>(s, lanes, shares, g, vectors, factors,
                s.a.workspace + slot * kWeightsDenseWorkspace)
            .run();
    }
  });
}

template <class T>
double dense_weights_cycles(const WeightsStep<T>& s, DenseLanes lanes) {
  const Shares r = shares_of(s, lanes);
  const bool packed = lanes == DenseLanes::kResults;
  // Of a register tile: two multiply-adds or loads a cycle, four cycles until a sum goes on. Loads
  // of neighbouring taps meet two cache lines.
  const auto sums = static_cast<double>(r.width * r.most);
  const auto loads = static_cast<double>(r.width * (packed ? 1 : 2) + r.most);
  const double tile = std::max({sums, loads, 8.0}) / 2;
  const double packing = packed ? 4.0 * static_cast<double>(r.vectors) : 0;
  return static_cast<double>(s.groups) *
         (tile * static_cast<double>(ceil_by(r.vectors, r.width) * ceil_by(r.factors, r.most)) +
          packing);
}

template void run_dense_weights(const WeightsStep<float>&, DenseLanes);
template void run_dense_weights(const WeightsStep<double>&, DenseLanes);
template double dense_weights_cycles(const WeightsStep<float>&, DenseLanes);
template double dense_weights_cycles(const WeightsStep<double>&, DenseLanes);

}  // namespace tilewright::cpu
