// F channels of results times T taps: F*T sums in registers. Lanes are columns, so that both
// operands are loaded as they lie.
#include "tilewright/device/cpu/kernels/conv2d_weights_dot_ops.h"

#include <algorithm>
#include <utility>

#include "tilewright/device/cpu/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tilewright/device/cpu/kernels/conv2d_weights_dot_ops.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "tilewright/device/cpu/kernels/conv2d_weights_dot_plane-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilewright::cpu::HWY_NAMESPACE {

#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128

// These emulate MulAdd with two roundings, so they offer nothing.
const DotOps* dot_table() { return nullptr; }

#else

namespace hn = hwy::HWY_NAMESPACE;

inline constexpr int kDotSums = HWY_TARGET == HWY_AVX2 ? 12 : 24;

/// One vector of products into all sums; Tail: only the lanes of `mask` count.
template <bool Tail, int F, int T>
HWY_INLINE void add_products(const float* const (&results)[F], Index at_results,
                             const float* const (&source)[T], Index at_source,
                             hn::Mask<DotTag> mask, DotVec (&sum)[F][T]) {
  const DotTag d;
  DotVec w[F];
#pragma GCC unroll 16
  for (int f = 0; f < F; ++f) w[f] = hn::LoadU(d, results[f] + at_results);
#pragma GCC unroll 16
  for (int t = 0; t < T; ++t) {
    auto x = hn::LoadU(d, source[t] + at_source);
    if constexpr (Tail) x = hn::IfThenElseZero(mask, x);
#pragma GCC unroll 16
    for (int f = 0; f < F; ++f) sum[f][t] = hn::MulAdd(w[f], x, sum[f][t]);
  }
}

/// Lanes [lane, lane + kWidth) of each vector.
template <int F, int T>
HWY_INLINE void dot_lanes(const DotJob& job, Index lane) {
  const DotTag d;
  const float* results[F];
  const float* source[T];
  DotVec sum[F][T];
#pragma GCC unroll 16
  for (int f = 0; f < F; ++f) results[f] = job.results[f] + lane;
#pragma GCC unroll 16
  for (int t = 0; t < T; ++t) source[t] = job.source[t] + lane;
#pragma GCC unroll 16
  for (int f = 0; f < F; ++f)
#pragma GCC unroll 16
    for (int t = 0; t < T; ++t)
      sum[f][t] = job.first ? hn::Zero(d) : hn::LoadU(d, job.sums + (f * T + t) * kDotLanes + lane);
  const Index left = std::clamp<Index>(job.tail - lane, 0, kWidth);
  const auto mask = hn::FirstN(d, static_cast<std::size_t>(left));
  const Index whole = (job.vectors - (job.tail == 0 ? 0 : 1)) * kDotLanes;
  // Memory to come, evenly: a core waits for few lines at a time. Rows of different channels lie
  // far apart, where hardware does not look ahead.
  constexpr Index kLines = kAskedFloats / kDotLanes;
  const Index lines = lane == 0 ? kLines * job.asked_count : 0;
  const Index each = (lines + job.rows - 1) / job.rows;
  Index asked = 0;
  for (Index y = 0; y < job.rows; ++y) {
    for (const Index end = std::min(lines, asked + each); asked < end; ++asked)
      __builtin_prefetch(job.asked[asked / kLines] + asked % kLines * kDotLanes, 0, 3);
    if constexpr (F * T >= 16) {
      // The sums of the next tile.
      constexpr Index kSums = (F * T + 7) / 8;
      const float* const sums = job.sums + (F * T + y % 8 * kSums) * kDotLanes + lane;
#pragma GCC unroll 4
      for (Index i = 0; i < kSums; ++i) __builtin_prefetch(sums + i * kDotLanes, 1, 3);
    }
    Index at_results = y * job.results_row, at_source = y * job.source_row;
    for (const Index end = at_results + whole; at_results < end;
         at_results += kDotLanes, at_source += kDotLanes)
      add_products<false>(results, at_results, source, at_source, mask, sum);
    if (left != 0) add_products<true>(results, at_results, source, at_source, mask, sum);
  }
#pragma GCC unroll 16
  for (int f = 0; f < F; ++f)
#pragma GCC unroll 16
    for (int t = 0; t < T; ++t) hn::StoreU(sum[f][t], d, job.sums + (f * T + t) * kDotLanes + lane);
}

