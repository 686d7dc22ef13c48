// conv2d_weights/dot for a small window on one channel of either side; included once per target.
//
// A row of the source is loaded once for all rows of the window: with row r, row i of the window
// meets results of row r - i * dilation_y, so that each sum still takes its rows in ascending
// order.
#if defined(TILEWRIGHT_CONV2D_WEIGHTS_DOT_PLANE) == defined(HWY_TARGET_TOGGLE)
#ifdef TILEWRIGHT_CONV2D_WEIGHTS_DOT_PLANE
#undef TILEWRIGHT_CONV2D_WEIGHTS_DOT_PLANE
#else
#define TILEWRIGHT_CONV2D_WEIGHTS_DOT_PLANE
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <array>

#include "tilewright/device/cpu/kernels/conv2d_weights_dot.h"
#include "tilewright/device/cpu/kernels/conv2d_weights_dot_ops.h"
#include "tilewright/device/cpu/simd_masks-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilewright::cpu::HWY_NAMESPACE {
#if HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128
namespace hn = hwy::HWY_NAMESPACE;

using DotTag = hn::CappedTag<float, kDotLanes>;
using DotVec = hn::Vec<DotTag>;
inline constexpr Index kWidth = static_cast<Index>(hn::MaxLanes(DotTag()));

inline constexpr Index kPlaneVectors = kDotColumns / kDotLanes;
// Shorter vectors pass a few rows at a time, which the second pass finds in the first-level cache.
inline constexpr Index kPlaneBand = kWidth < kDotLanes ? 8 : kDotRows;
inline constexpr Index kRowsAhead = 16;

/// Lanes that hold columns [begin, end), counted from that of the first lane.
HWY_INLINE hn::Mask<DotTag> lanes_of(Index begin, Index end) {
  const DotTag d;
  const auto first = [d](Index n) HWY_ATTR {
    return hn::FirstN(d, static_cast<std::size_t>(std::clamp<Index>(n, 0, kWidth)));
  };
  return hn::AndNot(first(begin), first(end));
}

/// Vectors of a row from lane `lane` of 16 on: vector v begins at column lane + v * kDotLanes.
template <int KX>
struct PlaneRow {
  void set(const DotPlane& job, Index first_lane) {
    lane = first_lane;
    const Index from = std::max<Index>(0, job.real_x.begin);
    const Index to = std::min(job.columns, job.real_x.end - (KX - 1) * job.dilation_x) - kWidth;
    vectors = std::max<Index>(0, job.columns - lane + kDotLanes - 1) / kDotLanes;
    for (Index v = 0; v < vectors; ++v) {
      const Index x = lane + v * kDotLanes, left = job.columns - x;
      if (from <= x && x <= to) {
        inside = {inside.empty() ? v : inside.begin, v + 1};
        continue;
      }
      results[v] = lanes_of(0, left);
      for (int j = 0; j < KX; ++j) {
        const Index at = x + j * job.dilation_x;
        source[v][j] = lanes_of(job.real_x.begin - at, std::min(left, job.real_x.end - at));
      }
    }
  }

  Index lane = 0, vectors = 0;
  Interval inside;  // vectors that meet only what exists
  // Lanes of other vectors that exist, and those of what they meet.
  hn::Mask<DotTag> results[kPlaneVectors], source[kPlaneVectors][KX];
};

/// A row of the source with N rows of results, those vectors of a row that are `inside`.
template <int N, int KX>
HWY_INLINE void add_inside(const float* const (&results)[N], const float* source, Index dilation,
                           const PlaneRow<KX>& row, DotVec (&sum)[N][KX]) {
  const DotTag d;
  const float* from[KX];
#pragma GCC unroll 3
  for (int j = 0; j < KX; ++j) from[j] = source + j * dilation;
  const Index end = row.lane + row.inside.end * kDotLanes;
  for (Index x = row.lane + row.inside.begin * kDotLanes; x < end; x += kDotLanes) {
    DotVec s[KX];
#pragma GCC unroll 3
    for (int j = 0; j < KX; ++j) s[j] = hn::LoadU(d, from[j] + x);
#pragma GCC unroll 3
    for (int i = 0; i < N; ++i) {
      const auto w = hn::LoadU(d, results[i] + x);
#pragma GCC unroll 3
      for (int j = 0; j < KX; ++j) sum[i][j] = hn::MulAdd(w, s[j], sum[i][j]);
    }
  }
}

