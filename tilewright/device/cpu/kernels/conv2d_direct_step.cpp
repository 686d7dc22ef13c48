// Reading of steps: sizes, strides and places of what a kernel gets.
#include "tilewright/device/cpu/kernels/conv2d_direct_step.h"

namespace tilewright::cpu {
namespace {

StepAxis axis(const StepArgs& a, Dim dim) {
  const Window& w = a.layer->window(dim);
  return {
      a.dst.shape[dim],   a.weights.shape[dim],           w.stride, w.dilation, a.src.strides[dim],
      a.dst.strides[dim], dim == kY ? a.real_y : a.real_x};
}

}  // namespace

template <class T>
DirectStep<T> forward_step(const StepArgs& a) {
  DirectStep<T> s;
  s.row = axis(a, kY);
  s.lane = axis(a, kX);
  s.n = a.dst.shape[kN];
  s.groups = a.groups;
  s.ci = a.weights.shape[1];
  s.co = a.dst.shape[kC] / a.groups;
  s.taps_y = a.weights.shape[2];
  s.taps_x = a.weights.shape[3];
  s.src_data = a.src.at<T>(0, 0, 0, 0);
  s.weights = a.weights.at<T>(0, 0, 0, 0);
  s.bias = a.bias.data == nullptr ? nullptr : a.bias.at<T>(0, 0, 0, 0);
  s.dst_data = a.dst.at<T>(0, 0, 0, 0);
  s.src_n = a.src.strides[kN], s.src_c = a.src.strides[kC];
  s.dst_n = a.dst.strides[kN], s.dst_c = a.dst.strides[kC];
  s.bias_step = a.bias.strides[kC];
  s.first = a.first;
  s.stream = a.stream;
  s.weights_y = s.taps_x;
  s.weights_ci = s.taps_x * s.taps_y;
  s.weights_co = s.weights_ci * s.ci;
  s.weights_g = s.weights_co * s.co;
  s.packed = a.packed;
  return s;
}

Phase phase(const Window& w, const StepArgs::Place& at, Index outputs, Index taps, Index number) {
  const Index common = std::gcd(w.stride, w.dilation);
  Phase p;
  p.output = number;
  p.outputs = (outputs - number + w.stride - 1) / w.stride;
  p.tap_step = w.stride / common;
  p.dilation = w.dilation / common;
  const Index reach = at.dst + number + w.pad_begin - at.tap * w.dilation;
  const Index most = std::min(p.tap_step, taps);
  while (p.tap < most && floor_mod(reach - p.tap * w.dilation, w.stride) != 0) ++p.tap;
  if (p.tap == most) return p;
  p.taps = (taps - p.tap + p.tap_step - 1) / p.tap_step;
  p.src = floor_div(reach - p.tap * w.dilation, w.stride) - at.src - (p.taps - 1) * p.dilation;
  return p;
}

template <class T>
DirectStep<T> transpose_step(const StepArgs& a, const Phase& y, const Phase& x) {
  const Window &wy = a.layer->window(kY), &wx = a.layer->window(kX);
  DirectStep<T> s;
  s.row = {y.outputs,
           y.taps,
           1,
           y.dilation,
           a.src.strides[kY],
           a.dst.strides[kY] * wy.stride,
           a.real_y.shifted(-y.src)};
  s.lane = {x.outputs,
            x.taps,
            1,
            x.dilation,
            a.src.strides[kX],
            a.dst.strides[kX] * wx.stride,
            a.real_x.shifted(-x.src)};
  s.n = a.dst.shape[kN];
  s.groups = a.groups;
  s.ci = a.weights.shape[0] / a.groups;
  s.co = a.weights.shape[1];
  s.taps_y = y.taps;
  s.taps_x = x.taps;
  s.src_data = a.src.at<T>(0, 0, y.src, x.src);
  s.weights = a.weights.at<T>(0, 0, y.tap, x.tap);
  s.dst_data = a.dst.at<T>(0, 0, y.output, x.output);
  s.src_n = a.src.strides[kN], s.src_c = a.src.strides[kC];
  s.dst_n = a.dst.strides[kN], s.dst_c = a.dst.strides[kC];
  s.first = a.first;
  s.stream = a.stream;
  s.mirrored = true;
  s.weights_x = x.tap_step;
  s.weights_y = y.tap_step * a.weights.shape[3];
  s.weights_co = a.weights.shape[2] * a.weights.shape[3];
  s.weights_ci = s.weights_co * s.co;
  s.weights_g = s.weights_ci * s.ci;
  return s;
}

template <class T>
std::optional<DirectStep<T>> twin_step(const StepArgs& a, const Phase& y) {
  constexpr Index kMostReach = 32;
  const Window& w = a.layer->window(kX);
  if (w.stride != 2) return {};
  std::array<Phase, 2> phases;
  for (Index q = 0; q < 2; ++q)
    phases[static_cast<std::size_t>(q)] = phase(w, a.x, a.dst.shape[kX], a.weights.shape[3], q);
  const auto& [even, odd] = phases;
  if (even.taps == 0 || odd.taps == 0 || odd.outputs == 0) return {};
  Phase x = even;
  x.src = std::min(even.src, odd.src);
  DirectStep<T> s = transpose_step<T>(a, y, x);
  s.lane.taps = 0;
  for (std::size_t q = 0; q < 2; ++q) {
    const Phase& p = phases[q];
    s.twin.taps[q] = p.taps, s.twin.shift[q] = p.src - x.src, s.twin.tap[q] = p.tap;
    s.lane.taps = std::max(s.lane.taps, s.twin.shift[q] + (p.taps - 1) * p.dilation + 1);
  }
  if (s.lane.taps > kMostReach) return {};
  s.twin.dilation = even.dilation, s.twin.outputs = even.outputs + odd.outputs;
  s.lane.dilation = 1;
  s.taps_x = even.taps + odd.taps;
  s.weights = a.weights.at<T>(0, 0, y.tap, 0);
  return s;
}

template std::optional<DirectStep<float>> twin_step(const StepArgs&, const Phase&);
template std::optional<DirectStep<double>> twin_step(const StepArgs&, const Phase&);
template DirectStep<float> forward_step(const StepArgs&);
template DirectStep<double> forward_step(const StepArgs&);
template DirectStep<float> transpose_step(const StepArgs&, const Phase&, const Phase&);
template DirectStep<double> transpose_step(const StepArgs&, const Phase&, const Phase&);

}  // namespace tilewright::cpu
