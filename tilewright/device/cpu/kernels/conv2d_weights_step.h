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

/// Rows and columns of the padded source from (y, x) on, steps apart.
struct SourceBox {
  Index y = 0, x = 0, rows = 1, columns = 0, step_y = 1, step_x = 1;

  /// Which of `count` positions from `first` on, `step` apart, lie in `real`.
  static Interval inside(const Interval& real, Index first, Index step, Index count) {
    const auto up_to = [&](Index end) {  // the first position that is not below
      return end <= first ? 0 : std::min(count, (end - first + step - 1) / step);
    };
    return {up_to(real.begin), up_to(real.end)};
  }
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
  Interval real_y, real_x;      // of the source: what lies outside is zero and not to be read

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
        across((columns + block_columns - 1) / block_columns),
        real_y(intersect(args.real_y, {0, args.src.shape[kY]})),
        real_x(intersect(args.real_x, {0, args.src.shape[kX]})) {}

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
  /// The same elements, zeros where there are none: rows and columns from (y, x) of the source on.
  void copy_source(Index n, Index g, Index channel, const SourceBox& box, T* to) const {
    const Interval in_row = box.inside(real_x, box.x, box.step_x, box.columns);
    const T* from = a.src.at<T>(n, g * ci + channel, box.y, box.x);
    for (Index y = 0; y < box.rows; ++y, to += box.columns) {
      const bool there = !in_row.empty() && real_y.contains(box.y + y * box.step_y);
      const T* const row = from + y * box.step_y * a.src.strides[kY];
      std::fill(to, to + (there ? in_row.begin : box.columns), T(0));
      if (!there) continue;
      if (box.step_x == 1)
        std::copy(row + in_row.begin, row + in_row.end, to + in_row.begin);
      else
        for (Index x = in_row.begin; x < in_row.end; ++x) to[x] = row[x * box.step_x];
      std::fill(to + in_row.end, to + box.columns, T(0));
    }
  }
  /// All source under a block of results.
  SourceBox under(const ResultBlock& b) const {
    return {b.y * stride_y,
            b.x * stride_x,
            (b.rows - 1) * stride_y + (ky - 1) * dilation_y + 1,
            (b.columns - 1) * stride_x + (kx - 1) * dilation_x + 1,
            1,
            1};
  }
  /// What a tap meets under a block of results.
  SourceBox at_tap(const ResultBlock& b, const Tap& t) const {
    return {b.y * stride_y + t.ky * dilation_y,
            b.x * stride_x + t.kx * dilation_x,
            b.rows,
            b.columns,
            stride_y,
            stride_x};
  }
  bool exists(const SourceBox& box) const {
    return real_y.contains(Interval{box.y, box.y + (box.rows - 1) * box.step_y + 1}) &&
           real_x.contains(Interval{box.x, box.x + (box.columns - 1) * box.step_x + 1});
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
