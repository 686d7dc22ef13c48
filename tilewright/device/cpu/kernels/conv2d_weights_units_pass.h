// Every lane is a unit: one group of one block of results. Results and source are packed row by
// row, lanes innermost, so that a row of results and the source rows under its taps stay in the
// first-level cache; sums wait in memory from row to row. Weights are dealt out in chunks that keep
// all this small.
#pragma once

#include <array>

#include "tilewright/device/cpu/kernels/conv2d_weights_step.h"

namespace tilewright::cpu {

/// One axis of the packed source: as it lies, or, where there is one tap, only what it meets.
struct RingAxis {
  Index step = 1;  // of the source
  Index per_result = 1, per_tap = 0;
  RingAxis(Index taps, Index stride, Index dilation)
      : step(taps == 1 ? stride : 1),
        per_result(taps == 1 ? 1 : stride),
        per_tap(taps == 1 ? 0 : dilation) {}
  Index length(Index results, Index taps) const {
    return (results - 1) * per_result + (taps - 1) * per_tap + 1;
  }
};

/// A register tile: `factors` output channels times `vectors` taps.
struct UnitTile {
  Index factors = 1, vectors = 1;
  double cycles = 0;  // of all tiles
};

// Two loads or multiply-adds a cycle; a sum goes on after four.
template <class T>
UnitTile choose_unit_tile(const OuterOps<T>& ops, Index channels, Index taps) {
  UnitTile best;
  for (Index f = 1; f <= std::min<Index>(channels, kMostLanewise); ++f)
    for (const int v : kOuterVectors) {
      if (f * v > ops.max_sums) continue;
      const Index half_cycles = std::max({f * v, f + v, Index{8}});
      const auto tiles = static_cast<double>(ceil_div(channels, f) * ceil_div(taps, v));
      const double cycles = tiles * static_cast<double>(half_cycles) / 2;
      if (best.cycles == 0 || cycles <= best.cycles) best = {f, v, cycles};
    }
  return best;
}

/// How the weights of a group are dealt to chunks.
template <class T>
struct UnitChunks {
  static constexpr Index kMostChannels = 8;        // output channels of a chunk
  static constexpr Index kMostWeights = 1024;      // of a chunk
  static constexpr Index kRingBytes = 128 * 1024;  // source rows of a chunk
  Index co = 1, ci = 1, ky = 1, kx = 1;            // of a chunk
  Index co_parts = 1, ci_parts = 1, ky_parts = 1, kx_parts = 1;

  explicit UnitChunks(const WeightsStep<T>& s) {
    co = std::min(s.co, kMostChannels);
    ky = s.ky, kx = s.kx;
    while (ky > 1 && !fits(s)) ky = ceil_div(ky, 2);
    while (kx > 1 && !fits(s)) kx = ceil_div(kx, 2);
    while (ci < s.ci) {
      ++ci;
      if (fits(s)) continue;
      --ci;
      break;
    }
    const auto even = [](Index all, Index& part, Index& parts) {
      parts = ceil_div(all, part);
      part = ceil_div(all, parts);
    };
    even(s.co, co, co_parts), even(s.ci, ci, ci_parts);
    even(s.ky, ky, ky_parts), even(s.kx, kx, kx_parts);
  }
  Index count() const { return co_parts * ci_parts * ky_parts * kx_parts; }
  Index ring_rows(const WeightsStep<T>& s) const {
    return ky == 1 ? 1 : (ky - 1) * s.dilation_y + 1;
  }
  Index ring_columns(const WeightsStep<T>& s) const {
    return RingAxis(kx, s.stride_x, s.dilation_x).length(std::min(s.columns, s.block_columns), kx);
  }
  bool fits(const WeightsStep<T>& s) const {
    const Index rows = ci * ring_rows(s) + 1;  // with one of lanes that are packed apart
    const Index bytes = rows * ring_columns(s) * s.ops.lanes * Index{sizeof(T)};
    return bytes <= kRingBytes && co * ci * ky * kx <= kMostWeights;
  }
};

/// The weights [co, ci, ky, kx] of one chunk.
struct UnitChunk {
  Interval co, ci, ky, kx;
  template <class T>
  UnitChunk(const WeightsStep<T>& s, const UnitChunks<T>& c, Index i) {
    const auto part = [&i](Index all, Index size, Index parts) {
      const Index begin = i % parts * size;
      i /= parts;
      return Interval{std::min(all, begin), std::min(all, begin + size)};
    };
    kx = part(s.kx, c.kx, c.kx_parts), ky = part(s.ky, c.ky, c.ky_parts);
    ci = part(s.ci, c.ci, c.ci_parts), co = part(s.co, c.co, c.co_parts);
  }
  Index taps() const { return ci.size() * ky.size() * kx.size(); }
  Index channels() const { return co.size(); }
  bool empty() const { return taps() * channels() == 0; }
  Tap tap(Index t) const {
    return {ci.begin + t / (ky.size() * kx.size()), ky.begin + t / kx.size() % ky.size(),
            kx.begin + t % kx.size()};
  }
};

/// Units of one vector; those that do not exist have no group.
struct Units {
  std::array<Index, LanesJob<float>::kMaxLanes> group, block;
  Index count = 0;
};

/// Where the source of a tap lies in the ring, but for its row.
struct RingTap {
  Index place = 0, row = 0;
};

/// The sums of one chunk for one vector of units after another.
template <class T>
class UnitPass {
 public:
  UnitPass(const WeightsStep<T>& s, const UnitChunk& chunk, Shelf& shelf)
      : s_(s),
        chunk_(chunk),
        tile_(choose_unit_tile(s.ops, chunk.channels(), chunk.taps())),
        axis_y_(chunk.ky.size(), s.stride_y, s.dilation_y),
        axis_x_(chunk.kx.size(), s.stride_x, s.dilation_x),
        lanes_(s.ops.lanes) {
    ring_rows_ = chunk.ky.size() == 1 ? 1 : axis_y_.length(1, chunk.ky.size());
    ring_columns_ = axis_x_.length(std::min(s.columns, s.block_columns), chunk.kx.size());
    taps_padded_ = ceil_div(chunk.taps(), tile_.vectors) * tile_.vectors;
    taps_ = shelf.take<RingTap>(chunk.taps());
    list_taps();
    sums_ = shelf.take<T>(sums_size());
    results_ = shelf.take<T>(chunk.channels() * row_size());
    ring_ = shelf.take<T>(chunk.ci.size() * ring_rows_ * ring_columns_ * lanes_);
    apart_ = shelf.take<T>(lanes_ * ring_columns_);
  }

