// Columns are transformed as they lie in memory; then rows, dealt to one vector for each position
// in a tile.
#include "tilewright/device/cpu/kernels/conv2d_winograd_stride_ops.h"

#include <algorithm>
#include <cstdint>

#include "tilewright/device/cpu/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tilewright/device/cpu/kernels/conv2d_winograd_stride_ops.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "tilewright/device/cpu/kernels/conv2d_winograd_rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilewright::cpu::HWY_NAMESPACE {

#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128

const StrideOps* stride_table() { return nullptr; }

#else

// Elements of a row of scratch, in threes, and of a stream of one position in each tile: the tiles,
// and a vector or two beyond. A stream begins one before its tiles.
constexpr Index kPitch = 3 * (kStrideMostTiles + 48), kStream = kStrideMostTiles + 48;
constexpr Index kRowScratch = 2 * kStrideFactors * kPitch + 16;
constexpr Index kOut = kStrideOut, kPoints = kStridePoints, kFactors = kStrideFactors;

// Four inputs to the factors of four points, and three inputs to those of the first three points.
HWY_INLINE void transform_four(Vec d0, Vec d1, Vec d2, Vec d3, Vec* u) {
  u[0] = hn::Sub(d0, d2), u[1] = hn::Add(d1, d2), u[2] = hn::Sub(d2, d1), u[3] = hn::Sub(d3, d1);
}
HWY_INLINE void transform_three(Vec d0, Vec d1, Vec d2, Vec* u) {
  u[0] = hn::Sub(d0, d2), u[1] = hn::Add(d1, d2), u[2] = hn::Sub(d2, d1);
}
// Seven inputs: those at even positions, then those between.
HWY_INLINE void transform_phases(const Vec* d, Vec* u) {
  transform_four(d[0], d[2], d[4], d[6], u);
  transform_three(d[1], d[3], d[5], u + kPoints);
}

// Products of all points, of the first three, and of the last three, to three results.
HWY_INLINE void gather_four(const Vec* m, Vec* out) {
  const Vec sum = hn::Add(m[1], m[2]);
  out[0] = hn::Add(m[0], sum), out[1] = hn::Sub(m[1], m[2]), out[2] = hn::Add(sum, m[3]);
}
HWY_INLINE void gather_first(const Vec* m, Vec* out) {
  const Vec sum = hn::Add(m[1], m[2]);
  out[0] = hn::Add(m[0], sum), out[1] = hn::Sub(m[1], m[2]), out[2] = sum;
}
HWY_INLINE void gather_last(const Vec* m, Vec* out) {
  const Vec sum = hn::Add(m[0], m[1]);
  out[0] = sum, out[1] = hn::Sub(m[0], m[1]), out[2] = hn::Add(sum, m[2]);
}
// Products of both phases to six results in order. Outputs that meet two taps come first if the
// others meet theirs as the second of a pair.
template <bool kLate>
HWY_INLINE void gather_phases(const Vec* m, Vec* out) {
  Vec two[kOut], one[kOut];
  gather_four(m, two);
  if constexpr (kLate)
    gather_first(m + kPoints, one);
  else
    gather_last(m + kPoints, one);
#pragma GCC unroll 3
  for (Index i = 0; i < kOut; ++i)
    out[2 * i + (kLate ? 1 : 0)] = two[i], out[2 * i + (kLate ? 0 : 1)] = one[i];
}

// f(row, column, count, done) for the tiles of each row, `done` tiles having come before.
template <class F>
HWY_INLINE void each_segment(const StrideTiles& tiles, F&& f) {
  for (Index done = 0, count = 0; done < tiles.count; done += count) {
    const Index row = (tiles.first + done) / tiles.columns;
    const Index column = (tiles.first + done) % tiles.columns;
    count = std::min(tiles.columns - column, tiles.count - done);
    f(row, column, count, done);
  }
}

