// Columns are transformed as they lie in memory; rows after they were dealt to one stream for each
// position in a tile, in runs of one element of each phase.
#include "tilewright/device/cpu/kernels/conv2d_winograd_ops.h"

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "tilewright/device/cpu/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tilewright/device/cpu/kernels/conv2d_winograd_ops.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tilewright::cpu::HWY_NAMESPACE {

#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128

const WinogradOps* winograd_table() { return nullptr; }

#else

namespace hn = hwy::HWY_NAMESPACE;
using Tag = hn::CappedTag<float, 16>;
using Vec = hn::Vec<Tag>;
constexpr Index kLanes = static_cast<Index>(hn::MaxLanes(Tag()));

constexpr float kA = 0.70710678118654752f;  // sqrt(1/2)
constexpr float kB = 1.41421356237309505f;  // sqrt(2)

Index whole(Index count) { return (count + kLanes - 1) / kLanes * kLanes; }

// Six inputs of a tile to six factors, in place.
HWY_INLINE void transform_source(Vec (&d)[6]) {
  const Tag t;
  const Vec outer = hn::Set(t, -2.5f);
  const Vec u0 = hn::MulAdd(outer, d[2], hn::Add(d[0], d[4]));
  const Vec u5 = hn::MulAdd(outer, d[3], hn::Add(d[1], d[5]));
  const Vec even_a = hn::MulAdd(hn::Set(t, -2.0f), d[2], d[4]);
  const Vec even_b = hn::MulAdd(hn::Set(t, -0.5f), d[2], d[4]);
  const Vec a = hn::Set(t, kA), b = hn::Set(t, kB);
  const Vec odd_a = hn::NegMulAdd(b, d[1], hn::Mul(a, d[3]));
  const Vec odd_b = hn::NegMulAdd(a, d[1], hn::Mul(b, d[3]));
  d[0] = u0;
  d[1] = hn::Add(even_a, odd_a);
  d[2] = hn::Sub(even_a, odd_a);
  d[3] = hn::Add(even_b, odd_b);
  d[4] = hn::Sub(even_b, odd_b);
  d[5] = u5;
}

// Six products of a tile to four results.
HWY_INLINE void transform_result(const Vec (&m)[6], Vec (&out)[4]) {
  const Tag t;
  const Vec sum_a = hn::Add(m[1], m[2]), gap_a = hn::Sub(m[1], m[2]);
  const Vec sum_b = hn::Add(m[3], m[4]), gap_b = hn::Sub(m[3], m[4]);
  out[0] = hn::Add(hn::Add(m[0], sum_a), sum_b);
  out[1] = hn::MulAdd(hn::Set(t, kA), gap_a, hn::Mul(hn::Set(t, kB), gap_b));
  out[2] = hn::MulAdd(hn::Set(t, 0.5f), sum_a, hn::Mul(hn::Set(t, 2.0f), sum_b));
  out[3] = hn::MulAdd(hn::Set(t, 0.5f * kA), gap_a, hn::MulAdd(hn::Set(t, 2.0f * kB), gap_b, m[5]));
}

/// Elements [begin, end) of those from p on; the others are zero.
HWY_INLINE Vec load_some(const float* p, Index begin, Index end) {
  const Tag t;
  if (begin <= 0 && end >= kLanes) return hn::LoadU(t, p);
#if !HWY_MEM_OPS_MIGHT_FAULT
  const auto first = [t](Index n) {
    return hn::FirstN(t, static_cast<std::size_t>(std::clamp<Index>(n, 0, kLanes)));
  };
  return hn::MaskedLoad(hn::AndNot(first(begin), first(end)), t, p);
#endif
  HWY_ALIGN float lanes[kLanes] = {};
  for (Index i = std::max<Index>(0, begin); i < std::min(kLanes, end); ++i) lanes[i] = p[i];
  return hn::Load(t, lanes);
}

template <class U>
using Wide = hn::Repartition<U, Tag>;

// Elements that lie side by side in a row, one of each phase, are `Run` bits: with one phase or two
// rows are deinterleaved as vectors of those, with more (void) run by run.
template <class Run>
constexpr bool kFew = !std::is_void_v<Run>;
template <class Run>
HWY_INLINE Index dilation_of(const WinogradTiles& tiles) {
  if constexpr (kFew<Run>) return static_cast<Index>(sizeof(Run) / sizeof(float));
  return tiles.dilation;
}

