// A part is some vectors and some factors of one group, for all results of the step: its totals
// stay in the workspace, in f64 and in the order of the register tiles, until the last block. Lanes
// along output channels read results from the workspace, transposed once per block and part, and
// lanes along taps read them where they lie. The source is read where it lies, but copied before
// under blocks that meet the edge of the image.
#include "tilewright/device/cpu/kernels/conv2d_weights_dense.h"

#include <array>

#include "tilewright/device/cpu/arena.h"

namespace tilewright::cpu {
namespace {

constexpr Index kTotals = Index{32} * 768;  // of one part of one band
constexpr Index kTwoBandTotals = Index{64} * 256;
constexpr Index kCopyBytes = 64 * 1024;  // of channels that are copied whole

/// Vectors and factors as a group has them, and as a part and a register tile take them.
struct Shares {
  Index vectors = 0, factors = 0;  // of a group
  Index width = 1;                 // vectors of a register tile
  Index bands = 1;                 // times so many are those of a part
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
bool two_bands_fit(const WeightsStep<T>& s, const Shares& r) {
  const Index block = s.block_rows * s.block_columns * static_cast<Index>(sizeof(T));
  return kTwoBandTotals * Index{sizeof(double)} + (2 * r.width * s.ops.lanes + r.most) * block <=
         kWeightsDenseWorkspace;
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
  // One tap meets an element of source once for each band: more bands read it less often.
  if (lanes == DenseLanes::kResults && s.ky * s.kx == 1 && r.vectors > r.width &&
      two_bands_fit(s, r))
    r.bands = 2;
  const Index totals = r.bands == 2 ? kTwoBandTotals : kTotals;
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
    list_copies();
    copy_ = shelf.take<T>(copy_size_);
    packed_ = shelf.take<T>(0);
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

  // Room for the channels that a register tile may meet, or for what each of its taps meets.
  void list_copies() {
    const ResultBlock b{0, 0, 0, std::min(s_.rows, s_.block_rows),
                        std::min(s_.columns, s_.block_columns)};
    const SourceBox box = s_.under(b);
    if (!results_) {
      copy_size_ = shares_.width * b.rows * vector_columns(b);
      return;
    }
    const Index taps = s_.ky * s_.kx;
    slots_ = std::min(s_.ci, (shares_.most + taps - 2) / taps + 1);
    slot_size_ = box.rows * box.columns;
    copy_size_ = slots_ * slot_size_;
    if (taps > 1 && copy_size_ * static_cast<Index>(sizeof(T)) <= kCopyBytes) return;
    slots_ = 0, copy_size_ = shares_.most * b.rows * b.columns;
  }

  // Source columns that a vector of DenseLanes::kTaps meets.
  Index vector_columns(const ResultBlock& b) const {
    return (b.columns - 1) * s_.stride_x + s_.ops.lanes;
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
    if (results_) return exchange_results(f);
    for (Index v = 0; v < vectors_.size(); ++v)
      for (Index l = 0; l < s_.ops.lanes; ++l) {
        double* total = totals_ + v * s_.ops.lanes + l;
        Tap tap = row_tap(vectors_.begin + v);
        tap.kx += l;
        if (tap.kx < (vectors_.begin + v) % s_.vectors_of(s_.kx) * s_.ops.lanes) continue;
        for (Index c = factors_.begin; c < factors_.end; ++c, total += wide())
          f(*total, *s_.total(g_, c, tap));
      }
  }

  // A few factors of all channels at a time: those of a channel share cache lines.
  template <class F>
  void exchange_results(F&& f) {
    constexpr Index kAtOnce = 8;
    const Index channel = s_.a.dst.strides[0];
    const Interval channels{vectors_.begin * s_.ops.lanes,
                            std::min(s_.co, vectors_.end * s_.ops.lanes)};
    Tap tap = s_.tap(factors_.begin);
    for (Index k = 0; k < factors_.size(); k += kAtOnce) {
      std::array<double*, kAtOnce> weight;
      const Index count = std::min(kAtOnce, factors_.size() - k);
      for (Index i = 0; i < count; ++i, tap = s_.next(tap))
        weight[static_cast<std::size_t>(i)] = s_.total(g_, channels.begin, tap);
      for (Index c = 0; c < channels.size(); ++c) {
        double* const total = totals_ + c / wide() * band_size() + k * wide() + c % wide();
        for (Index i = 0; i < count; ++i)
          f(total[i * wide()], weight[static_cast<std::size_t>(i)][c * channel]);
      }
    }
  }

  void run_block(const ResultBlock& b) {
    OuterJob<T> job;
    job.rows = b.rows, job.columns = b.columns;
    copies_ = !s_.exists(s_.under(b));
    if (results_)
      pack(b, job);
    else
      set_vectors(b, job);
    begin_factors(b, job);
    const int width = static_cast<int>(shares_.width);
    for (Index f = factors_.begin; f < factors_.end; f += shares_.most) {
      const Index count = std::min(shares_.most, factors_.end - f);
      const auto many = static_cast<int>(count);
      for (Index i = 0; i < count; ++i)
        job.factor[i] = results_ ? next_tap(b, i) : s_.results(b.n, g_, f + i, b.y, b.x);
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
    const Index columns = vector_columns(b);
    job.vector_row = copies_ ? columns : s_.stride_y * s_.a.src.strides[kY];
    job.vector_step = s_.stride_x;
    for (Index v = 0; v < shares_.width; ++v) {
      const Tap tap = row_tap(std::min(vectors_.begin + v, vectors_.end - 1));
      if (!copies_) {
        job.vector[v] = s_.source(b.n, g_, tap, b.y, b.x);
        continue;
      }
      T* const to = copy_ + v * b.rows * columns;
      SourceBox box = s_.at_tap(b, tap);
      box.columns = columns, box.step_x = 1;
      s_.copy_source(b.n, g_, tap.ci, box, to);
      job.vector[v] = to;
    }
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

  void begin_factors(const ResultBlock& b, OuterJob<T>& job) {
    if (!results_) {
      job.factor_row = s_.a.weights.strides[kY], job.factor_step = 1;
      return;
    }
    tap_ = s_.tap(factors_.begin);
    held_.fill(-1);
    job.factor_row = s_.stride_y * s_.a.src.strides[kY], job.factor_step = s_.stride_x;
    if (!copies_) return;
    if (slots_ > 0)
      job.factor_row = s_.stride_y * s_.under(b).columns;
    else
      job.factor_row = b.columns, job.factor_step = 1;
  }

  // The source of the next tap, the i-th of a register tile.
  const T* next_tap(const ResultBlock& b, Index i) {
    const Tap tap = tap_;
    tap_ = s_.next(tap);
    if (!copies_) return s_.source(b.n, g_, tap, b.y, b.x);
    if (slots_ == 0) {
      T* const to = copy_ + i * b.rows * b.columns;
      s_.copy_source(b.n, g_, tap.ci, s_.at_tap(b, tap), to);
      return to;
    }
    const SourceBox box = s_.under(b);
    T* const slot = copy_ + tap.ci % slots_ * slot_size_;
    Index& held = held_[static_cast<std::size_t>(tap.ci % slots_)];
    if (held != tap.ci) s_.copy_source(b.n, g_, tap.ci, box, slot);
    held = tap.ci;
    return slot + tap.ky * s_.dilation_y * box.columns + tap.kx * s_.dilation_x;
  }

  // The source of the factors after these that lies in no channel of these.
  void set_next(const ResultBlock& b, Index first, OuterJob<T>& job) {
    const SourceBox box = s_.under(b);
    job.next_count = 0;
    job.next_rows = box.rows, job.next_columns = box.columns;
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
  // Of source: [slot][row][column] of whole channels, channel % slots_; without slots
  // [factor][result]; for lanes along taps [vector][row][column].
  T* copy_;
  Index copy_size_ = 0, slots_ = 0, slot_size_ = 0;
  bool copies_ = false;                                     // under this block
  std::array<Index, OuterJob<T>::kMaxFactors + 1> held_{};  // channels in slots
  Tap tap_;                                                 // of the next factor
  double* totals_;                                          // [band][factor][vector][lane]
  T* packed_;                                               // [band][result][vector][lane]
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
