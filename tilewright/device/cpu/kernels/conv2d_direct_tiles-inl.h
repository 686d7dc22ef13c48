// Register tiles of V spots times C channels; included once per target.
#if defined(TILEWRIGHT_CONV2D_DIRECT_TILES) == defined(HWY_TARGET_TOGGLE)
#ifdef TILEWRIGHT_CONV2D_DIRECT_TILES
#undef TILEWRIGHT_CONV2D_DIRECT_TILES
#else
#define TILEWRIGHT_CONV2D_DIRECT_TILES
#endif

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <algorithm>

#include <utility>

#include "tilewright/device/cpu/kernels/conv2d_direct_ops.h"
#include "tilewright/device/cpu/simd_masks-inl.h"
#include "tilewright/device/cpu/simd_multiply_add-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilewright::cpu::HWY_NAMESPACE {
#if HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128
namespace hn = hwy::HWY_NAMESPACE;

template <class T>
using Tag = hn::CappedTag<T, 64 / sizeof(T)>;
template <class T>
inline constexpr int kLanes = static_cast<int>(hn::MaxLanes(Tag<T>()));

// Sums take three quarters of the vector registers: 12 of 16, or 24 of 32.
inline constexpr int kSums = HWY_TARGET == HWY_AVX2 ? 12 : 24;
inline constexpr int kMaxChannels = 6;
inline constexpr int kMaxSpots = 8;
constexpr int spots_per_tile(int channels) {
  return kSums / channels < kMaxSpots ? kSums / channels : kMaxSpots;
}

/// How the sums of some spots meet dst: lane by lane, as whole vectors, or past the caches.
enum class Meets { kLanes, kWhole, kStream };

template <class T>
Meets meeting(const TileJob<T>& job, const Spot* spots, int count) {
  constexpr Index kBytes = kLanes<T> * static_cast<Index>(sizeof(T));
  bool whole = job.dst_lane_stride == 1;
  bool aligned = job.dst_channel_stride % kLanes<T> == 0;
  for (int i = 0; i < count; ++i) {
    whole &= spots[i].end - spots[i].begin == kLanes<T>;
    aligned &= reinterpret_cast<std::uintptr_t>(job.dst + spots[i].dst) % kBytes == 0;
  }
  if (!whole) return Meets::kLanes;
  return job.stream && aligned ? Meets::kStream : Meets::kWhole;
}

/// Lanes [begin, end).
template <class T>
HWY_INLINE auto lanes_in(Index begin, Index end) {
  const Tag<T> d;
  const auto first = [d](Index n) {
    return hn::FirstN(d, static_cast<std::size_t>(std::clamp<Index>(n, 0, kLanes<T>)));
  };
  return hn::AndNot(first(begin), first(end));
}

/// Every other lane, as far as it holds one of [begin, end), counted in pairs of lanes.
template <class T>
HWY_INLINE auto even_lanes_in(Index begin, Index end) {
  const Tag<T> d;
  const hn::RebindToUnsigned<Tag<T>> u;
  const auto odd = hn::And(hn::Iota(u, 0), hn::Set(u, 1));
  return hn::And(hn::RebindMask(d, hn::Eq(odd, hn::Zero(u))), lanes_in<T>(2 * begin, 2 * end));
}

/// Each of the lanes from `first` on twice.
template <class T>
HWY_INLINE hn::Vec<Tag<T>> doubled(hn::Vec<Tag<T>> v, int first) {
  const Tag<T> d;
  const hn::RebindToSigned<Tag<T>> i;
  using Lane = hn::TFromD<decltype(i)>;
  const auto from =
      hn::Add(hn::ShiftRight<1>(hn::Iota(i, Lane{0})), hn::Set(i, static_cast<Lane>(first)));
  return hn::TableLookupLanes(v, hn::IndicesFromVec(d, from));
}