// Runs of `run` elements between places that lie run and `stream` apart, in whole vectors: what is
// written too much is written again later, or never read. `f(in a row, in a stream)` copies one.
template <class D, class F>
HWY_INLINE void each_run(D d, Index columns, Index run, Index stream, F&& f) {
  for (Index c = 0; c < columns; c += run)
    for (Index j = 0; j < kWinogradOut; ++j)
      for (Index i = 0; i < run; i += static_cast<Index>(hn::MaxLanes(d)))
        f(d, kWinogradOut * c + j * run + i, j * stream + c + i);
}

// Short runs take short vectors, which seldom straddle cache lines.
template <class F>
HWY_INLINE void all_runs(Index columns, Index run, Index stream, F&& f) {
  if (run <= 4) return each_run(hn::CappedTag<float, 4>(), columns, run, stream, f);
  if (run <= 8) return each_run(hn::CappedTag<float, 8>(), columns, run, stream, f);
  each_run(Tag(), columns, run, stream, f);
}

// Deals a row to one stream for each position in a tile: 4 * stream elements, of which those of
// `columns` tiles and one group more count.
template <class Run>
HWY_INLINE void deal(const float* from, float* streams, Index stream, Index columns, Index run) {
  if constexpr (kFew<Run>) {
    const Tag t;
    const Wide<Run> w;
    for (Index c = 0; c < stream; c += kLanes) {
      hn::Vec<Wide<Run> > v[4];
      hn::LoadInterleaved4(w, reinterpret_cast<const Run*>(from + kWinogradOut * c), v[0], v[1],
                           v[2], v[3]);
#pragma GCC unroll 4
      for (Index j = 0; j < kWinogradOut; ++j)
        hn::StoreU(hn::BitCast(t, v[j]), t, streams + j * stream + c);
    }
  } else {
    all_runs(columns + run, run, stream, [&](auto d, Index in_row, Index in_stream) {
      hn::StoreU(hn::LoadU(d, from + in_row), d, streams + in_stream);
    });
  }
}

// Elements of a stream of whole groups and one more, with room for the end of a vector.
Index stream_of(Index columns, Index dilation) { return whole(columns) + whole(dilation); }

// Transforms six rows, `row_step` apart, along y, for all columns of a row of tiles.
HWY_INLINE void source_columns(const WinogradSource& job, Index y, Index extent, float* columns,
                               Index pitch) {
  const Tag t;
  const Index row_step = job.down.dilation * job.src_row;
  const float* const row = job.src + y * job.src_row;
  const float* const next = job.next == nullptr ? row : job.next + y * job.src_row;
  bool real[6], all = true;
  for (Index i = 0; i < kWinogradIn; ++i)
    real[i] = job.y.contains(y + i * job.down.dilation), all = all && real[i];
  for (Index x = 0; x < extent; x += kLanes) {
    Vec d[6];
#pragma GCC unroll 4
    for (Index i = 0; i < kWinogradOut; ++i) __builtin_prefetch(next + (i + 2) * row_step + x);
    if (all && job.x.begin <= x && job.x.end >= x + kLanes) {
#pragma GCC unroll 6
      for (Index i = 0; i < kWinogradIn; ++i) d[i] = hn::LoadU(t, row + i * row_step + x);
    } else {
#pragma GCC unroll 6
      for (Index i = 0; i < kWinogradIn; ++i)
        d[i] = real[i] ? load_some(row + i * row_step + x, job.x.begin - x, job.x.end - x)
                       : hn::Zero(t);
    }
    transform_source(d);
#pragma GCC unroll 6
    for (Index i = 0; i < kWinogradIn; ++i) hn::StoreU(d[i], t, columns + i * pitch + x);
  }
}

