// What conv2d_fft asks of a Fourier transform: real blocks to spectra and back, and sums of
// products of spectra. How a spectrum is arranged is the transform's business; products are element
// by element, in groups of kFftGroup real parts followed by as many imaginary ones.
#pragma once

#include "tilewright/geometry/interval.h"

namespace tilewright::cpu {

inline constexpr Index kFftGroup = 16;

/// A block of ny x nx elements, powers of two from 32 to 2048.
struct FftBlock {
  Index ny = 0, nx = 0;
  bool operator==(const FftBlock&) const = default;
};

/// To `dst`, the spectrum of a block whose first element lies at `src`; what is outside of rows `y`
/// and columns `x` is zero and not read.
struct FftSource {
  FftBlock block;
  const float* src = nullptr;
  Index row = 0, column = 1;  // strides, maybe negative
  Interval y, x;
  float* dst = nullptr;
  float* scratch = nullptr;
  /// The spectrum is conjugated and divided by the number of elements: for weights.
  bool conjugate = false;
};

/// The upper left `height` x `width` elements of the block with the spectrum `src` (which is
/// overwritten) become dst, or are added to it unless `first`; then `bias` is added, if given.
struct FftResult {
  FftBlock block;
  float* src = nullptr;
  float* dst = nullptr;
  Index row = 0;
  Index height = 0, width = 0;
  const float* bias = nullptr;
  bool first = true;
  float* scratch = nullptr;
};

/// dst[c] = sum over k < depth, ascending, of source[k] * weights[c][k], for c < outputs.
struct FftProducts {
  Index size = 0;  // floats of a spectrum
  Index depth = 0, outputs = 0;
  const float* source = nullptr;
  Index source_step = 0;  // floats between spectra
  const float* weights = nullptr;
  Index weights_output = 0, weights_step = 0;
  float* dst = nullptr;
  Index dst_step = 0;
};

struct FftOps {
  /// Floats of a spectrum, and of the scratch that a transform needs.
  Index (*spectrum)(const FftBlock& block);
  Index (*scratch)(const FftBlock& block);
  void (*source)(const FftSource& job);
  void (*result)(const FftResult& job);
  void (*products)(const FftProducts& job);
};

/// The transforms of the best target of this machine, or null if it has no fused multiply-add.
const FftOps* fft_ops();

}  // namespace tilewright::cpu