// Rows of the source from one position on.
template <Index kRows>
class SourceRows {
 public:
  SourceRows(const StrideSource& job, Index y, Index x)
      : from_(job.src + y * job.src_row + x), step_(job.src_row), real_x_(job.x.shifted(-x)) {
    next_ = job.next == nullptr ? from_ : job.next + y * job.src_row + x;
    for (Index i = 0; i < kRows; ++i) real_[i] = job.y.contains(y + i), all_ = all_ && real_[i];
  }
  HWY_INLINE void load(Index x, Vec (&d)[kRows]) const {
    const Tag t;
#pragma GCC unroll 7
    for (Index i = 0; i < kRows; ++i) __builtin_prefetch(next_ + i * step_ + x);
    if (all_ && real_x_.begin <= x && real_x_.end >= x + kLanes) {
#pragma GCC unroll 7
      for (Index i = 0; i < kRows; ++i) d[i] = hn::LoadU(t, from_ + i * step_ + x);
      return;
    }
    const Index begin = real_x_.begin - x, end = real_x_.end - x;
    const auto lanes = lanes_of(begin, end);
    const auto some = [&](const float* p) HWY_ATTR {
      return kMasksMemory ? hn::MaskedLoad(lanes, t, p) : load_some(p, begin, end);
    };
    for (Index i = 0; i < kRows; ++i) d[i] = real_[i] ? some(from_ + i * step_ + x) : hn::Zero(t);
  }

 private:
  const float *from_, *next_;
  Index step_;
  Interval real_x_;
  bool real_[kRows], all_ = true;
};

// Deals a row of scratch in threes to three streams, tile by tile from tile `done` on; and to a
// fourth what the next tiles begin with, but for the tile before, which was of another row.
HWY_INLINE void deal_four(const float* from, float* streams, Index done, Index count) {
  const Tag t;
  float& before = streams[kOut * kStream + done - 1];
  const float kept = done > 0 ? before : 0;
  for (Index c = 0; c <= count; c += kLanes) {
    Vec d[kOut];
    load_interleaved(t, from + kOut * c, d);
    float* const to = streams + done + c;
#pragma GCC unroll 3
    for (Index j = 0; j < kOut; ++j) hn::StoreU(d[j], t, to + j * kStream);
    hn::StoreU(d[0], t, to + kOut * kStream - 1);
  }
  before = kept;
}
HWY_INLINE void deal_three(const float* from, float* streams, Index done, Index count) {
  const Tag t;
  for (Index c = 0; c < count; c += kLanes) {
    Vec d[kOut];
    load_interleaved(t, from + kOut * c, d);
#pragma GCC unroll 3
    for (Index j = 0; j < kOut; ++j) hn::StoreU(d[j], t, streams + j * kStream + done + c);
  }
}

// Row i of factors of all tiles, whole vectors of them, from their streams.
template <Index kAcross>
HWY_INLINE void transform_tiles(const StrideSource& job, Index i, const float* streams) {
  const Tag t;
  const Index* const at = job.at->data() + kAcross * i;
  for (Index c = 0; c < job.padded; c += kLanes) {
    Vec d[kFactors], u[kFactors];
#pragma GCC unroll 7
    for (Index j = 0; j < kAcross; ++j) d[j] = hn::LoadU(t, streams + j * kStream + c);
    transform_four(d[0], d[1], d[2], d[3], u);
    if constexpr (kAcross > kPoints) transform_three(d[4], d[5], d[6], u + kPoints);
    if (c + kLanes > job.tiles.count)
      for (Index j = 0; j < kAcross; ++j)
        u[j] =
            hn::IfThenElseZero(hn::FirstN(t, static_cast<std::size_t>(job.tiles.count - c)), u[j]);
#pragma GCC unroll 7
    for (Index j = 0; j < kAcross; ++j) hn::StoreU(u[j], t, job.dst + at[j] + c);
  }
}

