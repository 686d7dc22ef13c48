// The products of matrices of factors, on which Winograd's kernels spend most of their time,
// compiled once per target. A register tile is so many vectors of the source times the channels of
// a panel; every sum is a chain of fused multiply-adds in the order of its rows, or several chains
// that are added up.
#pragma once

#include "tilewright/geometry/interval.h"

namespace tilewright::cpu {

/// dst[channel * dst_step + lane] = sum over k < depth of
/// factors of channel [k] * src[k * src_step + lane].
struct WinogradProduct {
  const float* src = nullptr;
  Index src_step = 0;
  Index vectors = 0, depth = 0;  // whole vectors of lanes; products of a sum
  /// Products of a chain; the results of chains are added up in their order. 0: one chain.
  Index chain = 0;
  /// Channels in panels of `width`, the last one narrower, that lie panel_step apart. In a panel,
  /// those of k lie side by side, factor_step after those of k - 1; 0: one panel's width.
  const float* factors = nullptr;
  Index channels = 0, width = 1, panel_step = 0, factor_step = 0;
  float* dst = nullptr;
  Index dst_step = 0;
  const float* next = nullptr;  // the source of the next product, to be asked for early
};

struct WinogradProductOps {
  int lanes = 0;
  /// Vectors that a register tile takes at most, whose source is to stay in the first-level cache.
  int vectors = 0;
  /// The width of panels that suits so many vectors.
  Index (*width)(Index vectors) = nullptr;
  void (*run)(const WinogradProduct& job) = nullptr;
};

/// The products of the best target of this machine, or null if it has no fused multiply-add.
const WinogradProductOps* winograd_product_ops();

}  // namespace tilewright::cpu
