// The definitions of the gradients of conv2d (docs/exactness.md): plain loops that a reader can
// check by eye.
#pragma once

#include <cmath>

#include "tilewright/device/device.h"

namespace tilewright::reference {

/// dst [n,ci,y,x] = gradient of the padded source, from src [n,co,Y,X], the gradient of the
/// results, and weights [co,ci/g,ky,kx]: for every position the sum over co, then ky, then kx,
/// ascending, one fused multiply-add each from +0. Results outside src count as +0; taps that
/// stride steps over are left out. `y`, `x`: where dst, src and the first tap lie. With `chain`,
/// the sums continue from what dst holds.
template <class T>
void conv2d_transpose(const ConstTensorView& src, const ConstTensorView& weights,
                      const TensorView& dst, const Window& wy, const Window& wx, Index groups,
                      const StepArgs::Place& y, const StepArgs::Place& x, bool chain) {
  const Index co_per_group = weights.shape[0] / groups, ci_per_group = weights.shape[1];
  const auto result = [&](Index n, Index co, Index oy, Index ox) {
    const bool inside =
        oy >= y.src && oy < y.src + src.shape[kY] && ox >= x.src && ox < x.src + src.shape[kX];
    return inside ? *src.at<T>(n, co, oy - y.src, ox - x.src) : T(0);
  };
  for (Index n = 0; n < dst.shape[kN]; ++n)
    for (Index ci = 0; ci < dst.shape[kC]; ++ci)
      for (Index i = 0; i < dst.shape[kY]; ++i)
        for (Index j = 0; j < dst.shape[kX]; ++j) {
          T& out = *dst.at<T>(n, ci, i, j);
          T sum = chain ? out : T(0);
          const Index first = ci / ci_per_group * co_per_group;
          const Index py = y.dst + i + wy.pad_begin, px = x.dst + j + wx.pad_begin;
          for (Index co = first; co < first + co_per_group; ++co)
            for (Index ky = 0; ky < weights.shape[2]; ++ky)
              for (Index kx = 0; kx < weights.shape[3]; ++kx) {
                const Index ry = (y.tap + ky) * wy.dilation, rx = (x.tap + kx) * wx.dilation;
                if (floor_mod(py - ry, wy.stride) != 0 || floor_mod(px - rx, wx.stride) != 0)
                  continue;
                sum = std::fma(
                    *weights.at<T>(co, ci % ci_per_group, ky, kx),
                    result(n, co, floor_div(py - ry, wy.stride), floor_div(px - rx, wx.stride)),
                    sum);
              }
          out = sum;
        }
}

/// One output of conv2d_weights: inside blocks of `rows` x `columns` results, fused multiply-adds
/// in T, rows then columns ascending; blocks are added in f64.
template <class T>
double conv2d_weights_sum(const ConstTensorView& src, const ConstTensorView& results, Index co,
                          Index ci, Index y0, Index x0, const Window& wy, const Window& wx,
                          Index rows, Index columns, double total) {
  for (Index n = 0; n < results.shape[kN]; ++n)
    for (Index by = 0; by < results.shape[kY]; by += rows)
      for (Index bx = 0; bx < results.shape[kX]; bx += columns) {
        T sum = 0;
        for (Index y = by; y < std::min(results.shape[kY], by + rows); ++y)
          for (Index x = bx; x < std::min(results.shape[kX], bx + columns); ++x)
            sum = std::fma(*results.at<T>(n, co, y, x),
                           *src.at<T>(n, ci, y * wy.stride + y0, x * wx.stride + x0), sum);
        total += static_cast<double>(sum);
      }
  return total;
}

/// dst [co,ci/g,ky,kx] f64 = gradient of the weights, from the padded src [n,ci,y,x] and `results`
/// [n,co,Y,X], the gradient of the results. Position (0,0) of src is what result (0,0) meets
/// through the first tap. With `chain`, the sums continue from what dst holds.
template <class T>
void conv2d_weights(const ConstTensorView& src, const ConstTensorView& results,
                    const TensorView& dst, const Window& wy, const Window& wx, Index groups,
                    Index rows, Index columns, bool chain) {
  const Index co_per_group = dst.shape[0] / groups, ci_per_group = dst.shape[1];
  for (Index co = 0; co < dst.shape[0]; ++co)
    for (Index ci = 0; ci < ci_per_group; ++ci)
      for (Index ky = 0; ky < dst.shape[2]; ++ky)
        for (Index kx = 0; kx < dst.shape[3]; ++kx) {
          double& out = *dst.at<double>(co, ci, ky, kx);
          out = conv2d_weights_sum<T>(src, results, co, co / co_per_group * ci_per_group + ci,
                                      ky * wy.dilation, kx * wx.dilation, wy, wx, rows, columns,
                                      chain ? out : 0.0);
        }
}

}  // namespace tilewright::reference
