// Factors and orders of the transforms of conv2d_fft: what depends on a length alone. Made once.
#pragma once

#include <array>
#include <vector>

#include "tilewright/base/checked.h"

namespace tilewright::cpu {

/// The transform of `length` elements as a chain of stages. A stage of radix r takes runs of
/// `run` elements to r runs of run/r: it adds up r elements run/r apart and turns sum q of element
/// j by factor q - 1 of row j of `factors` [run/r][r - 1], (cos, -sin) of 2 pi j q / run.
struct FftTable {
  struct Stage {
    int radix = 0;
    Index run = 0;
    std::vector<float> factors;
  };
  Index length = 0;
  std::vector<Stage> stages;
  /// Where the last stage leaves frequency k.
  std::vector<Index> position;
};

inline constexpr Index kFftLeast = 32, kFftMost = 2048;

/// Precondition: `length` is a power of two from kFftLeast to kFftMost.
const FftTable& fft_table(Index length);

}  // namespace tilewright::cpu
