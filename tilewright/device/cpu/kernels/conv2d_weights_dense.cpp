// A part is some vectors and some factors of one group, for all results of the step: its totals
// stay in the workspace, in f64 and in the order of the register tiles, until the last block. Lanes
// along output channels read results from the workspace, transposed once per block and part, and
// the source where it lies, or, where it would be read once for each vector only, from a copy of
// what a register tile takes; lanes along taps read both where they lie.
#include "tilewright/device/cpu/kernels/conv2d_weights_dense.h"

#include <array>

#include "tilewright/device/cpu/arena.h"

namespace tilewright::cpu {
namespace {

constexpr Index kTotals = Index{32} * 768;  // of one part of one band
constexpr Index kTwoBandTotals = Index{64} * 256;
constexpr Index kCopyBytes = 24 * 1024;  // of source, in the first-level cache

/// Vectors and factors as a group has them, and as a part and a register tile take them.
struct Shares {
  Index vectors = 0, factors = 0;  // of a group
  Index width = 1;                 // vectors of a register tile
  Index bands = 1;                 // times so many are those of a part
  Index most = 1;                  // factors of a register tile
  Index depth = 1;                 // factors of a part
  bool copied = false;             // the source of a register tile
};

Index ceil_by(Index a, Index b) { return (a + b - 1) / b; }

/// The most vectors that run() takes, at most `count`.
Index listed_vectors(Index count) {
  Index best = 1;
  for (const int v : kOuterVectors)
    if (v <= count) best = v;
  return best;
}

// Vectors of a register tile if they are packed: those with the fewest instructions.
template <class T>
Index packed_width(const WeightsStep<T>& s, Index vectors, Index factors) {
  Index best = 1, least = 0;
  for (Index v = 1; v <= std::min<Index>(vectors, s.ops.max_packed); ++v) {
    const Index f = std::min<Index>({factors, s.ops.max_packed_factors, s.ops.max_sums / v});
    const Index cost = ceil_by(vectors, v) * ceil_by(factors, f) * (v * f + v + f);
    if (least == 0 || cost <= least) best = v, least = cost;
  }
  return best;
}

template <class T>
Shares shares_of(const WeightsStep<T>& s, DenseLanes lanes) {
  Shares r;
  Index at_once = OuterJob<T>::kMaxFactors;
  if (lanes == DenseLanes::kResults) {
    r.vectors = s.vectors_of(s.co), r.factors = s.taps();
    r.width = packed_width(s, r.vectors, r.factors);
    at_once = s.ops.max_packed_factors;
  } else {
    r.vectors = s.ci * s.ky * s.vectors_of(s.kx), r.factors = s.co;
    const Index beside = std::min<Index>(r.factors, at_once);
    r.width = listed_vectors(std::min(r.vectors, s.ops.max_sums / std::min<Index>(beside, 8)));
  }
  r.most = std::min<Index>(at_once, s.ops.max_sums / r.width);
  r.most = ceil_by(r.factors, ceil_by(r.factors, r.most));
  const Index block = s.block_rows * s.block_columns * static_cast<Index>(sizeof(T));
  r.copied = lanes == DenseLanes::kResults && s.ky * s.kx == 1 && r.vectors > r.width &&
             r.most * block <= kCopyBytes;
  if (r.copied) r.bands = 2;
  const Index totals = r.copied ? kTwoBandTotals : kTotals;
  r.depth = std::max(r.most, totals / (r.width * r.bands * s.ops.lanes));
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
    totals_ = shelf.take<double>(shares.bands * band_size());
    offsets_ = shelf.take<Index>(factors.size());
    const Index block = s.block_rows * s.block_columns;
    copy_ = shelf.take<T>(shares.copied ? shares.most * block : 0);
    packed_ = shelf.take<T>(0);
    list_factors();
  }

  void run() {
    if (s_.a.first)
      std::fill_n(totals_, shares_.bands * band_size(), 0.0);
    else
      exchange([](double& total, double& weight) { total = weight; });
    if (results_ && vectors_.end * s_.ops.lanes > s_.co)
      std::fill_n(packed_, shares_.bands * s_.block_rows * s_.block_columns * wide(), T(0));
    for (Index i = 0; i < s_.blocks(); ++i) run_block(s_.block(i));
    exchange([](double& total, double& weight) { weight = total; });
  }

 private:
  // A band is the vectors of a register tile, for all factors.
  Index wide() const { return shares_.width * s_.ops.lanes; }
  Index band_size() const { return factors_.size() * wide(); }

  // Where factors lie, from the first tap or channel of the group on.
  void list_factors() {
    Tap tap = results_ ? s_.tap(factors_.begin) : Tap{};
    for (Index f = 0; f < factors_.size(); ++f, tap = s_.next(tap))
      offsets_[f] = results_ ? s_.source(0, g_, tap, 0, 0) - s_.source(0, g_, {}, 0, 0)
                             : (factors_.begin + f) * s_.a.weights.strides[kC];
  }

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
        double* total =
            totals_ + v / shares_.width * band_size() + v % shares_.width * s_.ops.lanes + l;
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
    if (results_)
      pack(b, job);
    else
      set_vectors(b, job);
    const int width = static_cast<int>(shares_.width);
    for (Index f = factors_.begin; f < factors_.end; f += shares_.most) {
      const Index count = std::min(shares_.most, factors_.end - f);
      const auto many = static_cast<int>(count);
      set_factors(b, f, count, job);
      job.totals = totals_ + (f - factors_.begin) * wide();
      if (!results_) {
        s_.ops.run(job, width, many);
        continue;
      }
      set_next(b, f + count, job);
      for (Index v = 0; v < vectors_.size(); v += shares_.width) {
        job.vector[0] = packed_ + v * b.rows * b.columns * s_.ops.lanes;
        s_.ops.run_packed(job, width, many);
        job.totals += band_size();
        job.next_count = 0;
      }
    }
  }