template <bool Whole, class T>
HWY_INLINE hn::Vec<Tag<T>> load_lanes(const T* p, Index stride, const Spot& s) {
  const Tag<T> d;
  if constexpr (Whole) return hn::LoadU(d, p);
  constexpr Index kHalf = kLanes<T> / 2;
  if (kMasksMemory && stride == 1) return hn::MaskedLoad(lanes_in<T>(s.begin, s.end), d, p);
  if (kMasksMemory && stride == 2)
    return hn::ConcatEven(
        d, hn::MaskedLoad(even_lanes_in<T>(s.begin - kHalf, s.end - kHalf), d, p + kLanes<T>),
        hn::MaskedLoad(even_lanes_in<T>(s.begin, s.end), d, p));
  HWY_ALIGN T lanes[kLanes<T>] = {};
  for (int i = s.begin; i < s.end; ++i) lanes[i] = p[i * stride];
  return hn::Load(d, lanes);
}

template <bool Whole, class T>
HWY_INLINE void store_lanes(hn::Vec<Tag<T>> v, T* p, Index stride, const Spot& s) {
  const Tag<T> d;
  if constexpr (Whole) return hn::StoreU(v, d, p);
  constexpr int kHalf = kLanes<T> / 2;
  if (kMasksMemory && stride == 1) return hn::BlendedStore(v, lanes_in<T>(s.begin, s.end), d, p);
  if (kMasksMemory && stride == 2) {
    hn::BlendedStore(doubled<T>(v, 0), even_lanes_in<T>(s.begin, s.end), d, p);
    const auto rest = even_lanes_in<T>(s.begin - kHalf, s.end - kHalf);
    return hn::BlendedStore(doubled<T>(v, kHalf), rest, d, p + kLanes<T>);
  }
  HWY_ALIGN T lanes[kLanes<T>];
  hn::Store(v, d, lanes);
  for (int i = s.begin; i < s.end; ++i) p[i * stride] = lanes[i];
}

/// The sums of V spots and C channels, from dst.
template <bool Whole, int V, int C, class T>
HWY_INLINE void load_sums(const TileJob<T>& job, const Spot* spots, const T* dst,
                          hn::Vec<Tag<T>> (&sum)[V][C]) {
#pragma GCC unroll 16
  for (int c = 0; c < C; ++c, dst += job.dst_channel_stride)
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v)
      sum[v][c] = load_lanes<Whole>(dst + spots[v].dst, job.dst_lane_stride, spots[v]);
}

template <int V, int C, class T>
HWY_INLINE void stream_sums(const TileJob<T>& job, const Spot* spots, T* dst,
                            const hn::Vec<Tag<T>> (&sum)[V][C]) {
  const Tag<T> d;
#pragma GCC unroll 16
  for (int c = 0; c < C; ++c, dst += job.dst_channel_stride)
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v) hn::Stream(sum[v][c], d, dst + spots[v].dst);
}

template <bool Whole, int V, int C, class T>
HWY_INLINE void store_sums(const TileJob<T>& job, const Spot* spots, T* dst,
                           const hn::Vec<Tag<T>> (&sum)[V][C]) {
#pragma GCC unroll 16
  for (int c = 0; c < C; ++c, dst += job.dst_channel_stride)
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v)
      store_lanes<Whole>(sum[v][c], dst + spots[v].dst, job.dst_lane_stride, spots[v]);
}

// With 16 registers the loop around a product takes as many instructions as two of its sums.
constexpr int products_at_once(int spots, int channels) {
  const bool large = spots * channels == kSums && spots <= 4;
  return HWY_TARGET == HWY_AVX2 && (large || (spots == 2 && channels >= 4)) ? 4 : 1;
}

/// The vector `bytes + More` behind p. With AVX2 both become part of the address for certain:
/// compilers would add them first, for several loads at once.
template <int More, class T>
HWY_INLINE hn::Vec<Tag<T>> load_behind(const T* p, Index bytes) {
#if HWY_TARGET == HWY_AVX2
  hn::Vec<Tag<T>> v;
  asm volatile("vmovups %c3(%1,%2), %0"
               : "=x"(v.raw)
               : "r"(p), "r"(bytes), "i"(More), "m"(*reinterpret_cast<const T(*)[]>(p)));
  return v;
#else
  return hn::LoadU(Tag<T>(),
                   reinterpret_cast<const T*>(reinterpret_cast<const char*>(p) + bytes + More));
#endif
}