void source_phases(const StrideSource& job) {
  const Tag t;
  float* const streams = job.scratch + kRowScratch;
  each_segment(job.tiles, [&](Index row, Index column, Index count, Index done) {
    const SourceRows<kFactors> rows(job, 2 * kOut * row, 2 * kOut * column);
    // Factor i of a column: positions with even x in row 2 * i of scratch, those between behind.
    for (Index x = 0; x < 2 * kOut * count + 1; x += 2 * kLanes) {
      Vec u[2][kFactors];
#pragma GCC unroll 2
      for (Index h = 0; h < 2; ++h) {
        Vec d[kFactors];
        rows.load(x + h * kLanes, d);
        transform_phases(d, u[h]);
      }
#pragma GCC unroll 7
      for (Index i = 0; i < kFactors; ++i) {
        float* const to = job.scratch + 2 * i * kPitch + x / 2;
        hn::StoreU(hn::ConcatEven(t, u[1][i], u[0][i]), t, to);
        hn::StoreU(hn::ConcatOdd(t, u[1][i], u[0][i]), t, to + kPitch);
      }
    }
    for (Index i = 0; i < kFactors; ++i) {
      const float* const from = job.scratch + 2 * i * kPitch;
      float* const to = streams + kFactors * i * kStream;
      deal_four(from, to, done, count);
      deal_three(from + kPitch, to + kPoints * kStream, done, count);
    }
  });
  for (Index i = 0; i < kFactors; ++i)
    transform_tiles<kFactors>(job, i, streams + kFactors * i * kStream);
}

void source(const StrideSource& job) {
  const Tag t;
  float* const streams = job.scratch + kRowScratch;
  each_segment(job.tiles, [&](Index row, Index column, Index count, Index done) {
    const SourceRows<kPoints> rows(job, kOut * row, kOut * column);
    for (Index x = 0; x < kOut * count + 1; x += kLanes) {
      Vec d[kPoints], u[kPoints];
      rows.load(x, d);
      transform_four(d[0], d[1], d[2], d[3], u);
#pragma GCC unroll 4
      for (Index i = 0; i < kPoints; ++i) hn::StoreU(u[i], t, job.scratch + i * kPitch + x);
    }
    for (Index i = 0; i < kPoints; ++i)
      deal_four(job.scratch + i * kPitch, streams + kPoints * i * kStream, done, count);
  });
  for (Index i = 0; i < kPoints; ++i)
    transform_tiles<kPoints>(job, i, streams + kPoints * i * kStream);
}

// `Side` rows of results of a segment, from scratch.
template <Index Side>
HWY_INLINE void put_rows(const StrideResult& job, Index pitch, Index row, Index column,
                         Index count) {
  StrideResult part = job;
  part.width = std::min(Side * count, job.width - Side * column);
  const Index height = std::min(Side, job.height - Side * row);
  const Index begin = Side * (row * job.dst_row + column * job.dst_step);
  for (Index i = 0; i < height; ++i) {
    const Index at = begin + i * job.dst_row;
    if (job.next != nullptr) ask_for_row(job.next + at, part.width);
    put_row(part, job.scratch + i * pitch, job.dst + at);
  }
}

void result(const StrideResult& job) {
  const Tag t;
  each_segment(job.tiles, [&](Index row, Index column, Index count, Index done) {
    for (Index c = 0; c < count; c += kLanes) {
      const float* const from = job.src + done + c;
      Vec half[kOut][kPoints];
#pragma GCC unroll 4
      for (Index j = 0; j < kPoints; ++j) {
        Vec m[kPoints], out[kOut];
#pragma GCC unroll 4
        for (Index i = 0; i < kPoints; ++i)
          m[i] = hn::LoadU(t, from + (*job.at)[static_cast<std::size_t>(kPoints * i + j)]);
        gather_four(m, out);
#pragma GCC unroll 3
        for (Index i = 0; i < kOut; ++i) half[i][j] = out[i];
      }
#pragma GCC unroll 3
      for (Index i = 0; i < kOut; ++i) {
        Vec out[kOut];
        gather_four(half[i], out);
        store_interleaved(t, out, job.scratch + i * kPitch + kOut * c);
      }
    }
    put_rows<kOut>(job, kPitch, row, column, count);
  });
}

