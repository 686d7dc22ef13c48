// The definition of conv2d (docs/exactness.md): plain loops that a reader can check by eye.
#pragma once

#include <cmath>

#include "tilewright/geometry/window.h"
#include "tilewright/tensor/tensor.h"

namespace tilewright::reference {

/// A source image together with what lies around it.
template <class T>
struct PaddedImage {
  ConstTensorView view;
  PaddingMode mode = PaddingMode::kZero;

  T operator()(Index n, Index c, Index y, Index x) const {
    const Index ry = pad_index(mode, y, view.shape[kY]);
    const Index rx = pad_index(mode, x, view.shape[kX]);
    return ry < 0 || rx < 0 ? T(0) : *view.at<T>(n, c, ry, rx);
  }
};

/// One output: channels, then ky, then kx, ascending, one fused multiply-add each, from `sum`.
/// `y0`, `x0` is the padded input position of the first tap, `c0` the first source channel.
template <class T>
T conv2d_sum(const PaddedImage<T>& src, const ConstTensorView& weights, Index n, Index co, Index c0,
             Index y0, Index x0, const Window& wy, const Window& wx, T sum) {
  for (Index ci = 0; ci < weights.shape[1]; ++ci)
    for (Index ky = 0; ky < weights.shape[2]; ++ky)
      for (Index kx = 0; kx < weights.shape[3]; ++kx)
        sum = std::fma(*weights.at<T>(co, ci, ky, kx),
                       src(n, c0 + ci, y0 + ky * wy.dilation, x0 + kx * wx.dilation), sum);
  return sum;
}

/// dst [n,co,y,x] = conv2d(src [n,ci,y,x], weights [co,ci/g,ky,kx]) + bias [1,co,1,1], all of
/// type T. Windows give stride, dilation and padding. `bias.data` may be null. With `chain`, the
/// sums continue from what dst holds.
template <class T>
void conv2d(const ConstTensorView& src, const ConstTensorView& weights, const ConstTensorView& bias,
            const TensorView& dst, const Window& wy, const Window& wx, Index groups, bool chain) {
  const PaddedImage<T> image{src, wy.mode};
  const Index co_per_group = dst.shape[kC] / groups;
  const Index ci_per_group = weights.shape[1];
  for (Index n = 0; n < dst.shape[kN]; ++n)
    for (Index co = 0; co < dst.shape[kC]; ++co)
      for (Index y = 0; y < dst.shape[kY]; ++y)
        for (Index x = 0; x < dst.shape[kX]; ++x) {
          T& out = *dst.at<T>(n, co, y, x);
          const Index c0 = co / co_per_group * ci_per_group;
          const T sum = conv2d_sum(image, weights, n, co, c0, y * wy.stride - wy.pad_begin,
                                   x * wx.stride - wx.pad_begin, wy, wx, chain ? out : T(0));
          out = bias.data == nullptr ? sum : sum + *bias.at<T>(0, co, 0, 0);
        }
}

}  // namespace tilewright::reference
