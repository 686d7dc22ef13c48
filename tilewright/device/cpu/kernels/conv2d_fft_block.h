// Sizes that the FFT kernels share: blocks, and how spectra lie in the workspace.
#pragma once

#include "tilewright/device/cpu/kernels/conv2d_fft_ops.h"

namespace tilewright::cpu {

/// The most taps along an axis.
inline constexpr Index kFftMostTaps = 1024;

/// The block for so many taps: large enough that little of it overlaps, small enough for a cache
/// and for images that are not much larger than the taps. Part of what the kernels' bits depend on.
FftBlock fft_block(Index ky, Index kx);
/// How many outputs an axis of `edge` elements gives.
Index fft_outputs(Index edge, Index taps);
/// At least `size`, and an odd number of cache lines: spectra so far apart do not fall into the
/// same cache sets. In floats.
Index fft_spaced(Index size);
/// Roundings of three transforms and a product, relative to the root of the sum of squares over a
/// block: 5 for each of the log2(ny nx) + 1 levels of each.
double fft_roundings(const FftBlock& block);
/// Operations of one transform, as they are usually counted.
double fft_flop(const FftBlock& block);

}  // namespace tilewright::cpu
