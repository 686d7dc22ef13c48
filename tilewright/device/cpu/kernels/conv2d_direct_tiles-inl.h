// Register tiles of V spots times C channels; included once per target.
#if defined(TILEWRIGHT_CONV2D_DIRECT_TILES) == defined(HWY_TARGET_TOGGLE)
#ifdef TILEWRIGHT_CONV2D_DIRECT_TILES
#undef TILEWRIGHT_CONV2D_DIRECT_TILES
#else
#define TILEWRIGHT_CONV2D_DIRECT_TILES
#endif

#include <hwy/highway.h>

#include <utility>

#include "tilewright/device/cpu/kernels/conv2d_direct_ops.h"

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
inline constexpr int kMaxChannels = HWY_TARGET == HWY_AVX2 ? 6 : 8;
inline constexpr int kMaxSpots = 8;
constexpr int spots_per_tile(int channels) {
  return kSums / channels < kMaxSpots ? kSums / channels : kMaxSpots;
}

template <class T>
HWY_INLINE hn::Vec<Tag<T>> load_lanes(const T* p, Index stride, const Spot& s) {
  const Tag<T> d;
  if (s.begin == 0 && s.end == kLanes<T> && stride == 1) return hn::LoadU(d, p);
  HWY_ALIGN T lanes[kLanes<T>] = {};
  for (int i = s.begin; i < s.end; ++i) lanes[i] = p[i * stride];
  return hn::Load(d, lanes);
}

template <class T>
HWY_INLINE void store_lanes(hn::Vec<Tag<T>> v, T* p, Index stride, const Spot& s) {
  const Tag<T> d;
  if (s.begin == 0 && s.end == kLanes<T> && stride == 1) return hn::StoreU(v, d, p);
  HWY_ALIGN T lanes[kLanes<T>];
  hn::Store(v, d, lanes);
  for (int i = s.begin; i < s.end; ++i) p[i * stride] = lanes[i];
}

template <int V, int C, class T>
HWY_NOINLINE void tile(const TileJob<T>& job, const Spot* spots, const T* HWY_RESTRICT w,
                       Index channel) {
  const Tag<T> d;
  hn::Vec<Tag<T>> sum[V][C];
  const T* HWY_RESTRICT src[V];
  T* const dst = job.dst + channel * job.dst_channel_stride;
#pragma GCC unroll 16
  for (int v = 0; v < V; ++v) {
    src[v] = job.src + spots[v].src;
#pragma GCC unroll 16
    for (int c = 0; c < C; ++c)
      sum[v][c] = job.first ? hn::Zero(d)
                            : load_lanes(dst + spots[v].dst + c * job.dst_channel_stride,
                                         job.dst_lane_stride, spots[v]);
  }
  const Index* HWY_RESTRICT offsets = job.offsets;
  for (Index k = 0; k < job.depth; ++k, w += C) {
    const Index at = offsets[k];
    hn::Vec<Tag<T>> x[V];
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v) x[v] = hn::LoadU(d, src[v] + at);
#pragma GCC unroll 16
    for (int c = 0; c < C; ++c) {
      const auto factor = hn::Set(d, w[c]);
#pragma GCC unroll 16
      for (int v = 0; v < V; ++v) sum[v][c] = hn::MulAdd(factor, x[v], sum[v][c]);
    }
  }
#pragma GCC unroll 16
  for (int c = 0; c < C; ++c) {
    const bool biased = job.bias != nullptr;
    const auto bias = hn::Set(d, biased ? job.bias[(channel + c) * job.bias_step] : T(0));
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v)
      store_lanes<T>(biased ? hn::Add(sum[v][c], bias) : sum[v][c],
                     dst + spots[v].dst + c * job.dst_channel_stride, job.dst_lane_stride,
                     spots[v]);
  }
}

template <class T>
using TileFunction = void (*)(const TileJob<T>&, const Spot*, const T*, Index);

/// Entry v-1 is tile<v, C>.
template <class T, int C, int... V>
TileFunction<T> pick_spots(int spots, std::integer_sequence<int, V...>) {
  static constexpr TileFunction<T> kTable[] = {&tile<V + 1, C, T>...};
  return kTable[spots - 1];
}

template <class T, int... C>
TileFunction<T> pick_tile(int spots, int channels, std::integer_sequence<int, C...>) {
  using Pick = TileFunction<T> (*)(int);
  static constexpr Pick kTable[] = {[](int v) {
    return pick_spots<T, C + 1>(v, std::make_integer_sequence<int, spots_per_tile(C + 1)>());
  }...};
  return kTable[channels - 1](spots);
}

/// Spots outermost: their source stays in the first-level cache while the panels stream by.
template <class T>
void tiles(const TileJob<T>& job) {
  const Index blocks = (job.channels + kMaxChannels - 1) / kMaxChannels;
  const int widest = static_cast<int>((job.channels + blocks - 1) / blocks);
  const Index most = spots_per_tile(widest);
  for (Index s = 0; s < job.spot_count; s += most) {
    const int count = static_cast<int>(std::min(most, job.spot_count - s));
    for (Index b = 0; b < blocks; ++b) {
      const Index c = channel_block(job.channels, kMaxChannels, b);
      const int width = static_cast<int>(channel_block(job.channels, kMaxChannels, b + 1) - c);
      const auto run = pick_tile<T>(count, width, std::make_integer_sequence<int, kMaxChannels>());
      run(job, job.spots + s, job.panels + c * job.depth, c);
    }
  }
}

template <class T>
void pack_panels(const T* HWY_RESTRICT weights, Index channel_stride, Index channels, Index depth,
                 T* HWY_RESTRICT panels) {
  const Index blocks = (channels + kMaxChannels - 1) / kMaxChannels;
  for (Index b = 0; b < blocks; ++b) {
    const Index begin = channel_block(channels, kMaxChannels, b);
    const Index width = channel_block(channels, kMaxChannels, b + 1) - begin;
    for (Index c = 0; c < width; ++c) {
      const T* from = weights + (begin + c) * channel_stride;
      T* to = panels + begin * depth + c;
      for (Index k = 0; k < depth; ++k) to[k * width] = from[k];
    }
  }
}

#endif
}  // namespace tilewright::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