  /// Elements of the sums of a vector of units.
  Index sums_size() const { return taps_padded_ * chunk_.channels() * lanes_; }
  const T* sums() const { return sums_; }
  /// Where the sums of a weight lie, from lane 0 on.
  Index place(Index channel, Index tap) const {
    const Index band = channel / tile_.factors * tile_.factors;
    const Index factors = std::min(tile_.factors, chunk_.channels() - band);
    const Index first = tap / tile_.vectors * tile_.vectors;
    return (band * taps_padded_ + first * factors + (channel - band) * tile_.vectors + tap -
            first) *
           lanes_;
  }

  /// The sums of these units, whose blocks have one size. Source rows stay in the ring for `below`,
  /// whether the next units lie right under these.
  void run(const Units& units, bool below) {
    const ResultBlock b = s_.block(units.block[0]);
    set_lanes(units, b);
    const Index down = b_rows_ * axis_y_.per_result;
    Index packed = below ? std::max<Index>(0, packed_ - down) : 0;
    turn_ = below ? (turn_ + down) % ring_rows_ : 0;
    for (Index y = 0; y < b.rows; ++y) {
      results_job_.offset = y * s_.a.weights.strides[kY];
      for (Index c = 0; c < chunk_.channels(); ++c) {
        results_job_.to = results_ + c * row_size();
        s_.ops.side_by_side(results_job_);
        results_job_.offset += s_.a.weights.strides[kC];
      }
      const Index first = y * axis_y_.per_result, end = first + ring_rows_;
      for (packed = std::max(packed, first); packed < end; ++packed) pack_source(packed);
      run_row(y, b.columns);
    }
    packed_ = packed, b_rows_ = b.rows;
  }

 private:
  Index row_size() const { return std::min(s_.columns, s_.block_columns) * lanes_; }

  void set_lanes(const Units& units, const ResultBlock& b) {
    results_job_ = {}, source_job_ = {};
    const Tap first{chunk_.ci.begin, chunk_.ky.begin, chunk_.kx.begin};
    alike_ = true, count_ = units.count;
    source_job_.columns = axis_x_.length(b.columns, chunk_.kx.size());
    for (Index l = 0; l < units.count; ++l) {
      const auto at = static_cast<std::size_t>(l);
      const ResultBlock own = s_.block(units.block[at]);
      const Index g = units.group[at];
      results_job_.lane[at] = s_.results(own.n, g, chunk_.co.begin, own.y, own.x);
      source_job_.lane[at] = s_.source(own.n, g, first, own.y, own.x);
      SourceBox box = s_.at_tap(own, first);
      top_[at] = box.y;
      real_[at] = SourceBox::inside(s_.real_x, box.x, axis_x_.step, source_job_.columns);
      alike_ &= top_[at] == top_[0] && real_[at] == real_[0];
    }
    results_job_.columns = b.columns;
    source_job_.step = axis_x_.step;
    results_job_.to_step = source_job_.to_step = lanes_;
    results_job_.ahead = s_.a.weights.strides[kY];
    source_job_.ahead = axis_y_.step * s_.a.src.strides[kY];
  }

