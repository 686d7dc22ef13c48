// What Winograd's kernels do between their transforms, whatever those are: matrices of factors are
// laid out and shared among threads.
#pragma once

#include <algorithm>

#include "tilewright/device/cpu/arena.h"

namespace tilewright::cpu {

/// Elements between matrices of `size`: an odd number of cache lines, since a transform touches all
/// of them at once and they must not fall into the same cache sets.
constexpr Index winograd_spaced(Index size) {
  constexpr Index kLine = 16;
  return ((size + kLine - 1) / kLine | 1) * kLine;
}

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
