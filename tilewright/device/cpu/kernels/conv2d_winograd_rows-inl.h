// What the vector code of all Winograd kernels shares: rows loaded where they exist, vectors of
// tiles and rows of results stored, filters gathered; included once per target.
#if defined(TILEWRIGHT_CONV2D_WINOGRAD_ROWS) == defined(HWY_TARGET_TOGGLE)
#ifdef TILEWRIGHT_CONV2D_WINOGRAD_ROWS
#undef TILEWRIGHT_CONV2D_WINOGRAD_ROWS
#else
#define TILEWRIGHT_CONV2D_WINOGRAD_ROWS
#endif

#include <hwy/highway.h>

#include <algorithm>

#include "tilewright/device/cpu/simd_masks-inl.h"
#include "tilewright/geometry/interval.h"

HWY_BEFORE_NAMESPACE();
namespace tilewright::cpu::HWY_NAMESPACE {
#if HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128
namespace hn = hwy::HWY_NAMESPACE;
using Tag = hn::CappedTag<float, 16>;
using Vec = hn::Vec<Tag>;
constexpr Index kLanes = static_cast<Index>(hn::MaxLanes(Tag()));

using Tag64 = hn::CappedTag<double, 8>;
using Vec64 = hn::Vec<Tag64>;
constexpr Index kLanes64 = static_cast<Index>(hn::MaxLanes(Tag64()));

HWY_INLINE Index whole(Index count) { return (count + kLanes - 1) / kLanes * kLanes; }

/// Lanes [begin, end).
HWY_INLINE auto lanes_of(Index begin, Index end) {
  const auto first = [](Index n) {
    return hn::FirstN(Tag(), static_cast<std::size_t>(std::clamp<Index>(n, 0, kLanes)));
  };
  return hn::AndNot(first(begin), first(end));
}

/// Elements [begin, end) of those from p on; the others are zero.
HWY_INLINE Vec load_some(const float* p, Index begin, Index end) {
  const Tag t;
  if (begin <= 0 && end >= kLanes) return hn::LoadU(t, p);
  if constexpr (kMasksMemory) return hn::MaskedLoad(lanes_of(begin, end), t, p);
  HWY_ALIGN float lanes[kLanes] = {};
  for (Index i = std::max<Index>(0, begin); i < std::min(kLanes, end); ++i) lanes[i] = p[i];
  return hn::Load(t, lanes);
}

template <class D, class U>
HWY_INLINE void load_interleaved(D d, const U* from, hn::Vec<D> (&v)[2]) {
  hn::LoadInterleaved2(d, from, v[0], v[1]);
}
template <class D, class U>
HWY_INLINE void load_interleaved(D d, const U* from, hn::Vec<D> (&v)[3]) {
  hn::LoadInterleaved3(d, from, v[0], v[1], v[2]);
}
template <class D, class U>
HWY_INLINE void load_interleaved(D d, const U* from, hn::Vec<D> (&v)[4]) {
  hn::LoadInterleaved4(d, from, v[0], v[1], v[2], v[3]);
}
template <class D, class U>
HWY_INLINE void store_interleaved(D d, const hn::Vec<D> (&v)[2], U* to) {
  hn::StoreInterleaved2(v[0], v[1], d, to);
}
template <class D, class U>
HWY_INLINE void store_interleaved(D d, const hn::Vec<D> (&v)[3], U* to) {
  hn::StoreInterleaved3(v[0], v[1], v[2], d, to);
}
template <class D, class U>
HWY_INLINE void store_interleaved(D d, const hn::Vec<D> (&v)[4], U* to) {
  hn::StoreInterleaved4(v[0], v[1], v[2], v[3], d, to);
}

// One vector of tiles, of which `real` exist, to where there is room for `left`: others are zero.
HWY_INLINE void store_tiles(Vec v, float* to, Index real, Index left) {
  const Tag t;
  if (real < kLanes)
    v = real <= 0 ? hn::Zero(t)
                  : hn::IfThenElseZero(hn::FirstN(t, static_cast<std::size_t>(real)), v);
  if (left >= kLanes)
    hn::StoreU(v, t, to);
  else
    hn::BlendedStore(v, hn::FirstN(t, static_cast<std::size_t>(left)), t, to);
}

// A row of results to come, before it is added to or written.
HWY_INLINE void ask_for_row(const float* to, Index width) {
  constexpr Index kLine = 16;
  for (Index x = 0; x < width; x += kLine) __builtin_prefetch(to + x, 1);
  if (width > 0) __builtin_prefetch(to + width - 1, 1);
}

// One row of results: from `from` to dst, with what is there and the bias.
template <class Result>
HWY_INLINE void put_row(const Result& job, const float* from, float* to) {
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
    if (kMasksMemory && x < job.width) {
      const auto rest = hn::FirstN(t, static_cast<std::size_t>(job.width - x));
      const Vec held = job.first ? hn::Zero(t) : hn::MaskedLoad(rest, t, to + x);
      hn::BlendedStore(sum(hn::LoadU(t, from + x), held), rest, t, to + x);
    }
    if constexpr (kMasksMemory) return;
  }
  for (; x < job.width; ++x) {
    float v = from[x];
    float& at = to[x * job.dst_step];
    if (!job.first) v = at + v;
    at = job.bias != nullptr ? v + *job.bias : v;
  }
}

// One vector of weights' factors, rounded; `count` of them are stored.
HWY_INLINE void store_factors(Vec64 v, float* to, Index count) {
  const hn::Rebind<float, Tag64> narrow;
  const auto rounded = hn::DemoteTo(narrow, v);
  if (count == kLanes64) return hn::StoreU(rounded, narrow, to);
  HWY_ALIGN float lanes[kLanes64];
  hn::Store(rounded, narrow, lanes);
  for (Index l = 0; l < count; ++l) to[l] = lanes[l];
}

// Filters that are gathered at once: what was just stored element by element is slow to load whole.
constexpr Index kFilters = 4 * kLanes64;
// Input channels for whose filters memory is asked early.
constexpr Index kInputsAhead = 16;

// f(taps, begin, count) for vectors of filters: tap (y, x) of filter begin + l, counted input
// channel by input channel, is taps[(Across * y + x) * kFilters + l].
template <int Down, int Across, class Weights, class F>
HWY_INLINE void each_filters(const Weights& job, F&& f) {
  HWY_ALIGN double taps[Down * Across * kFilters] = {};
  const Index all = job.inputs * job.outputs;
  Index k = 0, c = 0;
  for (Index first = 0; first < all; first += kFilters) {
    const Index gathered = std::min(kFilters, all - first);
    for (Index l = 0; l < gathered; ++l) {
      const float* from = job.weights + c * job.output + k * job.input;
      __builtin_prefetch(from + kInputsAhead * job.input);
      for (Index y = 0; y < Down; ++y)
        for (Index x = 0; x < Across; ++x)
          taps[(Across * y + x) * kFilters + l] =
              static_cast<double>(from[y * job.row + x * job.column]);
      if (++c == job.outputs) c = 0, ++k;
    }
    for (Index l = 0; l < gathered; l += kLanes64)
      f(taps + l, first + l, std::min(kLanes64, gathered - l));
  }
}

#endif
}  // namespace tilewright::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