// Transforms the tiles of a row along x, from their streams, up to `end` tiles.
HWY_INLINE void source_tiles(const WinogradSource& job, const float* streams, Index stream,
                             Index shift, float* to, Index end) {
  const Tag t;
  for (Index c = 0; c < end; c += kLanes) {
    Vec d[6];
    const Index from = std::min(c, stream - kLanes - shift);  // beyond the tiles anything goes
#pragma GCC unroll 6
    for (Index j = 0; j < kWinogradIn; ++j)
      d[j] = hn::LoadU(t, streams + j % kWinogradOut * stream + from + j / kWinogradOut * shift);
    transform_source(d);
    const Index left = end - c, real = job.columns - c;
#pragma GCC unroll 6
    for (Index j = 0; j < kWinogradIn; ++j) {
      float* at = to + j * job.product_step + c;
      if (real < kLanes)
        d[j] = real <= 0 ? hn::Zero(t)
                         : hn::IfThenElseZero(hn::FirstN(t, static_cast<std::size_t>(real)), d[j]);
      if (left >= kLanes)
        hn::StoreU(d[j], t, at);
      else
        hn::BlendedStore(d[j], hn::FirstN(t, static_cast<std::size_t>(left)), t, at);
    }
  }
}

template <class Run>
void source_of(const WinogradSource& job) {
  const Index dilation = dilation_of<Run>(job.across);
  const Index groups = WinogradTiles{dilation}.whole(job.columns);
  const Index extent = kWinogradOut * groups + 2 * dilation;
  const Index stream = stream_of(groups, dilation);  // elements of one position in a tile
  const Index pitch = kWinogradOut * stream;
  // What was just stored in short runs is slow to load whole: one row ahead.
  constexpr Index kAhead = kFew<Run> ? 0 : 1;
  float* const columns = job.scratch;  // [6][pitch]
  float* const streams = columns + kWinogradIn * pitch;
  for (Index r = 0; r < job.rows; ++r) {
    source_columns(job, job.down.begin(job.row + r), extent, columns, pitch);
    const Index first = r * job.columns;
    const Index end = r + 1 == job.rows ? job.padded : first + job.columns;
    for (Index i = 0; i < kWinogradIn + kAhead; ++i) {
      if (i < kWinogradIn)
        deal<Run>(columns + i * pitch, streams + (i & kAhead) * pitch, stream, groups, dilation);
      const Index now = i - kAhead;
      if (now >= 0)
        source_tiles(job, streams + (now & kAhead) * pitch, stream, dilation,
                     job.dst + now * kWinogradIn * job.product_step + first, end - first);
    }
  }
}

// f<Run>(), see kFew.
template <class F>
void by_run(Index dilation, F&& f) {
  if (dilation == 1) return f.template operator()<float>();
  if (dilation == 2) return f.template operator()<std::uint64_t>();
  f.template operator()<void>();
}

void source(const WinogradSource& job) {
  by_run(job.across.dilation, [&]<class Run>() { source_of<Run>(job); });
}

// One row of results: from `from` to dst, with what is there and the bias.
HWY_INLINE void put_row(const WinogradResult& job, const float* from, float* to) {
  const Tag t;
  const Vec bias = hn::Set(t, job.bias == nullptr ? 0.0f : *job.bias);
  const auto sum = [&](Vec v, Vec held) {
    if (!job.first) v = hn::Add(held, v);
    return job.bias != nullptr ? hn::Add(v, bias) : v;
  };
  Index x = 0;
  if (job.dst_step == 1) {
    for (; x + kLanes <= job.width; x += kLanes) {
      const Vec held = job.first ? hn::Zero(t) : hn::LoadU(t, to + x);
      hn::StoreU(sum(hn::LoadU(t, from + x), held), t, to + x);
    }
#if !HWY_MEM_OPS_MIGHT_FAULT
    if (x < job.width) {
      const auto rest = hn::FirstN(t, static_cast<std::size_t>(job.width - x));
      const Vec held = job.first ? hn::Zero(t) : hn::MaskedLoad(rest, t, to + x);
      hn::BlendedStore(sum(hn::LoadU(t, from + x), held), rest, t, to + x);
    }
    return;
#endif
  }
  for (; x < job.width; ++x) {
    float v = from[x];
    float& at = to[x * job.dst_step];
    if (!job.first) v = at + v;
    at = job.bias != nullptr ? v + *job.bias : v;
  }
}

