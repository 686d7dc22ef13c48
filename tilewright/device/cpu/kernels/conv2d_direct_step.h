// The geometry of one step of conv2d_direct: what it computes, and how a part of its source is laid
// out in the workspace. Plain arithmetic, no vectors.
#pragma once

#include <algorithm>
#include <array>
#include <numeric>
#include <optional>

#include "tilewright/device/device.h"

namespace tilewright::cpu {

/// One image axis of a step; strides in elements.
struct StepAxis {
  Index outputs = 1, taps = 1, stride = 1, dilation = 1;
  Index src_step = 1, dst_step = 1;
  /// Source positions that exist, counted from src_data; others are zero.
  Interval real{0, StepArgs::kEverywhere};

  Index reach() const { return (outputs - 1) * stride + (taps - 1) * dilation + 1; }
  bool padded() const { return real.begin > 0 || real.end < reach(); }
};

/// Two phases along x whose outputs alternate, if there are any: output i of phase q meets, through
/// its tap j, the window's position i + shift[q] + (taps[q] - 1 - j) * dilation.
struct Twin {
  std::array<Index, 2> taps{}, shift{};
  std::array<Index, 2> tap{};  // of the weights, that is a phase's first; 2 lie between
  Index dilation = 1;
  Index outputs = 0;  // of both

  bool any() const { return outputs > 0; }
};

/// A step with its axes named by use: vectors lie along `lane`. That is x, unless x is too narrow
/// (`turned`).
template <class T>
struct DirectStep {
  StepAxis row, lane;
  bool turned = false;
  Index n = 1, groups = 1, ci = 1, co = 1;  // channels of one group
  Index taps_y = 1, taps_x = 1;
  const T* src_data = nullptr;
  const T* weights = nullptr;
  const T* bias = nullptr;
  T* dst_data = nullptr;
  Index src_n = 0, src_c = 0, dst_n = 0, dst_c = 0, bias_step = 1;
  // Between groups, output channels, input channels and taps.
  Index weights_g = 0, weights_co = 0, weights_ci = 0, weights_y = 0, weights_x = 1;
  /// Later taps meet earlier positions of the source, as in a transposed convolution; src_data is
  /// what output (0,0) meets through the last tap.
  bool mirrored = false;
  /// Weights of a group lie in panels of `width` output channels, all products of a panel together.
  bool packed = false;
  Index width = 1;
  bool first = true;
  bool stream = false;
  /// If there are any, taps_x counts the taps of both, and lane the pairs of outputs and the
  /// positions that a pair meets.
  Twin twin{};

  Index depth() const { return ci * taps_y * taps_x; }
  bool padded() const { return row.padded() || lane.padded(); }
  /// How many taps below `count` taps from `tap` on, of `taps`, the source positions begin.
  Index lowest(Index tap, Index count, Index taps) const {
    return mirrored ? taps - tap - count : tap;
  }
  Index row_taps() const { return turned ? taps_x : taps_y; }
  Index lane_taps() const { return twin.any() ? lane.taps : turned ? taps_y : taps_x; }
};

/// The outputs of one axis of a transposed convolution that meet the same taps: every stride-th.
/// Output `output` + i*stride meets, through tap `tap` + j*tap_step, the source position `src` +
/// i + (taps - 1 - j)*dilation.
struct Phase {
  Index output = 0, outputs = 0, tap = 0, tap_step = 1, taps = 0, dilation = 1, src = 0;
};

/// Phase `number` of an axis; without taps if its outputs meet none.
Phase phase(const Window& window, const StepArgs::Place& at, Index outputs, Index taps,
            Index number);

/// A step of conv2d, with lanes along x.
template <class T>
DirectStep<T> forward_step(const StepArgs& args);
/// The part of a step of conv2d_transpose that two phases make, with lanes along x.
template <class T>
DirectStep<T> transpose_step(const StepArgs& args, const Phase& y, const Phase& x);
/// The part that phase y and both phases of x make, for stride 2 along x, if each has a tap and
/// they read nearly the same positions.
template <class T>
std::optional<DirectStep<T>> twin_step(const StepArgs& args, const Phase& y);

/// A contiguous run of the canonical sequence of products: several channels with all taps, or one
/// channel with several ky, or one ky with several kx.
struct Box {
  Index ci = 0, ky = 0, kx = 0;  // first
  Index ci_count = 1, y_count = 1, x_count = 1;

  Index depth() const { return ci_count * y_count * x_count; }
};

/// One axis of the packed window. Consecutive outputs lie side by side: the source is dealt into
/// `slots`, slot j holding source positions j*dilation + i*stride, i < length. Taps whose distance
/// is a multiple of the stride share a slot (`period` apart); with one slot per tap none do.
struct PackedAxis {
  Index slots = 1, length = 1, taps = 1, outputs = 1;
  Index shift = 0;  // of the slot's content between taps that share it

  /// For `outputs` outputs, in whole vectors of `lanes`; `length` is a multiple of that too.
  PackedAxis(const StepAxis& axis, Index taps, Index outputs, Index lanes)
      : taps(taps), outputs(outputs) {
    const auto whole = [lanes](Index i) { return (i + lanes - 1) / lanes * lanes; };
    slots = std::min(taps, axis.stride / std::gcd(axis.stride, axis.dilation));
    shift = slots == taps ? 0 : slots * axis.dilation / axis.stride;
    length = whole(whole(outputs) + (taps - 1) / slots * shift);
    if (slots * length <= taps * whole(outputs)) return;
    slots = taps;  // wide dilation: the gaps between taps are not worth copying
    shift = 0;
    length = whole(outputs);
  }
  Index size() const { return slots * length; }
  Index tap(Index t) const { return t % slots * length + t / slots * shift; }
  /// Entries of slot `j` that `outs` outputs read.
  Index used(Index j, Index outs) const { return outs + (taps - 1 - j) / slots * shift; }
};

}  // namespace tilewright::cpu
