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

#include "tilewright/device/cpu/kernels/conv2d_winograd_rows-inl.h"
#include "tilewright/device/cpu/kernels/conv2d_winograd_transforms-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilewright::cpu::HWY_NAMESPACE {

#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128

const WinogradOps* winograd_table() { return nullptr; }

#else

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

// How many groups of tiles further the last inputs of a tile lie.
constexpr Index reach_of(Index out) { return (kWinogradIn - 1) / out; }

// Runs of `run` elements between places that lie run and `stream` apart, in whole vectors: what is
// written too much is written again later, or never read. `f(in a row, in a stream)` copies one.
template <int Out, class D, class F>
HWY_INLINE void each_run(D d, Index columns, Index run, Index stream, F&& f) {
  for (Index c = 0; c < columns; c += run)
    for (Index j = 0; j < Out; ++j)
      for (Index i = 0; i < run; i += static_cast<Index>(hn::MaxLanes(d)))
        f(d, Out * c + j * run + i, j * stream + c + i);
}

// Short runs take short vectors, which seldom straddle cache lines.
template <int Out, class F>
HWY_INLINE void all_runs(Index columns, Index run, Index stream, F&& f) {
  if (run <= 4) return each_run<Out>(hn::CappedTag<float, 4>(), columns, run, stream, f);
  if (run <= 8) return each_run<Out>(hn::CappedTag<float, 8>(), columns, run, stream, f);
  each_run<Out>(Tag(), columns, run, stream, f);
}

// Deals a row to one stream for each position in a tile: Out * stream elements, of which those of
// `columns` tiles and of the groups that they reach into count.
template <class Run, int Out>
HWY_INLINE void deal(const float* from, float* streams, Index stream, Index columns, Index run) {
  if constexpr (kFew<Run>) {
    const Tag t;
    const Wide<Run> w;
    for (Index c = 0; c < stream; c += kLanes) {
      hn::Vec<Wide<Run> > v[Out];
      load_interleaved(w, reinterpret_cast<const Run*>(from + Out * c), v);
#pragma GCC unroll 4
      for (Index j = 0; j < Out; ++j) hn::StoreU(hn::BitCast(t, v[j]), t, streams + j * stream + c);
    }
  } else {
    all_runs<Out>(columns + reach_of(Out) * run, run, stream,
                  [&](auto d, Index in_row, Index in_stream) {
                    hn::StoreU(hn::LoadU(d, from + in_row), d, streams + in_stream);
                  });
  }
}

// Elements of a stream of whole groups and those that they reach into, with room for the end of a
// vector of the last run.
Index stream_of(Index columns, Index out, Index dilation) {
  return whole(columns) + whole((reach_of(out) - 1) * dilation + whole(dilation));
}