template <bool InPlace, class T>
HWY_INLINE void add_one(hn::Vec<Tag<T>> factor, hn::Vec<Tag<T>> x, hn::Vec<Tag<T>>& sum) {
  if constexpr (InPlace)
    add_in_place(sum, factor, x);
  else
    sum = hn::MulAdd(factor, x, sum);
}

/// Of the source and the factors, the fewer are held in registers and the others pass by.
template <int More, int V, int C, class T>
HWY_INLINE void add_product(const T* const (&src)[V], Index bytes, const T* HWY_RESTRICT w,
                            hn::Vec<Tag<T>> (&sum)[V][C]) {
  constexpr bool kInPlace = products_at_once(V, C) > 1;
  const Tag<T> d;
  if constexpr (C < V) {
    hn::Vec<Tag<T>> factor[C];
#pragma GCC unroll 16
    for (int c = 0; c < C; ++c) factor[c] = hn::Set(d, w[c]);
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v) {
      const auto x = load_behind<More>(src[v], bytes);
#pragma GCC unroll 16
      for (int c = 0; c < C; ++c) add_one<kInPlace, T>(factor[c], x, sum[v][c]);
    }
  } else {
    hn::Vec<Tag<T>> x[V];
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v) x[v] = load_behind<More>(src[v], bytes);
#pragma GCC unroll 16
    for (int c = 0; c < C; ++c) {
      const auto factor = hn::Set(d, w[c]);
#pragma GCC unroll 16
      for (int v = 0; v < V; ++v) add_one<kInPlace, T>(factor, x[v], sum[v][c]);
    }
  }
  // Loads that are moved up here would spill sums.
  if constexpr (kInPlace) asm volatile("" ::: "memory");
}

/// `Count` products of taps in a row, Step apart; with `other`, each second one is there.
template <int Count, int Step, bool Slots, int V, int C, class T>
HWY_INLINE void add_taps(const T* const (&src)[V], const T* const (&other)[V], Index bytes,
                         const T* w, hn::Vec<Tag<T>> (&sum)[V][C]) {
  add_product<0>(src, bytes, w, sum);
  if constexpr (Slots) {
    if constexpr (Count > 1) add_product<0>(other, bytes, w + C, sum);
    if constexpr (Count > 2)
      add_taps<Count - 2, Step, true>(src, other, bytes + Step, w + 2 * C, sum);
  } else {
    if constexpr (Count > 1) add_product<Step>(src, bytes, w + C, sum);
    if constexpr (Count > 2) add_product<2 * Step>(src, bytes, w + 2 * C, sum);
    if constexpr (Count > 3)
      add_taps<Count - 3, Step, false>(src, other, bytes + 3 * Step, w + 3 * C, sum);
  }
}

/// Products whose offsets come in threes, six at a time: one is read for all three.
template <int Step, bool Slots, int V, int C, class T>
HWY_INLINE void add_threes(const T* const (&src)[V], const T* const (&other)[V],
                           const Index* offsets, const Index* end, const T* w,
                           hn::Vec<Tag<T>> (&sum)[V][C]) {
  const Index* const stop = offsets + (end - offsets) / 6 * 6;
  for (; offsets != stop; offsets += 6, w += 6 * C) {
    add_taps<3, Step, Slots>(src, other, offsets[0], w, sum);
    add_taps<3, Step, Slots>(src, other, offsets[3], w + 3 * C, sum);
  }
  if (offsets != end) add_taps<3, Step, Slots>(src, other, *offsets, w, sum);
}

/// Products in rows of six taps or more.
template <int Step, bool Slots, int V, int C, class T>
HWY_INLINE void add_rows(const T* const (&src)[V], const T* const (&other)[V], Index taps,
                         const Index* offsets, const Index* end, const T* w,
                         hn::Vec<Tag<T>> (&sum)[V][C]) {
  constexpr Index kSix = (Slots ? 3 : 6) * Step;
  for (; offsets != end; offsets += taps) {
    Index bytes = *offsets, left = taps;
    for (; left >= 6; left -= 6, bytes += kSix, w += 6 * C)
      add_taps<6, Step, Slots>(src, other, bytes, w, sum);
    for (; left >= 2; left -= 2, bytes += Slots ? Step : 2 * Step, w += 2 * C)
      add_taps<2, Step, Slots>(src, other, bytes, w, sum);
    if (left == 0) continue;
    add_product<0>(src, bytes, w, sum);
    w += C;
  }
}