// Six results of each tile of a vector, side by side.
HWY_INLINE void store_six(const Vec (&out)[2 * kOut], float* to) {
  const Tag t;
  const hn::Repartition<std::uint64_t, Tag> w;
  HWY_ALIGN float pairs[2 * kOut * kLanes];
#pragma GCC unroll 3
  for (Index i = 0; i < kOut; ++i)
    hn::StoreInterleaved2(out[2 * i], out[2 * i + 1], t, pairs + 2 * i * kLanes);
#pragma GCC unroll 2
  for (Index h = 0; h < 2; ++h) {
    hn::Vec<decltype(w)> v[kOut];
#pragma GCC unroll 3
    for (Index i = 0; i < kOut; ++i)
      v[i] = hn::BitCast(w, hn::Load(t, pairs + (2 * i + h) * kLanes));
    store_interleaved(w, v, reinterpret_cast<std::uint64_t*>(to + h * kOut * kLanes));
  }
}

template <bool kLateY, bool kLateX>
void result_phases_of(const StrideResult& job) {
  const Tag t;
  constexpr Index kSide = 2 * kOut;
  each_segment(job.tiles, [&](Index row, Index column, Index count, Index done) {
    for (Index c = 0; c < count; c += kLanes) {
      const float* const from = job.src + done + c;
      Vec half[kSide][kFactors];
      for (Index j = 0; j < kFactors; ++j) {
        Vec m[kFactors], out[kSide];
#pragma GCC unroll 7
        for (Index i = 0; i < kFactors; ++i)
          m[i] = hn::LoadU(t, from + (*job.at)[static_cast<std::size_t>(kFactors * i + j)]);
        gather_phases<kLateY>(m, out);
#pragma GCC unroll 6
        for (Index i = 0; i < kSide; ++i) half[i][j] = out[i];
      }
      for (Index i = 0; i < kSide; ++i) {
        Vec out[kSide];
        gather_phases<kLateX>(half[i], out);
        store_six(out, job.scratch + 2 * i * kPitch + kSide * c);
      }
    }
    put_rows<kSide>(job, 2 * kPitch, row, column, count);
  });
}

void result_phases(const StrideResult& job) {
  if (job.late_y)
    return job.late_x ? result_phases_of<true, true>(job) : result_phases_of<true, false>(job);
  return job.late_x ? result_phases_of<false, true>(job) : result_phases_of<false, false>(job);
}

// Three taps to four factors of the outer two and three of the one between.
HWY_INLINE void transform_taps(const Vec64* g, bool second, Vec64* u) {
  const Tag64 t;
  const Vec64 half = hn::Set(t, 0.5), middle = hn::Mul(half, g[1]);
  u[0] = g[0];
  u[1] = hn::Mul(half, hn::Add(g[0], g[2]));
  u[2] = hn::Mul(half, hn::Sub(g[0], g[2]));
  u[3] = g[2];
  u[4] = second ? middle : g[1];
  u[5] = second ? hn::Neg(middle) : middle;
  u[6] = second ? g[1] : middle;
}

void weights(const StrideWeights& job) {
  const Tag64 t;
  each_filters<3, 3>(job, [&](const double* taps, Index begin, Index count) {
    Vec64 half[kFactors][3];
#pragma GCC unroll 3
    for (Index x = 0; x < 3; ++x) {
      Vec64 g[3], u[kFactors];
#pragma GCC unroll 3
      for (Index y = 0; y < 3; ++y) g[y] = hn::Load(t, taps + (3 * y + x) * kFilters);
      transform_taps(g, job.second_y, u);
#pragma GCC unroll 7
      for (Index i = 0; i < kFactors; ++i) half[i][x] = u[i];
    }
    for (Index i = 0; i < kFactors; ++i) {
      Vec64 u[kFactors];
      transform_taps(half[i], job.second_x, u);
#pragma GCC unroll 7
      for (Index j = 0; j < kFactors; ++j)
        store_factors(u[j], job.dst + (*job.at)[static_cast<std::size_t>(kFactors * i + j)] + begin,
                      count);
    }
  });
}

const StrideOps* stride_table() {
  static const StrideOps table{static_cast<int>(kLanes), &source_phases, &source, &result,
                               &result_phases,           &weights};
  return &table;
}

#endif

}  // namespace tilewright::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tilewright::cpu {

HWY_EXPORT(stride_table);

const StrideOps* stride_ops() { return HWY_DYNAMIC_DISPATCH(stride_table)(); }

}  // namespace tilewright::cpu
#endif