// The results of one vector of tiles: row i of them goes to to[i * row ..], as they will lie, or
// with many phases position j to a stream, to[i * row + j * stream ..].
template <class Run>
HWY_INLINE void result_tiles(const float* from, Index product_step, float* to, Index row,
                             Index stream) {
  const Tag t;
  Vec half[kWinogradOut][kWinogradIn];
#pragma GCC unroll 6
  for (Index j = 0; j < kWinogradIn; ++j) {
    Vec m[6], out[4];
#pragma GCC unroll 6
    for (Index i = 0; i < kWinogradIn; ++i)
      m[i] = hn::LoadU(t, from + (kWinogradIn * i + j) * product_step);
    transform_result(m, out);
#pragma GCC unroll 4
    for (Index i = 0; i < kWinogradOut; ++i) half[i][j] = out[i];
  }
#pragma GCC unroll 4
  for (Index i = 0; i < kWinogradOut; ++i) {
    Vec out[4];
    transform_result(half[i], out);
    if constexpr (kFew<Run>) {
      const Wide<Run> w;
      hn::StoreInterleaved4(hn::BitCast(w, out[0]), hn::BitCast(w, out[1]), hn::BitCast(w, out[2]),
                            hn::BitCast(w, out[3]), w, reinterpret_cast<Run*>(to + i * row));
    } else {
#pragma GCC unroll 4
      for (Index j = 0; j < kWinogradOut; ++j) hn::StoreU(out[j], t, to + i * row + j * stream);
    }
  }
}

// The reverse of deal<void>().
HWY_INLINE void collect(const float* streams, Index stream, float* to, Index columns, Index run) {
  all_runs(columns, run, stream, [&](auto d, Index in_row, Index in_stream) {
    hn::StoreU(hn::LoadU(d, streams + in_stream), d, to + in_row);
  });
}

template <class Run>
void result_of(const WinogradResult& job) {
  const Index run = dilation_of<Run>(job.across), step = job.down.dilation;
  const Index groups = WinogradTiles{run}.whole(job.columns);
  const Index stream = kFew<Run> ? whole(groups) : stream_of(groups, run);
  const Index pitch = kWinogradOut * stream;
  for (Index r = 0; r < job.rows; ++r) {
    const float* const from = job.src + r * job.columns;
    for (Index c = 0; c < job.columns; c += kLanes)
      result_tiles<Run>(from + c, job.product_step,
                        job.scratch + (kFew<Run> ? kWinogradOut * c : c), pitch, stream);
    const Index top = job.down.begin(job.row + r);
    const Index height = std::min(kWinogradOut, (job.height - top + step - 1) / step);
    const auto put = [&](const float* row, Index i) {
      put_row(job, row, job.dst + (top + i * step) * job.dst_row);
    };
    if constexpr (kFew<Run>) {
      for (Index i = 0; i < height; ++i) put(job.scratch + i * pitch, i);
    } else {
      float* const collected = job.scratch + kWinogradOut * pitch;  // [2][pitch], one row ahead
      for (Index i = 0; i <= height; ++i) {
        if (i < height)
          collect(job.scratch + i * pitch, stream, collected + (i & 1) * pitch, groups, run);
        if (i > 0) put(collected + (~i & 1) * pitch, i - 1);
      }
    }
  }
}

void result(const WinogradResult& job) {
  by_run(job.across.dilation, [&]<class Run>() { result_of<Run>(job); });
}

using Tag64 = hn::CappedTag<double, 8>;
using Vec64 = hn::Vec<Tag64>;
constexpr Index kLanes64 = static_cast<Index>(hn::MaxLanes(Tag64()));

// Three taps to six factors.
HWY_INLINE void transform_taps(const Vec64 (&g)[3], Vec64 (&u)[6]) {
  const Tag64 t;
  const Vec64 odd_a = hn::Mul(hn::Set(t, 0.70710678118654752440), g[1]);
  const Vec64 odd_b = hn::Mul(hn::Set(t, 1.41421356237309504880), g[1]);
  const Vec64 even_a = hn::MulAdd(hn::Set(t, 0.5), g[2], g[0]);
  const Vec64 even_b = hn::MulAdd(hn::Set(t, 2.0), g[2], g[0]);
  const Vec64 a = hn::Set(t, -2.0 / 3), b = hn::Set(t, 1.0 / 6);
  u[0] = g[0];
  u[1] = hn::Mul(a, hn::Add(even_a, odd_a));
  u[2] = hn::Mul(a, hn::Sub(even_a, odd_a));
  u[3] = hn::Mul(b, hn::Add(even_b, odd_b));
  u[4] = hn::Mul(b, hn::Sub(even_b, odd_b));
  u[5] = g[2];
}

