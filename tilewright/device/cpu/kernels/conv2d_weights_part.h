// Some vectors and some factors of one group: sums of one block of results after another. Lanes
// along output channels read results from the workspace, transposed once per block, and lanes along
// taps read them where they lie. The source is read where it lies, but copied before under blocks
// that meet the edge of the image.
#pragma once

#include <array>

#include "tilewright/device/cpu/kernels/conv2d_weights_dense.h"

namespace tilewright::cpu {

/// Vectors and factors as a group has them, and as a part and a register tile take them.
struct WeightsShares {
  Index vectors = 0, factors = 0;  // of a group
  Index width = 1;                 // vectors of a register tile
  Index bands = 1;                 // times so many are those of a part
  Index most = 1;                  // factors of a register tile
  Index depth = 1;                 // factors of a part
};

/// Of the source copies of a part whose channels are copied whole.
inline constexpr Index kCopyBytes = 64 * 1024;

template <class T>
class WeightsPart {
 public:
  /// Where its totals will be kept, or not.
  enum class Totals { kHere, kElsewhere };
  WeightsPart(const WeightsStep<T>& s, DenseLanes lanes, const WeightsShares& shares, Index g,
              Interval vectors, Interval factors, Totals totals, std::byte* workspace)
      : s_(s),
        results_(lanes == DenseLanes::kResults),
        shares_(shares),
        g_(g),
        vectors_(vectors),
        factors_(factors) {
    Shelf shelf(workspace);
    totals_ = shelf.take<double>(totals == Totals::kHere ? shares.bands * band_size() : 0);
    list_copies();
    copy_ = shelf.take<T>(copy_size_);
    packed_ = shelf.take<T>(0);
  }

  /// All blocks, added up.
  void run() {
    if (s_.a.first)
      std::fill_n(totals_, shares_.bands * band_size(), 0.0);
    else
      exchange([](double& total, double& weight) { total = weight; });
    clear_idle_lanes();
    for (Index i = 0; i < s_.blocks(); ++i) run_block(s_.block(i), nullptr);
    exchange([](double& total, double& weight) { weight = total; });
  }

  /// The sums of one block, [band][factor][vector][lane].
  void sum(Index block, T* sums) { run_block(s_.block(block), sums); }

  /// Before the first block, for lanes that have no channel.
  void clear_idle_lanes() {
    if (results_ && vectors_.end * s_.ops.lanes > s_.co)
      std::fill_n(packed_, shares_.bands * s_.block_rows * s_.block_columns * wide(), T(0));
  }

  /// Sums of a band: the vectors of a register tile, for all factors.
  Index band_size() const { return factors_.size() * wide(); }

  /// f(total, its weight), for all of them; totals lie as sums do. Lanes along channels only.
  template <class F>
  void exchange_results(double* totals, F&& f) {
    // A few factors of all channels at a time: those of a channel share cache lines.
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
        double* const total = totals + c / wide() * band_size() + k * wide() + c % wide();
        for (Index i = 0; i < count; ++i)
          f(total[i * wide()], weight[static_cast<std::size_t>(i)][c * channel]);
      }
    }
  }

 private:
  Index wide() const { return shares_.width * s_.ops.lanes; }

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
    if (results_) return exchange_results(totals_, f);
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

  // Sums are added to the totals if they have no place of their own.
  void run_block(const ResultBlock& b, T* sums) {
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
      const Index place = (f - factors_.begin) * wide();
      job.sums = sums == nullptr ? nullptr : sums + place;
      job.totals = sums == nullptr ? totals_ + place : nullptr;
      if (!results_) {
        s_.ops.run(job, width, many);
        continue;
      }
      set_next(b, f + count, job);
      for (Index v = 0; v < vectors_.size(); v += shares_.width) {
        const T* const band = packed_ + v * b.rows * b.columns * s_.ops.lanes;
        for (Index i = 0; i < shares_.width; ++i) job.vector[i] = band + i * s_.ops.lanes;
        s_.ops.run_packed(job, width, many);
        (sums == nullptr ? void(job.totals += band_size()) : void(job.sums += band_size()));
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
  const WeightsShares& shares_;
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

}  // namespace tilewright::cpu
