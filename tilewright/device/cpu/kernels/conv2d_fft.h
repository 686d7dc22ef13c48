// conv2d by Fourier transforms: overlap-save in blocks whose size follows from the taps alone.
// Order::kAnchored: blocks begin at multiples of their outputs, input channels are summed in
// blocks.
#pragma once

#include "tilewright/device/cpu/kernels/conv2d_fft_block.h"
#include "tilewright/device/device.h"

namespace tilewright::cpu {

/// Where steps of `layer` may be cut, and what they promise.
KernelTiling conv2d_fft_tiling(const Layer& layer);
/// Bytes of the spectra of the weights of `step`, which all threads share.
Index conv2d_fft_shared_workspace(const Block& step);
/// Bytes beside those that each thread needs.
Index conv2d_fft_workspace(const Block& step);
/// For the largest step there is, shared bytes counted too.
inline constexpr Index kConv2dFftWorkspace = Index{512} << 20;
/// Transforms, counted as 2.5 n log2(n) operations, and products, which are bound by the reading of
/// the weights' spectra.
KernelWork conv2d_fft_work(const Layer& layer, const Block& step);

/// Precondition: f32, stride 1, dilation 1, at most kFftMostTaps; fft_ops() is not null.
void run_conv2d_fft(const StepArgs& args);
/// The same for the gradient of the source.
void run_conv2d_transpose_fft(const StepArgs& args);

/// conv2d_weights in the same blocks: a strip of blocks side by side is summed as spectra and
/// transformed back, strips are added in f64. Columns of a strip are not cut.
KernelTiling conv2d_weights_fft_tiling(const Layer& layer);
Index conv2d_weights_fft_shared_workspace(const Block& step);
Index conv2d_weights_fft_workspace(const Block& step);
KernelWork conv2d_weights_fft_work(const Layer& layer, const Block& step);
void run_conv2d_weights_fft(const StepArgs& args);

}  // namespace tilewright::cpu