// Transforms six rows, `row_step` apart, along y, for all columns of a row of tiles; fresh: no tile
// above has read the first two of the rows that are asked for early.
HWY_INLINE void source_columns(const WinogradSource& job, Index y, bool fresh, Index extent,
                               float* columns, Index pitch) {
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
    for (Index i = 2; i < kWinogradIn; ++i) __builtin_prefetch(next + i * row_step + x);
    if (fresh) {
      __builtin_prefetch(next + x);
      __builtin_prefetch(next + row_step + x);
    }
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
template <int Out>
HWY_INLINE void source_tiles(const WinogradSource& job, const float* streams, Index stream,
                             Index shift, float* to, Index end) {
  const Tag t;
  for (Index c = 0; c < end; c += kLanes) {
    Vec d[6];
    // Beyond the tiles anything goes.
    const Index from = std::min(c, stream - kLanes - reach_of(Out) * shift);
#pragma GCC unroll 6
    for (Index j = 0; j < kWinogradIn; ++j)
      d[j] = hn::LoadU(t, streams + j % Out * stream + from + j / Out * shift);
    transform_source(d);
    const Index left = end - c, real = job.columns - c;
#pragma GCC unroll 6
    for (Index j = 0; j < kWinogradIn; ++j)
      store_tiles(d[j], to + j * job.product_step + c, real, left);
  }
}

template <class Run, int Out>
void source_of(const WinogradSource& job) {
  const Index dilation = dilation_of<Run>(job.across);
  const Index groups = WinogradTiles{dilation}.whole(job.columns);
  const Index extent = Out * groups + (kWinogradIn - Out) * dilation;
  const Index stream = stream_of(groups, Out, dilation);  // elements of one position in a tile
  const Index pitch = Out * stream;
  // What was just stored in short runs is slow to load whole: one row ahead.
  constexpr Index kAhead = kFew<Run> ? 0 : 1;
  float* const columns = job.scratch;  // [6][pitch]
  float* const streams = columns + kWinogradIn * pitch;
  for (Index r = 0; r < job.rows; ++r) {
    source_columns(job, job.down.begin(job.row + r), r < job.down.dilation, extent, columns, pitch);
    const Index first = r * job.columns;
    const Index end = r + 1 == job.rows ? job.padded : first + job.columns;
    for (Index i = 0; i < kWinogradIn + kAhead; ++i) {
      if (i < kWinogradIn)
        deal<Run, Out>(columns + i * pitch, streams + (i & kAhead) * pitch, stream, groups,
                       dilation);
      const Index now = i - kAhead;
      if (now >= 0)
        source_tiles<Out>(job, streams + (now & kAhead) * pitch, stream, dilation,
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

// f<Out>(), the outputs of a tile.
template <class F>
void by_outputs(Index outputs, F&& f) {
  if (outputs == 4) return f.template operator()<4>();
  if (outputs == 3) return f.template operator()<3>();
  f.template operator()<2>();
}

void source(const WinogradSource& job) {
  by_run(job.across.dilation, [&]<class Run>() {
    by_outputs(job.across.outputs, [&]<int Out>() { source_of<Run, Out>(job); });
  });
}

// The results of one vector of tiles: row i of them goes to to[i * row ..], as they will lie, or
// with many phases position j to a stream, to[i * row + j * stream ..].
template <class Run, int Down, int Across>
HWY_INLINE void result_tiles(const float* from, Index product_step, float* to, Index row,
                             Index stream) {
  const Tag t;
  Vec half[Down][kWinogradIn];
#pragma GCC unroll 6
  for (Index j = 0; j < kWinogradIn; ++j) {
    Vec m[6], out[Down];
#pragma GCC unroll 6
    for (Index i = 0; i < kWinogradIn; ++i)
      m[i] = hn::LoadU(t, from + (kWinogradIn * i + j) * product_step);
    transform_result(m, out);
#pragma GCC unroll 4
    for (Index i = 0; i < Down; ++i) half[i][j] = out[i];
  }
#pragma GCC unroll 4
  for (Index i = 0; i < Down; ++i) {
    Vec out[Across];
    transform_result(half[i], out);
    if constexpr (kFew<Run>) {
      const Wide<Run> w;
      hn::Vec<Wide<Run> > wide[Across];
#pragma GCC unroll 4
      for (Index j = 0; j < Across; ++j) wide[j] = hn::BitCast(w, out[j]);
      store_interleaved(w, wide, reinterpret_cast<Run*>(to + i * row));
    } else {
#pragma GCC unroll 4
      for (Index j = 0; j < Across; ++j) hn::StoreU(out[j], t, to + i * row + j * stream);
    }
  }
}

// The reverse of deal<void>().
template <int Out>
HWY_INLINE void collect(const float* streams, Index stream, float* to, Index columns, Index run) {
  all_runs<Out>(columns, run, stream, [&](auto d, Index in_row, Index in_stream) {
    hn::StoreU(hn::LoadU(d, streams + in_stream), d, to + in_row);
  });
}

template <class Run, int Down, int Across>
void result_of(const WinogradResult& job) {
  const Index run = dilation_of<Run>(job.across), step = job.down.dilation;
  const Index groups = WinogradTiles{run}.whole(job.columns);
  const Index stream = kFew<Run> ? whole(groups) : stream_of(groups, Across, run);
  const Index pitch = Across * stream;
  for (Index r = 0; r < job.rows; ++r) {
    const float* const from = job.src + r * job.columns;
    for (Index c = 0; c < job.columns; c += kLanes)
      result_tiles<Run, Down, Across>(from + c, job.product_step,
                                      job.scratch + (kFew<Run> ? Across * c : c), pitch, stream);
    const Index top = job.down.begin(job.row + r);
    const Index height = std::min<Index>(Down, (job.height - top + step - 1) / step);
    const auto put = [&](const float* row, Index i) {
      const Index at = (top + i * step) * job.dst_row;
      if (job.next != nullptr) ask_for_row(job.next + at, job.width);
      put_row(job, row, job.dst + at);
    };
    if constexpr (kFew<Run>) {
      for (Index i = 0; i < height; ++i) put(job.scratch + i * pitch, i);
    } else {
      float* const collected = job.scratch + Down * pitch;  // [2][pitch], one row ahead
      for (Index i = 0; i <= height; ++i) {
        if (i < height)
          collect<Across>(job.scratch + i * pitch, stream, collected + (i & 1) * pitch, groups,
                          run);
        if (i > 0) put(collected + (~i & 1) * pitch, i - 1);
      }
    }
  }
}

void result(const WinogradResult& job) {
  by_run(job.across.dilation, [&]<class Run>() {
    by_outputs(job.down.outputs, [&]<int Down>() {
      by_outputs(job.across.outputs, [&]<int Across>() { result_of<Run, Down, Across>(job); });
    });
  });
}

// The factors of one vector of filters.
template <int Down, int Across>
void transform_filters(const double* taps, float* dst, Index product_step, Index count) {
  const Tag64 t;
  Vec64 half[6][Across];
#pragma GCC unroll 5
  for (Index x = 0; x < Across; ++x) {
    Vec64 g[Down], u[6];
#pragma GCC unroll 5
    for (Index y = 0; y < Down; ++y) g[y] = hn::Load(t, taps + (y * Across + x) * kFilters);
    transform_taps(g, u);
#pragma GCC unroll 6
    for (Index i = 0; i < 6; ++i) half[i][x] = u[i];
  }
  for (Index i = 0; i < 6; ++i) {
    Vec64 u[6];
    transform_taps(half[i], u);
#pragma GCC unroll 6
    for (Index j = 0; j < 6; ++j) store_factors(u[j], dst + (6 * i + j) * product_step, count);
  }
}

template <int Down, int Across>
void weights_of(const WinogradWeights& job) {
  each_filters<Down, Across>(job, [&](const double* taps, Index begin, Index count) {
    transform_filters<Down, Across>(taps, job.dst + begin, job.product_step, count);
  });
}

void weights(const WinogradWeights& job) {
  by_outputs(winograd_outputs(job.taps_y), [&]<int Down>() {
    by_outputs(winograd_outputs(job.taps_x),
               [&]<int Across>() { weights_of<7 - Down, 7 - Across>(job); });
  });
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