/// Loops that read few offsets. Each has tiles of its own: several in one function would move sums
/// between registers.
enum class Loop {
  kAny,
  kThrees,
  kThreesBack,
  kFarThrees,
  kFarThreesBack,
  kRows,
  kRowsBack,
  kSlottedThrees,
  kSlottedRows
};
inline constexpr int kLoops = 9;
template <Loop L>
inline constexpr bool kBack =
    L == Loop::kThreesBack || L == Loop::kFarThreesBack || L == Loop::kRowsBack;
template <Loop L>
inline constexpr bool kFar = L == Loop::kFarThrees || L == Loop::kFarThreesBack;
template <Loop L>
inline constexpr bool kThrees =
    kFar<L> || L == Loop::kThrees || L == Loop::kThreesBack || L == Loop::kSlottedThrees;

template <class T>
Loop loop_for(const TapRows& rows) {
  constexpr Index kNext = sizeof(T), kLong = 6;
  const auto pick = [&](Index next, Loop loop, Loop back) {
    return rows.next == next ? loop : rows.next == -next ? back : Loop::kAny;
  };
  if (rows.taps == 0) return Loop::kAny;
  if (rows.slot != 0) {
    if (rows.taps == 3) return pick(kNext, Loop::kSlottedThrees, Loop::kAny);
    return rows.taps < kLong ? Loop::kAny : pick(kNext, Loop::kSlottedRows, Loop::kAny);
  }
  if (rows.taps % 3 != 0)
    return rows.taps < kLong ? Loop::kAny : pick(kNext, Loop::kRows, Loop::kRowsBack);
  const Loop near = pick(kNext, Loop::kThrees, Loop::kThreesBack);
  return near != Loop::kAny ? near : pick(2 * kNext, Loop::kFarThrees, Loop::kFarThreesBack);
}

template <Loop L, int V, int C, class T>
HWY_INLINE void add_products(const TileJob<T>& job, const Index* offsets, Index depth,
                             const TapRows& rows, const Spot* spots, const T* w,
                             hn::Vec<Tag<T>> (&sum)[V][C]) {
  constexpr int kAtOnce = products_at_once(V, C), kNext = sizeof(T);
  constexpr bool kSlots = L == Loop::kSlottedThrees || L == Loop::kSlottedRows;
  const Index* const end = offsets + depth;
  const T *src[V], *other[V];
#pragma GCC unroll 16
  for (int v = 0; v < V; ++v) {
    src[v] = other[v] = job.src + spots[v].src;
    asm volatile("" : "+r"(src[v]));  // else each address is computed from another's
    if constexpr (kSlots) {
      other[v] += rows.slot / kNext;
      asm volatile("" : "+r"(other[v]));
    }
  }
  constexpr int kStep = (kBack<L> ? -1 : 1) * (kFar<L> ? 2 : 1) * kNext;
  if constexpr (kThrees<L>) return add_threes<kStep, kSlots>(src, other, offsets, end, w, sum);
  if constexpr (L == Loop::kRows || L == Loop::kRowsBack || L == Loop::kSlottedRows)
    return add_rows<kStep, kSlots>(src, other, rows.taps, offsets, end, w, sum);
  if constexpr (kAtOnce > 1) {
    const Index* const stop = offsets + (end - offsets) / kAtOnce * kAtOnce;
    for (; offsets != stop; offsets += kAtOnce, w += kAtOnce * C)
#pragma GCC unroll 16
      for (int i = 0; i < kAtOnce; ++i) add_product<0>(src, offsets[i], w + i * C, sum);
  }
  for (; offsets != end; ++offsets, w += C) add_product<0>(src, *offsets, w, sum);
}

