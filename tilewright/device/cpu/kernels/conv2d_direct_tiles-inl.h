// Register tiles of V spots times C channels; included once per target.
#if defined(TILEWRIGHT_CONV2D_DIRECT_TILES) == defined(HWY_TARGET_TOGGLE)
#ifdef TILEWRIGHT_CONV2D_DIRECT_TILES
#undef TILEWRIGHT_CONV2D_DIRECT_TILES
#else
#define TILEWRIGHT_CONV2D_DIRECT_TILES
#endif

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

/// Six at a time of products whose offsets come in threes, Step apart: one is read for all three.
template <int Step, int V, int C, class T>
HWY_INLINE void add_triples(const T* const (&src)[V], const Index*& offsets, const Index* end,
                            const T*& w, hn::Vec<Tag<T>> (&sum)[V][C]) {
  const Index* const stop = offsets + (end - offsets) / 6 * 6;
  for (; offsets != stop; offsets += 6, w += 6 * C)
#pragma GCC unroll 16
    for (int i = 0; i < 6; i += 3) {
      const Index bytes = offsets[i];
      add_product<0>(src, bytes, w + i * C, sum);
      add_product<Step>(src, bytes, w + (i + 1) * C, sum);
      add_product<2 * Step>(src, bytes, w + (i + 2) * C, sum);
    }
}

template <int V, int C, class T>
HWY_INLINE void add_products(const TileJob<T>& job, const Index* offsets, Index depth,
                             Index triple_step, const Spot* spots, const T* w,
                             hn::Vec<Tag<T>> (&sum)[V][C]) {
  constexpr int kAtOnce = products_at_once(V, C), kNext = sizeof(T);
  const Index* const end = offsets + depth;
  const T* src[V];
#pragma GCC unroll 16
  for (int v = 0; v < V; ++v) {
    src[v] = job.src + spots[v].src;
    asm volatile("" : "+r"(src[v]));  // else each address is computed from another's
  }
  if constexpr (kAtOnce > 1) {
    if (triple_step == kNext) add_triples<kNext>(src, offsets, end, w, sum);
    if (triple_step == -kNext) add_triples<-kNext>(src, offsets, end, w, sum);
    if (triple_step == 2 * kNext) add_triples<2 * kNext>(src, offsets, end, w, sum);
    if (triple_step == -2 * kNext) add_triples<-2 * kNext>(src, offsets, end, w, sum);
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

template <int V, int C, class T>
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
  add_products(job, job.offsets, job.depth, job.triple_step, spots, w, sum);
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
template <int V, int C, class T>
HWY_NOINLINE void add_phase(const TileJob<T>& job, const TwinJob<T>& phase, Index triple_step,
                            const Spot* spots, bool zero, T* waiting) {
  hn::Vec<Tag<T>> sum[V][C];
  if (zero) {
#pragma GCC unroll 16
    for (int c = 0; c < C; ++c)
#pragma GCC unroll 16
      for (int v = 0; v < V; ++v) sum[v][c] = hn::Zero(Tag<T>());
  } else {
    resume_sums(waiting, sum);
  }
  add_products(job, phase.offsets, phase.depth, triple_step, spots, phase.panels, sum);
  put_aside(sum, waiting);
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
  add_phase<V, C>(job, {job.offsets, w, job.depth}, job.triple_step, spots, zero, waiting);
  add_phase<V, C>(job,
                  {job.twin.offsets, job.twin.panels + channel * job.twin.depth, job.twin.depth},
                  job.twin_triple_step, spots, zero, waiting + kOne);
  if (!job.last) return;
  each([&](T* p, int count, const T* even)
           HWY_ATTR { store_pairs(hn::Load(d, even), hn::Load(d, even + kOne), p, count); });
}

template <class T>
using TileFunction = void (*)(const TileJob<T>&, const Spot*, const T*, Index, T*, Meets);

/// Entry v-1 is the tile of v spots.
template <class T, int C, int... V>
TileFunction<T> pick_spots(int spots, std::integer_sequence<int, V...>) {
  static constexpr TileFunction<T> kTable[] = {&tile<V + 1, C, T>...};
  return kTable[spots - 1];
}
template <class T, int C, int... V>
TileFunction<T> pick_twin_spots(int spots, std::integer_sequence<int, V...>) {
  static constexpr TileFunction<T> kTable[] = {&twin_tile<V + 1, C, T>...};
  return kTable[spots - 1];
}

template <class T, int... C>
TileFunction<T> pick_tile(bool twin, int spots, int channels, std::integer_sequence<int, C...>) {
  using Pick = TileFunction<T> (*)(int);
  static constexpr Pick kTable[] = {[](int v) {
    return pick_spots<T, C + 1>(v, std::make_integer_sequence<int, spots_per_tile(C + 1)>());
  }...};
  static constexpr Pick kTwins[] = {[](int v) {
    return pick_twin_spots<T, C + 1>(v, std::make_integer_sequence<int, spots_per_tile(C + 1)>());
  }...};
  return (twin ? kTwins : kTable)[channels - 1](spots);
}

/// Asks for the sums of a tile to come. Planes of dst are often a power of two apart, where neither
/// caches nor hardware prefetchers help.
template <class T>
void prefetch_sums(const TileJob<T>& job, const Spot* spots, int count, Index channel, int width) {
  const T* dst = job.dst + channel * job.dst_channel_stride;
  for (int c = 0; c < width; ++c, dst += job.dst_channel_stride)
    for (int v = 0; v < count; ++v) __builtin_prefetch(dst + spots[v].dst, 1);
}

/// Spots outermost: their source stays in the first-level cache while the panels stream by.
template <class T>
void tiles(const TileJob<T>& job) {
  constexpr Index kWorthPrefetch = 64;
  const bool prefetch = job.last && !job.stream && job.depth >= kWorthPrefetch;
  const bool twin = job.twin.depth > 0;
  const Index waiting_size = (twin ? 2 : 1) * kLanes<T>;  // of a spot and channel
  const auto widest = static_cast<int>(job.panel_width);
  const Index most = spots_per_tile(widest);
  const auto last = static_cast<int>(job.channels - (job.channels - 1) / widest * widest);
  for (Index s = 0; s < job.spot_count; s += most) {
    const Spot* const spots = job.spots + s;
    const int count = static_cast<int>(std::min(most, job.spot_count - s));
    const auto pick = [&](int width) {
      return pick_tile<T>(twin, count, width, std::make_integer_sequence<int, kMaxChannels>());
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
