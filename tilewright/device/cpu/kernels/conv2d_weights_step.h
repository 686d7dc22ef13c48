// What a kernel of conv2d_weights reads from a step: sizes, places and blocks of results.
#pragma once

#include <algorithm>

#include "tilewright/device/cpu/kernels/conv2d_weights_ops.h"
#include "tilewright/device/device.h"

namespace tilewright::cpu {

struct Tap {
  Index ci = 0, ky = 0, kx = 0;
};

/// A block of results inside which sums stay in the compute type.
struct ResultBlock {
  Index n = 0, y = 0, x = 0, rows = 0, columns = 0;
};

template <class T>
struct WeightsStep {
  const StepArgs& a;
  const OuterOps<T>& ops;
  Index groups, co, ci, ky, kx;  // channels of one group
  Index stride_y, stride_x, dilation_y, dilation_x;
  Index block_rows, block_columns;
  Index images, rows, columns;  // of the results
  Index down, across;           // blocks of an image

  WeightsStep(const StepArgs& args, const OuterOps<T>& o)
      : a(args),
        ops(o),
        groups(args.groups),
        co(args.dst.shape[0] / args.groups),
        ci(args.dst.shape[1]),
        ky(args.dst.shape[2]),
        kx(args.dst.shape[3]),
        stride_y(args.layer->window(kY).stride),
        stride_x(args.layer->window(kX).stride),
        dilation_y(args.layer->window(kY).dilation),
        dilation_x(args.layer->window(kX).dilation),
        block_rows(args.layer->sum_block(Axis::kY)),
        block_columns(args.layer->sum_block(Axis::kX)),
        images(args.weights.shape[kN]),
        rows(args.weights.shape[kY]),
        columns(args.weights.shape[kX]),
        down((rows + block_rows - 1) / block_rows),
        across((columns + block_columns - 1) / block_columns) {}

  Index taps() const { return ci * ky * kx; }
  Tap tap(Index i) const { return {i / (ky * kx), i / kx % ky, i % kx}; }
  Tap next(Tap t) const {
    if (++t.kx < kx) return t;
    t.kx = 0;
    if (++t.ky < ky) return t;
    return {t.ci + 1, 0, 0};
  }
  Index vectors_of(Index count) const { return (count + ops.lanes - 1) / ops.lanes; }

  /// Blocks in the order in which they are added.
  Index blocks() const { return images * down * across; }
  ResultBlock block(Index i) const {
    const Index x = i % across * block_columns, y = i / across % down * block_rows;
    return {i / (across * down), y, x, std::min(block_rows, rows - y),
            std::min(block_columns, columns - x)};
  }

  const T* source(Index n, Index g, const Tap& t, Index y, Index x) const {
    return a.src.at<T>(n, g * ci + t.ci, y * stride_y + t.ky * dilation_y,
                       x * stride_x + t.kx * dilation_x);
  }
  const T* results(Index n, Index g, Index channel, Index y, Index x) const {
    return a.weights.at<T>(n, g * co + channel, y, x);
  }
  double* total(Index g, Index channel, const Tap& t) const {
    return a.dst.at<double>(g * co + channel, t.ci, t.ky, t.kx);
  }
};

/// The arrays of one thread's workspace, cut off one after another.
class Shelf {
 public:
  explicit Shelf(std::byte* begin) : at_(begin) {}
  template <class U>
  U* take(Index count) {
    U* const found = reinterpret_cast<U*>(at_);
    at_ += (count * static_cast<Index>(sizeof(U)) + 63) / 64 * 64;
    return found;
  }
  std::byte* end() const { return at_; }

 private:
  std::byte* at_;
};

}  // namespace tilewright::cpu