/// Sums that wait between two parts of them.
template <int V, int C, class T>
HWY_INLINE void resume_sums(const T* waiting, hn::Vec<Tag<T>> (&sum)[V][C]) {
  const Tag<T> d;
#pragma GCC unroll 16
  for (int c = 0; c < C; ++c)
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v) sum[v][c] = hn::Load(d, waiting + (c * V + v) * kLanes<T>);
}

template <int V, int C, class T>
HWY_INLINE void put_aside(const hn::Vec<Tag<T>> (&sum)[V][C], T* waiting) {
  const Tag<T> d;
#pragma GCC unroll 16
  for (int c = 0; c < C; ++c)
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v) hn::Store(sum[v][c], d, waiting + (c * V + v) * kLanes<T>);
}

template <Loop L, int V, int C, class T>
HWY_NOINLINE void tile(const TileJob<T>& job, const Spot* spots, const T* w, Index channel,
                       T* waiting, Meets meets) {
  const Tag<T> d;
  hn::Vec<Tag<T>> sum[V][C];
  T* const dst = job.dst + channel * job.dst_channel_stride;
  const bool whole = meets != Meets::kLanes;
  if (job.resume) {
    resume_sums(waiting, sum);
  } else if (job.first) {
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v)
#pragma GCC unroll 16
      for (int c = 0; c < C; ++c) sum[v][c] = hn::Zero(d);
  } else {
    whole ? load_sums<true>(job, spots, dst, sum) : load_sums<false>(job, spots, dst, sum);
  }
  add_products<L>(job, job.offsets, job.depth, job.rows, spots, w, sum);
  if (!job.last) return put_aside(sum, waiting);
  if (job.bias != nullptr) {
#pragma GCC unroll 16
    for (int c = 0; c < C; ++c) {
      const auto bias = hn::Set(d, job.bias[(channel + c) * job.bias_step]);
#pragma GCC unroll 16
      for (int v = 0; v < V; ++v) sum[v][c] = hn::Add(sum[v][c], bias);
    }
  }
  if (meets == Meets::kStream) return stream_sums(job, spots, dst, sum);
  whole ? store_sums<true>(job, spots, dst, sum) : store_sums<false>(job, spots, dst, sum);
}

/// Outputs at 2*i and 2*i + 1 in the lanes i of two vectors, from dst.
template <class T>
HWY_INLINE void load_pairs(const T* p, int count, hn::Vec<Tag<T>>& even, hn::Vec<Tag<T>>& odd) {
  const Tag<T> d;
  if (count == 2 * kLanes<T>) return hn::LoadInterleaved2(d, p, even, odd);
  HWY_ALIGN T lanes[2 * kLanes<T>] = {};
  if constexpr (kMasksMemory) {  // a call of memcpy would put all sums into memory, loops included
    const auto rest = lanes_in<T>(0, count - kLanes<T>);
    hn::Store(hn::MaskedLoad(lanes_in<T>(0, count), d, p), d, lanes);
    hn::Store(hn::MaskedLoad(rest, d, p + kLanes<T>), d, lanes + kLanes<T>);
  } else {
    for (int i = 0; i < count; ++i) lanes[i] = p[i];
  }
  hn::LoadInterleaved2(d, lanes, even, odd);
}

template <class T>
HWY_INLINE void store_pairs(hn::Vec<Tag<T>> even, hn::Vec<Tag<T>> odd, T* p, int count) {
  const Tag<T> d;
  if (count == 2 * kLanes<T>) return hn::StoreInterleaved2(even, odd, d, p);
  HWY_ALIGN T lanes[2 * kLanes<T>];
  hn::StoreInterleaved2(even, odd, d, lanes);
  if constexpr (kMasksMemory) {
    const auto rest = lanes_in<T>(0, count - kLanes<T>);
    hn::BlendedStore(hn::Load(d, lanes), lanes_in<T>(0, count), d, p);
    hn::BlendedStore(hn::Load(d, lanes + kLanes<T>), rest, d, p + kLanes<T>);
  } else {
    for (int i = 0; i < count; ++i) p[i] = lanes[i];
  }
}