/// The same for vectors [begin, end) under their masks; the source is zero if there is none.
template <int N, int KX>
HWY_INLINE void add_masked(const float* const (&results)[N], const float* source, Index dilation,
                           const PlaneRow<KX>& row, Index begin, Index end, DotVec (&sum)[N][KX]) {
  const DotTag d;
  for (Index v = begin; v < end; ++v) {
    const Index x = row.lane + v * kDotLanes;
    const bool masked = !row.inside.contains(v);
    DotVec s[KX];
#pragma GCC unroll 3
    for (int j = 0; j < KX; ++j)
      s[j] = source == nullptr ? hn::Zero(d)
                               : hn::MaskedLoad(row.source[v][j], d, source + x + j * dilation);
#pragma GCC unroll 3
    for (int i = 0; i < N; ++i) {
      const auto w =
          masked ? hn::MaskedLoad(row.results[v], d, results[i] + x) : hn::LoadU(d, results[i] + x);
#pragma GCC unroll 3
      for (int j = 0; j < KX; ++j) sum[i][j] = hn::MulAdd(w, s[j], sum[i][j]);
    }
  }
}

/// Rows `lines` of the source into the sums of N rows of the window, from row `first` on.
template <int N, int KX>
HWY_NOINLINE void plane_lines(const DotPlane& job, const PlaneRow<KX>& row, const Interval& lines,
                              int first) {
  const DotTag d;
  float* const sums = job.sums + first * KX * kDotLanes + row.lane;
  DotVec sum[N][KX];
#pragma GCC unroll 3
  for (int i = 0; i < N; ++i)
#pragma GCC unroll 3
    for (int j = 0; j < KX; ++j) sum[i][j] = hn::LoadU(d, sums + (i * KX + j) * kDotLanes);
  for (Index r = lines.begin; r < lines.end; ++r) {
    const float* const source = job.source + r * job.source_row;
    const float* results[N];
#pragma GCC unroll 3
    for (int i = 0; i < N; ++i)
      results[i] = job.results + (r - (first + i) * job.dilation_y) * job.results_row;
    // Rows are short, and often the next image begins before hardware has looked ahead.
    if (row.lane == 0)
      for (Index x = 0; x < job.columns; x += kDotLanes)
        __builtin_prefetch(results[0] + kRowsAhead * job.results_row + x);
    if (row.lane + kWidth == kDotLanes)
      for (Index x = 0; x < job.columns; x += kDotLanes)
        __builtin_prefetch(source + kRowsAhead * job.source_row + x);
    if (!job.real_y.contains(r)) {
      add_masked(results, nullptr, 0, row, 0, row.vectors, sum);
      continue;
    }
    add_masked(results, source, job.dilation_x, row, 0, row.inside.begin, sum);
    add_inside(results, source, job.dilation_x, row, sum);
    add_masked(results, source, job.dilation_x, row, row.inside.end, row.vectors, sum);
  }
#pragma GCC unroll 3
  for (int i = 0; i < N; ++i)
#pragma GCC unroll 3
    for (int j = 0; j < KX; ++j) hn::StoreU(sum[i][j], d, sums + (i * KX + j) * kDotLanes);
}

template <int KY, int KX>
void plane_of(const DotPlane& job) {
  std::fill_n(job.sums, KY * KX * kDotLanes, 0.0f);
  std::array<PlaneRow<KX>, kDotLanes / kWidth> passes;
  for (std::size_t p = 0; p < passes.size(); ++p)
    passes[p].set(job, static_cast<Index>(p) * kWidth);
  // Rows of the source that all rows of the window meet; others come before and after these.
  const Index reach = (KY - 1) * job.dilation_y;
  const Interval all = reach < job.rows ? Interval{reach, job.rows} : Interval{reach + job.rows, 0};
  const auto some = [&](Index begin, Index end) {
    for (const PlaneRow<KX>& pass : passes)
      for (int i = 0; i < KY; ++i) {
        const Interval own{i * job.dilation_y, i * job.dilation_y + job.rows};
        const Interval lines = intersect(own, {begin, end});
        if (!lines.empty()) plane_lines<1>(job, pass, lines, i);
      }
  };
  some(0, all.begin);
  for (Index r = all.begin; r < all.end; r += kPlaneBand)
    for (const PlaneRow<KX>& pass : passes)
      plane_lines<KY>(job, pass, {r, std::min(all.end, r + kPlaneBand)}, 0);
  some(std::max(all.begin, all.end), reach + job.rows);
}

inline void run_plane(const DotPlane& job) {
  using Run = void(const DotPlane&);
  static constexpr Run* kTable[DotPlane::kMostTaps][DotPlane::kMostTaps] = {
      {&plane_of<1, 1>, &plane_of<1, 2>, &plane_of<1, 3>},
      {&plane_of<2, 1>, &plane_of<2, 2>, &plane_of<2, 3>},
      {&plane_of<3, 1>, &plane_of<3, 2>, &plane_of<3, 3>}};
  kTable[job.ky - 1][job.kx - 1](job);
}

#endif
}  // namespace tilewright::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