  // Row `r` of the packed source, of all channels.
  void pack_source(Index r) {
    const Index ring = ring_columns_ * lanes_;
    LanesJob<T> job = source_job_;
    job.offset = r * axis_y_.step * s_.a.src.strides[kY];
    job.to = ring_ + (turn_ + r) % ring_rows_ * ring;
    bool whole = true;
    for (Index l = 0; l < count_; ++l) whole &= real(l, r) == Interval{0, job.columns};
    for (Index c = 0; c < chunk_.ci.size(); ++c) {
      if (whole)
        s_.ops.side_by_side(job);
      else if (alike_)
        pack_real(job, real(0, r));
      else
        pack_apart(job, r);
      job.to += ring_rows_ * ring;
      job.offset += s_.a.src.strides[kC];
    }
  }

  // The columns of row `r` that exist for a lane.
  Interval real(Index lane, Index r) const {
    const auto at = static_cast<std::size_t>(lane);
    return s_.real_y.contains(top_[at] + r * axis_y_.step) ? real_[at] : Interval{};
  }

  // A row of which the same columns exist for all lanes, between zeros.
  void pack_real(LanesJob<T> job, const Interval& columns) {
    std::fill(job.to, job.to + columns.begin * lanes_, T(0));
    std::fill(job.to + columns.end * lanes_, job.to + job.columns * lanes_, T(0));
    if (columns.empty()) return;
    job.offset += columns.begin * job.step;
    job.to += columns.begin * lanes_;
    job.columns = columns.size();
    s_.ops.side_by_side(job);
  }

  // A row of which each lane has columns of its own, from copies with zeros.
  void pack_apart(LanesJob<T> job, Index r) {
    for (Index l = 0; l < count_; ++l) {
      const Interval columns = real(l, r);
      T* const to = apart_ + l * job.columns;
      const T*& lane = job.lane[static_cast<std::size_t>(l)];
      std::fill(to, to + job.columns, T(0));
      for (Index x = columns.begin; x < columns.end; ++x) to[x] = lane[job.offset + x * job.step];
      lane = to;
    }
    job.offset = 0, job.step = 1, job.ahead = 0;
    s_.ops.side_by_side(job);
  }

  void list_taps() {
    for (Index t = 0; t < chunk_.taps(); ++t) {
      const Tap tap = chunk_.tap(t);
      const Index channel = (tap.ci - chunk_.ci.begin) * ring_rows_ * ring_columns_;
      const Index column = (tap.kx - chunk_.kx.begin) * axis_x_.per_tap;
      taps_[t] = {(channel + column) * lanes_, (tap.ky - chunk_.ky.begin) * axis_y_.per_tap};
    }
  }

  // Of a tap, for results whose first source row lies at `row` of the ring.
  const T* source(Index row, const RingTap& tap) const {
    Index at = row + tap.row;
    if (at >= ring_rows_) at -= ring_rows_;
    return ring_ + tap.place + at * ring_columns_ * lanes_;
  }

  void run_row(Index y, Index columns) {
    OuterJob<T> job;
    job.rows = 1, job.columns = columns;
    job.vector_step = axis_x_.per_result * lanes_;
    job.factor_step = lanes_;
    const Index row = (turn_ + y * axis_y_.per_result) % ring_rows_;
    for (Index t = 0; t < chunk_.taps(); t += tile_.vectors) {
      for (Index v = 0; v < tile_.vectors; ++v)
        job.vector[v] = source(row, taps_[std::min(t + v, chunk_.taps() - 1)]);
      for (Index c = 0; c < chunk_.channels(); c += tile_.factors) {
        const Index count = std::min(tile_.factors, chunk_.channels() - c);
        for (Index f = 0; f < count; ++f) job.factor[f] = results_ + (c + f) * row_size();
        job.sums = sums_ + place(c, t);
        job.from = y == 0 ? nullptr : job.sums;
        s_.ops.run_lanewise(job, static_cast<int>(tile_.vectors), static_cast<int>(count));
      }
    }
  }

  const WeightsStep<T>& s_;
  const UnitChunk& chunk_;
  UnitTile tile_;
  RingAxis axis_y_, axis_x_;
  Index lanes_;
  Index ring_rows_ = 1, ring_columns_ = 1;  // of the packed source, per channel
  Index taps_padded_ = 0;
  Index packed_ = 0, b_rows_ = 0;  // source rows and rows of the last units
  Index turn_ = 0;                 // where the first source row lies in the ring
  RingTap* taps_;
  T *sums_, *results_, *ring_;
  T* apart_;         // a row of the source of each lane
  Index count_ = 0;  // of units
  // Source rows of the units' first taps, and which columns of them exist; whether these are the
  // same for all.
  std::array<Index, LanesJob<float>::kMaxLanes> top_{};
  std::array<Interval, LanesJob<float>::kMaxLanes> real_{};
  bool alike_ = true;
  LanesJob<T> results_job_, source_job_;
};

}  // namespace tilewright::cpu