/// Adds products to sums that wait, or to +0. A function of its own, so that they stay in
/// registers.
template <Loop L, int V, int C, class T>
HWY_NOINLINE void add_phase(const TileJob<T>& job, const TwinJob<T>& phase, const Spot* spots,
                            bool zero, T* waiting) {
  hn::Vec<Tag<T>> sum[V][C];
  if (zero) {
#pragma GCC unroll 16
    for (int c = 0; c < C; ++c)
#pragma GCC unroll 16
      for (int v = 0; v < V; ++v) sum[v][c] = hn::Zero(Tag<T>());
  } else {
    resume_sums(waiting, sum);
  }
  add_products<L>(job, phase.offsets, phase.depth, phase.rows, spots, phase.panels, sum);
  put_aside(sum, waiting);
}

template <class T>
using PhaseFunction = void (*)(const TileJob<T>&, const TwinJob<T>&, const Spot*, bool, T*);

template <int V, int C, class T>
PhaseFunction<T> pick_phase(const TapRows& rows) {
  if constexpr (products_at_once(V, C) > 1) {  // phases are of transposed convolutions
    const Loop loop = loop_for<T>(rows);
    if (loop == Loop::kThreesBack) return &add_phase<Loop::kThreesBack, V, C, T>;
    if (loop == Loop::kRowsBack) return &add_phase<Loop::kRowsBack, V, C, T>;
  }
  return &add_phase<Loop::kAny, V, C, T>;
}

/// V spots and C channels of a job with a twin: one after the other, since both at once would have
/// half as many sums each.
template <int V, int C, class T>
HWY_NOINLINE void twin_tile(const TileJob<T>& job, const Spot* spots, const T* w, Index channel,
                            T* waiting, Meets) {
  constexpr Index kOne = static_cast<Index>(V) * C * kLanes<T>;
  const Tag<T> d;
  HWY_ALIGN T here[2 * kOne];
  if (waiting == nullptr) waiting = here;
  T* const dst = job.dst + channel * job.dst_channel_stride;
  const auto each = [&](auto&& f) {
    for (Index c = 0; c < C; ++c)
      for (Index v = 0; v < V; ++v)
        f(dst + c * job.dst_channel_stride + spots[v].dst, spots[v].end,
          waiting + (c * V + v) * kLanes<T>);
  };
  const bool zero = job.first && !job.resume;
  if (!zero && !job.resume)
    each([&](const T* p, int count, T* even) HWY_ATTR {
      hn::Vec<Tag<T>> at_even, at_odd;
      load_pairs(p, count, at_even, at_odd);
      hn::Store(at_even, d, even);
      hn::Store(at_odd, d, even + kOne);
    });
  TwinJob<T> twin = job.twin;
  twin.panels += channel * twin.depth;
  pick_phase<V, C, T>(job.rows)(job, {job.offsets, w, job.depth, job.rows}, spots, zero, waiting);
  pick_phase<V, C, T>(twin.rows)(job, twin, spots, zero, waiting + kOne);
  if (!job.last) return;
  each([&](T* p, int count, const T* even)
           HWY_ATTR { store_pairs(hn::Load(d, even), hn::Load(d, even + kOne), p, count); });
}

template <class T>
using TileFunction = void (*)(const TileJob<T>&, const Spot*, const T*, Index, T*, Meets);

template <class T, int V, int C, int... L>
TileFunction<T> pick_loop(Loop loop, std::integer_sequence<int, L...>) {
  static constexpr TileFunction<T> kTable[] = {&tile<static_cast<Loop>(L), V, C, T>...};
  return kTable[sizeof...(L) == 1 ? 0 : static_cast<int>(loop)];
}

/// Entry v-1 picks the tile of v spots.
template <class T, int C, int... V>
TileFunction<T> pick_spots(Loop loop, int spots, std::integer_sequence<int, V...>) {
  using Pick = TileFunction<T> (*)(Loop);
  static constexpr Pick kTable[] = {[](Loop l) {
    constexpr int kOwn = products_at_once(V + 1, C) > 1 ? kLoops : 1;
    return pick_loop<T, V + 1, C>(l, std::make_integer_sequence<int, kOwn>());
  }...};
  return kTable[spots - 1](loop);
}
template <class T, int C, int... V>
TileFunction<T> pick_twin_spots(int spots, std::integer_sequence<int, V...>) {
  static constexpr TileFunction<T> kTable[] = {&twin_tile<V + 1, C, T>...};
  return kTable[spots - 1];
}

