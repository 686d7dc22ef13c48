// The sums of a register tile of V spots times C channels, and the loops that add products to them;
// included once per target.
#if defined(TILEWRIGHT_CONV2D_DIRECT_PRODUCTS) == defined(HWY_TARGET_TOGGLE)
#ifdef TILEWRIGHT_CONV2D_DIRECT_PRODUCTS
#undef TILEWRIGHT_CONV2D_DIRECT_PRODUCTS
#else
#define TILEWRIGHT_CONV2D_DIRECT_PRODUCTS
#endif

#include <hwy/highway.h>

#include "tilewright/device/cpu/kernels/conv2d_direct_ops.h"
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

/// One loop reads an offset for each product, the others fewer. Each has tiles of its own: several
/// in one function would move sums between registers.
enum class Loop {
  kAny,
  kThrees,
  kThreesBack,
  kFarThrees,
  kFarThreesBack,
  kSlottedThrees,
  kRows,
  kRowsBack,
  kSlottedRows
};
inline constexpr int kLoops = static_cast<int>(Loop::kSlottedRows) + 1;

/// Elements from tap to tap, in a row or in a slot of it, for each Loop.
inline constexpr int kTapSteps[kLoops] = {1, 1, -1, 2, -2, 1, 1, -1, 1};

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
  constexpr int kAtOnce = products_at_once(V, C);
  constexpr int kStep = kTapSteps[static_cast<int>(L)] * static_cast<int>(sizeof(T));
  constexpr bool kSlots = L == Loop::kSlottedThrees || L == Loop::kSlottedRows;
  const Index* const end = offsets + depth;
  const T *src[V], *other[V];
#pragma GCC unroll 16
  for (int v = 0; v < V; ++v) {
    src[v] = other[v] = job.src + spots[v].src;
    asm volatile("" : "+r"(src[v]));  // else each address is computed from another's
    if constexpr (kSlots) {
      other[v] += rows.slot / static_cast<Index>(sizeof(T));
      asm volatile("" : "+r"(other[v]));
    }
  }
  if constexpr (L >= Loop::kRows) {
    add_rows<kStep, kSlots>(src, other, rows.taps, offsets, end, w, sum);
  } else if constexpr (L != Loop::kAny) {
    add_threes<kStep, kSlots>(src, other, offsets, end, w, sum);
  } else {
    const Index* const stop = offsets + (end - offsets) / kAtOnce * kAtOnce;
    for (; offsets != stop; offsets += kAtOnce, w += kAtOnce * C)
#pragma GCC unroll 16
      for (int i = 0; i < kAtOnce; ++i) add_product<0>(src, offsets[i], w + i * C, sum);
    if constexpr (kAtOnce > 1)
      for (; offsets != end; ++offsets, w += C) add_product<0>(src, *offsets, w, sum);
  }
}

#endif
}  // namespace tilewright::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