// The factors of one vector of filters.
void transform_filters(const double* taps, float* dst, Index product_step, Index count) {
  const Tag64 t;
  const hn::Rebind<float, Tag64> narrow;
  Vec64 half[6][3];
#pragma GCC unroll 3
  for (Index x = 0; x < 3; ++x) {
    const Vec64 g[3] = {hn::Load(t, taps + x * kLanes64), hn::Load(t, taps + (3 + x) * kLanes64),
                        hn::Load(t, taps + (6 + x) * kLanes64)};
    Vec64 u[6];
    transform_taps(g, u);
#pragma GCC unroll 6
    for (Index i = 0; i < 6; ++i) half[i][x] = u[i];
  }
  for (Index i = 0; i < 6; ++i) {
    Vec64 u[6];
    transform_taps(half[i], u);
#pragma GCC unroll 6
    for (Index j = 0; j < 6; ++j) {
      float* const to = dst + (6 * i + j) * product_step;
      const auto rounded = hn::DemoteTo(narrow, u[j]);
      if (count == kLanes64) {
        hn::StoreU(rounded, narrow, to);
        continue;
      }
      HWY_ALIGN float lanes[kLanes64];
      hn::Store(rounded, narrow, lanes);
      for (Index l = 0; l < count; ++l) to[l] = lanes[l];
    }
  }
}

void weights(const WinogradWeights& job) {
  HWY_ALIGN double taps[9 * kLanes64] = {};
  const Index all = job.inputs * job.outputs;
  Index k = 0, c = 0;
  for (Index begin = 0; begin < all; begin += kLanes64) {
    const Index count = std::min(kLanes64, all - begin);
    for (Index l = 0; l < count; ++l) {
      const float* from = job.weights + c * job.output + k * job.input;
      for (Index y = 0; y < 3; ++y)
        for (Index x = 0; x < 3; ++x)
          taps[(3 * y + x) * kLanes64 + l] =
              static_cast<double>(from[y * job.row + x * job.column]);
      if (++c == job.outputs) c = 0, ++k;
    }
    transform_filters(taps, job.dst + begin, job.product_step, count);
  }
}

// Four gradients of results to six factors.
HWY_INLINE void spread_result(const Vec (&g)[4], Vec (&u)[6]) {
  const Tag t;
  const Vec a = hn::Set(t, kA), b = hn::Set(t, kB);
  const Vec even_a = hn::MulAdd(hn::Set(t, 0.5f), g[2], g[0]);
  const Vec even_b = hn::MulAdd(hn::Set(t, 2.0f), g[2], g[0]);
  const Vec odd_a = hn::Mul(a, hn::MulAdd(hn::Set(t, 0.5f), g[3], g[1]));
  const Vec odd_b = hn::Mul(b, hn::MulAdd(hn::Set(t, 2.0f), g[3], g[1]));
  u[0] = g[0];
  u[1] = hn::Add(even_a, odd_a);
  u[2] = hn::Sub(even_a, odd_a);
  u[3] = hn::Add(even_b, odd_b);
  u[4] = hn::Sub(even_b, odd_b);
  u[5] = g[3];
}

// Six products to three taps.
HWY_INLINE void gather_taps(const Vec (&u)[6], Vec (&g)[3]) {
  const Tag t;
  const Vec a = hn::Set(t, -2.0f / 3), b = hn::Set(t, 1.0f / 6);
  const Vec sum_a = hn::Mul(a, hn::Add(u[1], u[2])), gap_a = hn::Mul(a, hn::Sub(u[1], u[2]));
  const Vec sum_b = hn::Mul(b, hn::Add(u[3], u[4])), gap_b = hn::Mul(b, hn::Sub(u[3], u[4]));
  g[0] = hn::Add(hn::Add(u[0], sum_a), sum_b);
  g[1] = hn::MulAdd(hn::Set(t, kA), gap_a, hn::Mul(hn::Set(t, kB), gap_b));
  g[2] = hn::MulAdd(hn::Set(t, 0.5f), sum_a, hn::MulAdd(hn::Set(t, 2.0f), sum_b, u[5]));
}

