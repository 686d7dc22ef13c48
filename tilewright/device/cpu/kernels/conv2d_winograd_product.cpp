// TileRows are taken four at a time by addresses that only count up, so that little but
// multiply-adds is left in the loop.
#include "tilewright/device/cpu/kernels/conv2d_winograd_product.h"

#include <algorithm>
#include <utility>

#include "tilewright/device/cpu/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tilewright/device/cpu/kernels/conv2d_winograd_product.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "tilewright/device/cpu/simd_multiply_add-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilewright::cpu::HWY_NAMESPACE {

#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128

// These emulate MulAdd with two roundings, so they offer nothing.
const WinogradProductOps* product_table() { return nullptr; }

#else

namespace hn = hwy::HWY_NAMESPACE;
using Tag = hn::CappedTag<float, 16>;
using Vec = hn::Vec<Tag>;
constexpr Index kLanes = static_cast<Index>(hn::MaxLanes(Tag()));

// Sums take three quarters of the vector registers: 12 of 16, or 24 of 32.
constexpr Index kSums = HWY_TARGET == HWY_AVX2 ? 12 : 24;
constexpr Index kMostVectors = 4, kMostWidth = 6;
constexpr Index most_vectors(Index width) { return std::min(kMostVectors, kSums / width); }
// Products of a sum before the next sums have their turn: their source fits the first-level cache.
constexpr Index kDepth = 128;
constexpr Index kUnroll = 4;
// How far ahead factors are asked for that lie packed.
constexpr Index kFactorsAhead = 384;

// Adds the row that lies so many bytes on; the fewer operands are held in registers, the others
// pass by. No lambda: one that holds `sum` by reference makes compilers keep it in memory.
template <int V, int C>
HWY_INLINE void add_row(const char*& row, const char*& row_factors, Index in_src, Index in_factors,
                        Vec (&sum)[V][C]) {
  const Tag t;
  asm volatile("" : "+r"(row), "+r"(row_factors));  // nothing of the next row is read early
  const auto* src = reinterpret_cast<const float*>(row + in_src);
  const auto* factors = reinterpret_cast<const float*>(row_factors + in_factors);
  if constexpr (C < V) {
    Vec w[C];
#pragma GCC unroll 6
    for (int c = 0; c < C; ++c) w[c] = hn::Set(t, factors[c]);
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) {
      const Vec x = hn::LoadU(t, src + v * kLanes);
#pragma GCC unroll 6
      for (int c = 0; c < C; ++c) add_in_place(sum[v][c], w[c], x);
    }
  } else {
    Vec x[V];
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) x[v] = hn::LoadU(t, src + v * kLanes);
#pragma GCC unroll 6
    for (int c = 0; c < C; ++c) {
      const Vec w = hn::Set(t, factors[c]);
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) add_in_place(sum[v][c], w, x[v]);
    }
  }
}

/// What a register tile walks through.
struct TileRows {
  const float* src;
  Index src_step;
  const float* factors;
  Index factor_step;
  Index ahead;  // from factors that are used to those that are asked for
  Index depth;
  Index chain;  // rows of the first of two chains
  float* dst;
  Index dst_step;
  bool first;  // sums start from +0 instead of from dst
};

/// Where a register tile is, and its steps in bytes.
struct Walk {
  explicit Walk(const TileRows& rows)
      : src(reinterpret_cast<const char*>(rows.src)),
        factors(reinterpret_cast<const char*>(rows.factors)),
        s(rows.src_step * kFloat),
        f(rows.factor_step * kFloat),
        s3(3 * s),
        f3(3 * f),
        ahead(rows.ahead * kFloat) {}
  static constexpr Index kFloat = sizeof(float);
  const char *src, *factors;
  Index s, f, s3, f3, ahead;
};

template <int V, int C>
HWY_INLINE void add_rows(Walk& w, Index left, Vec (&sum)[V][C]) {
  for (; left >= kUnroll; left -= kUnroll) {
    asm volatile("" : "+r"(w.src), "+r"(w.factors), "+r"(w.s), "+r"(w.f), "+r"(w.s3), "+r"(w.f3));
    __builtin_prefetch(w.factors + w.ahead);
    add_row(w.src, w.factors, 0, 0, sum);
    add_row(w.src, w.factors, w.s, w.f, sum);
    add_row(w.src, w.factors, 2 * w.s, 2 * w.f, sum);
    add_row(w.src, w.factors, w.s3, w.f3, sum);
    w.src += kUnroll * w.s, w.factors += kUnroll * w.f;
  }
  for (; left > 0; --left, w.src += w.s, w.factors += w.f) add_row(w.src, w.factors, 0, 0, sum);
}

/// Where sums go, held by value: behind a reference it is loaded again after each store of a
/// vector.
struct Place {
  float* dst;
  Index step;
};

/// f(a vector of sums, where it goes)
template <int V, int C, class F>
HWY_INLINE void each_sum(Place place, Vec (&sum)[V][C], F&& f) {
#pragma GCC unroll 6
  for (int c = 0; c < C; ++c)
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) f(sum[v][c], place.dst + c * place.step + v * kLanes);
}

template <int V, int C>
HWY_NOINLINE void product_tile(const TileRows& rows) {
  const Tag t;
  const Place place{rows.dst, rows.dst_step};
  const bool first = rows.first;
  Vec sum[V][C];
  each_sum(place, sum,
           [&](Vec& at, const float* from) { at = first ? hn::Zero(t) : hn::LoadU(t, from); });
  Walk walk(rows);
  add_rows(walk, rows.depth, sum);
  each_sum(place, sum, [&](Vec& at, float* to) { hn::StoreU(at, t, to); });
}