template <int F, int T>
HWY_NOINLINE void dot(const DotJob& job) {
  for (Index lane = 0; lane < kDotLanes; lane += kWidth) dot_lanes<F, T>(job, lane);
}

using DotFunction = void (*)(const DotJob&);

template <int F, int... T>
DotFunction pick_taps(int taps, std::integer_sequence<int, T...>) {
  static constexpr DotFunction kTable[] = {&dot<F, T + 1>...};
  return kTable[taps - 1];
}

template <int F>
DotFunction pick_channels(int taps) {
  constexpr int kMost = std::min(DotJob::kMostTaps, kDotSums / F);
  return pick_taps<F>(taps, std::make_integer_sequence<int, kMost>());
}

void run_dot(const DotJob& job, int channels, int taps) {
  using Pick = DotFunction (*)(int);
  static constexpr Pick kTable[] = {&pick_channels<1>, &pick_channels<2>, &pick_channels<3>,
                                    &pick_channels<4>};
  static_assert(std::size(kTable) == DotJob::kMostResults);
  kTable[channels - 1](taps)(job);
}

void pick_elements(const float* from, Index step, float* to, Index count) {
  const hn::ScalableTag<float> d;
  const auto width = static_cast<Index>(hn::Lanes(d));
  Index i = 0;
  if (step == 1) {
    for (; i + width <= count; i += width) hn::StoreU(hn::LoadU(d, from + i), d, to + i);
  } else if (step == 2) {
    // What is read ends before the element after these.
    for (; i + width < count; i += width) {
      hn::Vec<decltype(d)> even, odd;
      hn::LoadInterleaved2(d, from + 2 * i, even, odd);
      hn::StoreU(even, d, to + i);
    }
  }
  for (; i < count; ++i) to[i] = from[i * step];
}

using SumTag = hn::CappedTag<double, kDotLanes / 2>;

/// Lane l + lane l + half, down to one.
template <class D>
HWY_INLINE double fold([[maybe_unused]] D d, hn::Vec<D> v) {
  if constexpr (hn::MaxLanes(D()) == 1) {
    return hn::GetLane(v);
  } else {
    const hn::Half<D> half;
    return fold(half, hn::Add(hn::LowerHalf(half, v), hn::UpperHalf(half, v)));
  }
}

void add_lanes(const float* sums, Index count, double* to) {
  const SumTag d;
  const hn::Rebind<float, SumTag> narrow;
  constexpr Index kSumLanes = static_cast<Index>(hn::MaxLanes(SumTag()));
  constexpr Index kVectors = kDotLanes / kSumLanes;
  for (Index i = 0; i < count; ++i, sums += kDotLanes) {
    hn::Vec<SumTag> v[kVectors];
#pragma GCC unroll 8
    for (Index k = 0; k < kVectors; ++k)
      v[k] = hn::PromoteTo(d, hn::LoadU(narrow, sums + k * kSumLanes));
#pragma GCC unroll 4
    for (Index n = kVectors / 2; n > 0; n /= 2)
#pragma GCC unroll 8
      for (Index k = 0; k < n; ++k) v[k] = hn::Add(v[k], v[k + n]);
    to[i] = fold(d, v[0]);
  }
}

const DotOps* dot_table() {
  static const DotOps table{kDotSums, &run_dot, kMasksMemory ? &run_plane : nullptr, &pick_elements,
                            &add_lanes};
  return &table;
}

#endif

}  // namespace tilewright::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tilewright::cpu {

HWY_EXPORT(dot_table);

const DotOps* dot_ops() { return HWY_DYNAMIC_DISPATCH(dot_table)(); }

}  // namespace tilewright::cpu
#endif