  // Vectors that the register tile has beyond the part's repeat the last one.
  void set_vectors(const ResultBlock& b, OuterJob<T>& job) {
    job.vector_row = s_.stride_y * s_.a.src.strides[kY];
    job.vector_step = s_.stride_x;
    for (Index v = 0; v < shares_.width; ++v)
      job.vector[v] =
          s_.source(b.n, g_, row_tap(std::min(vectors_.begin + v, vectors_.end - 1)), b.y, b.x);
  }

  // Bands lie one after another.
  void pack(const ResultBlock& b, OuterJob<T>& job) {
    job.vector_step = wide();
    job.vector_row = b.columns * wide();
    LanesJob<T> pack;
    pack.rows = b.rows, pack.columns = b.columns;
    pack.row_step = pack.ahead = s_.a.weights.strides[kY];
    pack.to_row = job.vector_row, pack.to_step = job.vector_step;
    for (Index v = 0; v < vectors_.size(); ++v) {
      const Index band = v / shares_.width;
      pack.to = packed_ + band * b.rows * job.vector_row + v % shares_.width * s_.ops.lanes;
      for (Index l = 0; l < s_.ops.lanes; ++l) {
        const Index channel = (vectors_.begin + v) * s_.ops.lanes + l;
        pack.lane[static_cast<std::size_t>(l)] =
            channel < s_.co ? s_.results(b.n, g_, channel, b.y, b.x) : nullptr;
      }
      s_.ops.side_by_side(pack);
    }
  }

  void set_factors(const ResultBlock& b, Index first, Index count, OuterJob<T>& job) {
    const T* const from =
        results_ ? s_.source(b.n, g_, {}, b.y, b.x) : s_.results(b.n, g_, 0, b.y, b.x);
    job.factor_row = results_ ? s_.stride_y * s_.a.src.strides[kY] : s_.a.weights.strides[kY];
    job.factor_step = results_ ? s_.stride_x : 1;
    for (Index f = 0; f < count; ++f) job.factor[f] = from + offsets_[first - factors_.begin + f];
    if (!shares_.copied) return;
    for (Index f = 0; f < count; ++f) {
      T* const to = copy_ + f * b.rows * b.columns;
      for (Index y = 0; y < b.rows; ++y) {
        const T* const row = job.factor[f] + y * job.factor_row;
        if (job.factor_step == 1)
          std::copy_n(row, b.columns, to + y * b.columns);
        else
          for (Index x = 0; x < b.columns; ++x) to[y * b.columns + x] = row[x * job.factor_step];
      }
      job.factor[f] = to;
    }
    job.factor_row = b.columns, job.factor_step = 1;
  }

  // The source of the factors after these that lies in no channel of these.
  void set_next(const ResultBlock& b, Index first, OuterJob<T>& job) {
    job.next_count = 0;
    job.next_rows = (b.rows - 1) * s_.stride_y + (s_.ky - 1) * s_.dilation_y + 1;
    job.next_columns = (b.columns - 1) * s_.stride_x + (s_.kx - 1) * s_.dilation_x + 1;
    job.next_row = s_.a.src.strides[kY];
    const Index end = std::min(factors_.end, first + shares_.most), taps = s_.ky * s_.kx;
    for (Index k = (first + taps - 1) / taps; k * taps < end; ++k)
      job.next[static_cast<std::size_t>(job.next_count++)] =
          s_.source(b.n, g_, {k, 0, 0}, b.y, b.x);
  }

  const WeightsStep<T>& s_;
  const bool results_;
  const Shares& shares_;
  Index g_;
  Interval vectors_, factors_;
  double* totals_;  // [band][factor][vector][lane]
  Index* offsets_;  // of the factors
  T* copy_;         // of source, [factor][result]
  T* packed_;       // [band][result][vector][lane]
};

// Parts for all threads, each packing for itself: no more than needed to occupy them evenly.
template <class T>
Index splits_of(const WeightsStep<T>& s, const Shares& r, int threads) {
  const Index parts = s.groups * ceil_by(r.vectors, r.width * r.bands);
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
  const Index width = shares.width * shares.bands;
  const Index blocks = ceil_by(shares.vectors, width);
  const Index splits = splits_of(s, shares, threads);
  // Whole register tiles in each part.
  const Index share = ceil_by(ceil_by(shares.factors, splits), shares.most) * shares.most;
  parallel_ranges(s.groups * blocks * splits, threads, [&](Index begin, Index end, int slot) {
    for (Index i = begin; i < end; ++i) {
      const Index split = i % splits, block = i / splits % blocks, g = i / (splits * blocks);
      const Interval vectors{block * width, std::min(shares.vectors, (block + 1) * width)};
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
