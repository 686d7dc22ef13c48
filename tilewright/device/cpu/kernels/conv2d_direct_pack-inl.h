// Packs weights for register tiles; included once per target.
#if defined(TILEWRIGHT_CONV2D_DIRECT_PACK) == defined(HWY_TARGET_TOGGLE)
#ifdef TILEWRIGHT_CONV2D_DIRECT_PACK
#undef TILEWRIGHT_CONV2D_DIRECT_PACK
#else
#define TILEWRIGHT_CONV2D_DIRECT_PACK
#endif

#include <hwy/highway.h>

#include <algorithm>

#include "tilewright/device/cpu/kernels/conv2d_direct_ops.h"

HWY_BEFORE_NAMESPACE();
namespace tilewright::cpu::HWY_NAMESPACE {
#if HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128
namespace hn = hwy::HWY_NAMESPACE;

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