template <class T, int... C>
TileFunction<T> pick_tile(bool twin, Loop loop, int spots, int channels,
                          std::integer_sequence<int, C...>) {
  using Pick = TileFunction<T> (*)(Loop, int);
  static constexpr Pick kTable[] = {[](Loop l, int v) {
    return pick_spots<T, C + 1>(l, v, std::make_integer_sequence<int, spots_per_tile(C + 1)>());
  }...};
  static constexpr Pick kTwins[] = {[](Loop, int v) {
    return pick_twin_spots<T, C + 1>(v, std::make_integer_sequence<int, spots_per_tile(C + 1)>());
  }...};
  return (twin ? kTwins : kTable)[channels - 1](loop, spots);
}

/// Asks for the sums of a tile to come. Planes of dst are often a power of two apart, where neither
/// caches nor hardware prefetchers help.
template <class T>
void prefetch_sums(const TileJob<T>& job, const Spot* spots, int count, Index channel, int width) {
  const T* dst = job.dst + channel * job.dst_channel_stride;
  for (int c = 0; c < width; ++c, dst += job.dst_channel_stride)
    for (int v = 0; v < count; ++v) __builtin_prefetch(dst + spots[v].dst, 1);
}

/// Asks for memory that is read later, some lines at a time.
class AheadLines {
 public:
  AheadLines(const Ahead& ahead, Index calls) : a_(ahead), channel_(ahead.at), row_(ahead.at) {
    const Index lines = (a_.bytes + kLine - 1) / kLine + 1;  // wherever a run begins
    each_ = (a_.channels * a_.rows * lines + calls - 1) / calls;
  }
  void ask() {
    for (Index i = 0; i < each_ && c_ < a_.channels; ++i) {
      __builtin_prefetch(row_ + std::min(x_, a_.bytes - 1), 0, 2);
      if ((x_ += kLine) < a_.bytes + kLine) continue;
      x_ = 0;
      row_ += a_.row_stride;
      if (++y_ < a_.rows) continue;
      y_ = 0;
      ++c_;
      row_ = channel_ += a_.channel_stride;
    }
  }

 private:
  static constexpr Index kLine = 64;
  const Ahead& a_;
  const char *channel_, *row_;
  Index each_ = 0, x_ = 0, y_ = 0, c_ = 0;
};

/// Spots outermost: their source stays in the first-level cache while the panels stream by.
template <class T>
void tiles(const TileJob<T>& job) {
  constexpr Index kWorthPrefetch = 64;
  const bool prefetch = job.last && !job.stream && job.depth >= kWorthPrefetch;
  const bool twin = job.twin.depth > 0;
  const Index waiting_size = (twin ? 2 : 1) * kLanes<T>;  // of a spot and channel
  const Loop loop = loop_for<T>(job.rows);
  const auto widest = static_cast<int>(job.panel_width);
  const Index most = spots_per_tile(widest);
  const auto last = static_cast<int>(job.channels - (job.channels - 1) / widest * widest);
  AheadLines ahead(job.ahead,
                   (job.spot_count + most - 1) / most * ((job.channels + widest - 1) / widest));
  for (Index s = 0; s < job.spot_count; s += most) {
    const Spot* const spots = job.spots + s;
    const int count = static_cast<int>(std::min(most, job.spot_count - s));
    const auto pick = [&](int width) {
      return pick_tile<T>(twin, loop, count, width,
                          std::make_integer_sequence<int, kMaxChannels>());
    };
    const TileFunction<T> run_full = pick(widest), run_last = pick(last);
    const Meets meets = meeting(job, spots, count);
    for (Index c = 0; c < job.channels; c += widest) {
      const bool wrap = c + widest >= job.channels;
      const int width = wrap ? last : widest;
      if (prefetch) {
        const Index next = wrap ? s + most : s;
        if (next + count <= job.spot_count)
          prefetch_sums(job, job.spots + next, count, wrap ? 0 : c + widest, width);
      }
      const T* const panel = job.panels + c * job.panel_depth + job.panel_first * width;
      T* const waiting =
          job.sums == nullptr ? nullptr : job.sums + (s * job.channels + c * count) * waiting_size;
      ahead.ask();
      (wrap ? run_last : run_full)(job, spots, panel, c, waiting, meets);
    }
  }
  if (job.stream) hwy::FlushStream();
}

