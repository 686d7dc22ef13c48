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

#include "tilewright/device/cpu/kernels/conv2d_direct_products-inl.h"
#include "tilewright/device/cpu/simd_masks-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilewright::cpu::HWY_NAMESPACE {
#if HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128

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

#endif
}  // namespace tilewright::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
