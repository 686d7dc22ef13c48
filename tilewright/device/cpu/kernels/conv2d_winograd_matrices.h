// What Winograd's kernels do between their transforms, whatever those are: matrices of factors are
// laid out, shared among threads and multiplied by the register tiles of conv2d_direct.
#pragma once

#include <algorithm>
#include <array>

#include "tilewright/device/cpu/arena.h"
#include "tilewright/device/cpu/kernels/conv2d_direct_ops.h"

namespace tilewright::cpu {

/// Elements between matrices of `size`: an odd number of cache lines, since a transform touches all
/// of them at once and they must not fall into the same cache sets.
constexpr Index winograd_spaced(Index size) {
  constexpr Index kLine = 16;
  return ((size + kLine - 1) / kLine | 1) * kLine;
}

/// dst[channel][tile] = sum over k of panels[k][channel] * src[k][tile], in rows of `padded` tiles.
class WinogradProduct {
 public:
  static constexpr Index kMostDepth = 512, kMostVectors = 64;

  /// For sums of at most `depth` products.
  WinogradProduct(const DirectOps<float>& direct, Index width, Index depth, Index padded)
      : direct_(direct) {
    job_.panel_width = width;
    job_.dst_channel_stride = padded;
    job_.spot_count = padded / direct.lanes;
    for (Index s = 0; s < job_.spot_count; ++s)
      spots_[static_cast<std::size_t>(s)] = {s * direct.lanes, s * direct.lanes, 0, direct.lanes};
    job_.spots = spots_.data();
    for (Index k = 0; k < depth; ++k) offsets_[static_cast<std::size_t>(k)] = k * padded;
    job_.offsets = offsets_.data();
  }
  WinogradProduct(const WinogradProduct&) = delete;

  void operator()(const float* src, const float* panels, Index depth, Index channels, float* dst) {
    job_.src = src, job_.panels = panels, job_.dst = dst;
    job_.depth = job_.panel_depth = depth;
    job_.channels = channels;
    direct_.tiles(job_);
  }

 private:
  const DirectOps<float>& direct_;
  TileJob<float> job_;
  std::array<Spot, kMostVectors> spots_;
  std::array<Index, kMostDepth> offsets_;
};

/// Output channels in panels of `width`, and blocks of tiles, of all images.
struct WinogradShares {
  Interval output;
  Index width = 1, blocks = 1;
  int threads = 1;
};

/// panel(p) for all panels, then block(b, channels, slot) for all blocks; where there are few,
/// their channels are dealt out too.
template <class Panel, class Block>
void winograd_shares(const WinogradShares& s, Panel&& panel, Block&& block) {
  const Index panels = ceil_div(s.output.size(), s.width);
  parallel_ranges(panels, s.threads, [&](Index begin, Index end, int) {
    for (Index p = begin; p < end; ++p) panel(p);
  });
  const Index parts = std::clamp<Index>(2 * s.threads / std::max<Index>(1, s.blocks), 1, panels);
  const Index share = ceil_div(panels, parts) * s.width;
  parallel_ranges(s.blocks * parts, s.threads, [&](Index begin, Index end, int slot) {
    for (Index i = begin; i < end; ++i) {
      const Index first = s.output.begin + i % parts * share;
      const Interval part{first, std::min(s.output.end, first + share)};
      if (!part.empty()) block(i / parts, part, slot);
    }
  });
}

}  // namespace tilewright::cpu