// The sums of one chain of rows. It is called twice, since a loop makes compilers keep sums in
// memory.
template <int V, int C>
HWY_INLINE void add_chain(Place place, Walk& walk, Index count, bool first) {
  const Tag t;
  Vec sum[V][C];
  each_sum(place, sum, [&](Vec& at, const float*) { at = hn::Zero(t); });
  add_rows(walk, count, sum);
  if (!first) each_sum(place, sum, [&](Vec& at, float* to) { at = hn::Add(hn::LoadU(t, to), at); });
  each_sum(place, sum, [&](Vec& at, float* to) { hn::StoreU(at, t, to); });
}

template <int V, int C>
HWY_NOINLINE void two_chains_tile(const TileRows& rows) {
  Walk walk(rows);
  const Place place{rows.dst, rows.dst_step};
  const Index chain = std::min(rows.chain, rows.depth), rest = rows.depth - chain;
  add_chain<V, C>(place, walk, chain, rows.first);
  if (rest > 0) add_chain<V, C>(place, walk, rest, false);
}

using ProductTile = void (*)(const TileRows&);

template <int C, int... V>
ProductTile pick_vectors(Index vectors, bool chained, std::integer_sequence<int, V...>) {
  static constexpr ProductTile kTable[] = {&product_tile<V + 1, C>...};
  static constexpr ProductTile kChained[] = {&two_chains_tile<V + 1, C>...};
  return (chained ? kChained : kTable)[vectors - 1];
}

template <int... C>
ProductTile pick_tile(Index vectors, Index channels, bool chained,
                      std::integer_sequence<int, C...>) {
  using Pick = ProductTile (*)(Index, bool);
  static constexpr Pick kTable[] = {[](Index v, bool chains) {
    return pick_vectors<C + 1>(v, chains, std::make_integer_sequence<int, most_vectors(C + 1)>());
  }...};
  return kTable[channels - 1](vectors, chained);
}

ProductTile pick_tile(Index vectors, Index channels, bool chained) {
  return pick_tile(vectors, channels, chained, std::make_integer_sequence<int, kMostWidth>());
}

// TileRows [begin, end) of the source of a tile to come.
void ask_for(const float* src, Index src_step, Index vectors, Index begin, Index end) {
  constexpr Index kLine = 16;
  for (Index k = begin; k < end; ++k)
    for (Index x = 0; x < vectors * kLanes; x += kLine) __builtin_prefetch(src + k * src_step + x);
}

// Vectors outermost: their source stays in the first-level cache while the panels pass by.
void run(const WinogradProduct& job) {
  const Index most = most_vectors(job.width), panels = (job.channels + job.width - 1) / job.width;
  const Index last = job.channels - (panels - 1) * job.width;
  const bool chained = 0 < job.chain && job.chain < job.depth;
  const Index most_depth = chained ? 2 * job.chain : kDepth;
  for (Index k = 0; k < job.depth; k += most_depth) {
    TileRows rows;
    rows.src_step = job.src_step, rows.dst_step = job.dst_step;
    rows.depth = std::min(most_depth, job.depth - k);
    rows.chain = job.chain;
    rows.first = k == 0;
    const Index asked = (rows.depth + panels - 1) / panels;  // for, before each tile
    for (Index v = 0; v < job.vectors; v += most) {
      const Index count = std::min(most, job.vectors - v);
      const float* const src = job.src + k * job.src_step;
      const float* const deeper =
          k + most_depth < job.depth ? src + most_depth * job.src_step : job.next;
      const float* const next = v + most < job.vectors ? src + (v + most) * kLanes : deeper;
      const ProductTile whole = pick_tile(count, job.width, chained);
      const ProductTile narrow = pick_tile(count, last, chained);
      rows.src = src + v * kLanes;
      for (Index p = 0; p < panels; ++p) {
        const Index width = p + 1 < panels ? job.width : last;
        rows.factor_step = job.factor_step == 0 ? width : job.factor_step;
        rows.ahead = job.factor_step == 0 ? kFactorsAhead : kUnroll * rows.factor_step;
        rows.factors = job.factors + p * job.panel_step + k * rows.factor_step;
        rows.dst = job.dst + p * job.width * job.dst_step + v * kLanes;
        if (next != nullptr)
          ask_for(next, job.src_step, count, std::min(rows.depth, p * asked),
                  std::min(rows.depth, (p + 1) * asked));
        (width == job.width ? whole : narrow)(rows);
      }
    }
  }
}

// Panels are as wide as register tiles of so many vectors may be, but not so narrow that there are
// too few sums to fill the latency of the multiply-adds.
Index width(Index vectors) { return std::min(kMostWidth, kSums / std::min(kMostVectors, vectors)); }

const WinogradProductOps* product_table() {
  static const WinogradProductOps table{static_cast<int>(kLanes), static_cast<int>(kMostVectors),
                                        &width, &run};
  return &table;
}

#endif

}  // namespace tilewright::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tilewright::cpu {

HWY_EXPORT(product_table);

const WinogradProductOps* winograd_product_ops() { return HWY_DYNAMIC_DISPATCH(product_table)(); }

}  // namespace tilewright::cpu
#endif