void source_lanes(const WinogradLanes& job) {
  const Tag t;
  const Index column = job.across.dilation * job.column;
  for (Index r = 0; r < job.rows; ++r)
    for (Index c = 0; c < job.columns; ++c) {
      const float* from = job.src + kWinogradOut * r * job.row + job.across.begin(c) * job.column;
      float* const to = job.dst + (r * job.columns + c) * job.tile_step;
      Vec half[kWinogradIn][kWinogradIn];
      for (Index x = 0; x < kWinogradIn; ++x) {
        Vec d[6];
#pragma GCC unroll 6
        for (Index y = 0; y < kWinogradIn; ++y)
          d[y] = hn::LoadU(t, from + y * job.row + x * column);
        transform_source(d);
#pragma GCC unroll 6
        for (Index i = 0; i < kWinogradIn; ++i) half[i][x] = d[i];
      }
      for (Index i = 0; i < kWinogradIn; ++i) {
        transform_source(half[i]);
#pragma GCC unroll 6
        for (Index j = 0; j < kWinogradIn; ++j)
          hn::StoreU(half[i][j], t, to + (kWinogradIn * i + j) * job.product_step);
      }
    }
}

void result_lanes(const WinogradLanes& job) {
  const Tag t;
  const Index column = job.across.dilation * job.column;
  for (Index r = 0; r < job.rows; ++r)
    for (Index c = 0; c < job.columns; ++c) {
      const float* from = job.src + kWinogradOut * r * job.row + job.across.begin(c) * job.column;
      float* const to = job.dst + (r * job.columns + c) * job.tile_step;
      Vec half[kWinogradIn][kWinogradOut];
      for (Index x = 0; x < kWinogradOut; ++x) {
        Vec g[4], u[6];
#pragma GCC unroll 4
        for (Index y = 0; y < kWinogradOut; ++y)
          g[y] = hn::LoadU(t, from + y * job.row + x * column);
        spread_result(g, u);
#pragma GCC unroll 6
        for (Index i = 0; i < kWinogradIn; ++i) half[i][x] = u[i];
      }
      for (Index i = 0; i < kWinogradIn; ++i) {
        Vec u[6];
        spread_result(half[i], u);
#pragma GCC unroll 6
        for (Index j = 0; j < kWinogradIn; ++j)
          hn::StoreU(u[j], t, to + (kWinogradIn * i + j) * job.product_step);
      }
    }
}

// totals[0 .. kLanes) += v
HWY_INLINE void add_wide(double* totals, Vec v) {
  const hn::Half<Tag> half;
  const hn::Rebind<double, decltype(half)> d;
  double* const upper = totals + kLanes / 2;
  const auto low = hn::PromoteTo(d, hn::LowerHalf(half, v));
  const auto high = hn::PromoteTo(d, hn::UpperHalf(half, v));
  hn::StoreU(hn::Add(hn::LoadU(d, totals), low), d, totals);
  hn::StoreU(hn::Add(hn::LoadU(d, upper), high), d, upper);
}

void taps(const WinogradTaps& job) {
  const Tag t;
  for (Index x = 0; x < job.count; x += kLanes) {
    Vec half[3][kWinogradIn];
    for (Index j = 0; j < kWinogradIn; ++j) {
      Vec u[6], g[3];
#pragma GCC unroll 6
      for (Index i = 0; i < kWinogradIn; ++i)
        u[i] = hn::LoadU(t, job.src + (kWinogradIn * i + j) * job.product_step + x);
      gather_taps(u, g);
#pragma GCC unroll 3
      for (Index k = 0; k < 3; ++k) half[k][j] = g[k];
    }
    for (Index k = 0; k < 3; ++k) {
      Vec g[3];
      gather_taps(half[k], g);
#pragma GCC unroll 3
      for (Index l = 0; l < 3; ++l) add_wide(job.totals + (3 * k + l) * job.total_step + x, g[l]);
    }
  }
}

const WinogradOps* winograd_table() {
  static const WinogradOps table{
      static_cast<int>(kLanes), &source, &result, &weights, &source_lanes, &result_lanes, &taps};
  return &table;
}

#endif

}  // namespace tilewright::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tilewright::cpu {

HWY_EXPORT(winograd_table);

const WinogradOps* winograd_ops() { return HWY_DYNAMIC_DISPATCH(winograd_table)(); }

}  // namespace tilewright::cpu
#endif