/// to[k * 6 + c] = from[c * channel_stride + k], eight or four k at a time; how many k that were.
template <class T>
HWY_INLINE Index interleave_six(const T* HWY_RESTRICT from, Index channel_stride, Index depth,
                                T* HWY_RESTRICT to) {
  Index k = 0;
  if constexpr (sizeof(T) == sizeof(float)) {
    constexpr Index kLine = 16;
    const hn::CappedTag<std::uint64_t, 8> pairs;
    const hn::Rebind<std::uint32_t, decltype(pairs)> bits;
    const auto step = static_cast<Index>(hn::Lanes(pairs));
    const auto* const in = reinterpret_cast<const std::uint32_t*>(from);
    // Two channels side by side in lanes twice as wide.
    const auto pair = [&](Index c, Index k) {
      const auto low = hn::PromoteTo(pairs, hn::LoadU(bits, in + c * channel_stride + k));
      const auto high = hn::PromoteTo(pairs, hn::LoadU(bits, in + (c + 1) * channel_stride + k));
      return hn::Or(low, hn::ShiftLeft<32>(high));
    };
    for (; k + step <= depth; k += step) {
      if (k % kLine == 0)  // of the next panel: each of its rows is far from the one before
        for (Index c = 6; c < 12; ++c) __builtin_prefetch(in + c * channel_stride + k);
      hn::StoreInterleaved3(pair(0, k), pair(2, k), pair(4, k), pairs,
                            reinterpret_cast<std::uint64_t*>(to + 6 * k));
    }
  }
  return k;
}

/// to[k * width + c] = from[c * channel_stride + offsets[k]], for channels that lie close together.
template <class T>
HWY_INLINE void gather_channels(const T* HWY_RESTRICT from, Index channel_stride,
                                const Index* HWY_RESTRICT offsets, Index width, Index depth,
                                T* HWY_RESTRICT to) {
  if (width != 6) {
    for (Index k = 0; k < depth; ++k)
      for (Index c = 0; c < width; ++c) to[k * width + c] = from[c * channel_stride + offsets[k]];
    return;
  }
  for (Index k = 0; k < depth; ++k) {
    const T* const in = from + offsets[k];
    __builtin_prefetch(in + 6 * channel_stride);  // of the next panel
#pragma GCC unroll 6
    for (Index c = 0; c < 6; ++c) to[6 * k + c] = in[c * channel_stride];
  }
}

template <class T>
void pack_panels(const T* HWY_RESTRICT weights, Index channel_stride,
                 const Index* HWY_RESTRICT offsets, Index channels, Index width, Index depth,
                 T* HWY_RESTRICT panels) {
  const bool dense = offsets[depth - 1] - offsets[0] == depth - 1;  // they ascend
  for (Index begin = 0; begin < channels; begin += width) {
    const Index wide = std::min(width, channels - begin);
    const T* from = weights + begin * channel_stride;
    T* const to = panels + begin * depth;
    const Index done =
        dense && wide == 6 ? interleave_six(from + offsets[0], channel_stride, depth, to) : 0;
    // The inner loop goes along what lies close together.
    if (channel_stride < depth) {
      gather_channels(from, channel_stride, offsets + done, wide, depth - done, to + done * wide);
      continue;
    }
    for (Index c = 0; c < wide; ++c)
      for (Index k = done; k < depth; ++k) to[k * wide + c] = from[c * channel_stride + offsets[k]];
  }
}

#endif
}  // namespace tilewright::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
