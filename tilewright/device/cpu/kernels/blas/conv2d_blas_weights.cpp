// Gradient of the weights as matrix products: results [co, outputs] times columns [taps, outputs].
// Each product sums one block of the definition; blocks are added in f64 (conv2d_weights.h).
// Threads share the weights, never a sum.
#include <algorithm>
#include <limits>

#include "tilewright/device/cpu/arena.h"
#include "tilewright/device/cpu/kernels/blas/conv2d_blas_step.h"
#include "tilewright/device/cpu/kernels/blas/gemm.h"

namespace tilewright::cpu {
namespace {

constexpr double kThreadWork = 1e6;  // multiply-adds below which one thread is faster
constexpr Index kMostRows = 256;     // output channels of a product
constexpr Index kMostTaps = 192;
constexpr Index kMostResults = 1024;  // of a block

Index padded(Index elements) { return round_up(elements, 16); }

template <class T>
class WeightsProducts {
 public:
  WeightsProducts(const StepArgs& a, std::byte* workspace)
      : a_(a),
        co_(a.dst.shape[0] / a.groups),
        ci_(a.dst.shape[1]),
        ky_(a.dst.shape[2]),
        kx_(a.dst.shape[3]),
        block_rows_(a.layer->sum_block(Axis::kY)),
        block_columns_(a.layer->sum_block(Axis::kX)),
        dense_(a.dst.strides[kY] == kx_ && a.dst.strides[kC] == ky_ * kx_) {
    const Index rows = std::min(co_, kMostRows), taps = std::min(depth(), kMostTaps);
    const Index results = std::min(kMostResults, a.weights.shape[kY] * a.weights.shape[kX]);
    columns_ = reinterpret_cast<T*>(workspace);
    results_ = columns_ + padded(taps * results);
    sums_ = results_ + padded(rows * results);
  }

  Index depth() const { return ci_ * ky_ * kx_; }
  Index row_blocks() const { return ceil_div(co_, kMostRows); }
  Index tap_blocks() const { return ceil_div(depth(), kMostTaps); }
  Index units() const { return a_.groups * row_blocks() * tap_blocks(); }

  void run(Index unit) {
    const Index taps = unit % tap_blocks(), rows = unit / tap_blocks() % row_blocks();
    g_ = unit / tap_blocks() / row_blocks();
    rows_ = {co_ * rows / row_blocks(), co_ * (rows + 1) / row_blocks()};
    taps_ = {depth() * taps / tap_blocks(), depth() * (taps + 1) / tap_blocks()};
    const Shape& shape = a_.weights.shape;
    bool first = a_.first;
    for (Index n = 0; n < shape[kN]; ++n)
      for (Index y = 0; y < shape[kY]; y += block_rows_)
        for (Index x = 0; x < shape[kX]; x += block_columns_) {
          add_block(n, {y, std::min(shape[kY], y + block_rows_)},
                    {x, std::min(shape[kX], x + block_columns_)}, first);
          first = false;
        }
  }

 private:
  void add_block(Index n, const Interval& ys, const Interval& xs, bool first) {
    const Index results = ys.size() * xs.size();
    gather_columns(n, ys, xs);
    multiply<T>(rows_.size(), taps_.size(), results, results_of(n, ys, xs), {columns_, results},
                true, false, {sums_, taps_.size()});
    for (Index m = 0; m < rows_.size(); ++m)
      add_row(sums_ + m * taps_.size(), g_ * co_ + rows_.begin + m, first);
  }

  void add_row(const T* sums, Index co, bool first) {
    for (Index k = taps_.begin; k < taps_.end;) {
      const Index x = k % kx_, run = std::min(dense_ ? taps_.end - k : kx_ - x, taps_.end - k);
      double* to = a_.dst.at<double>(co, k / (ky_ * kx_), k / kx_ % ky_, x);
      for (Index i = 0; i < run; ++i, ++sums)
        to[i] = (first ? 0.0 : to[i]) + static_cast<double>(*sums);
      k += run;
    }
  }

  Matrix<const T> results_of(Index n, const Interval& ys, const Interval& xs) {
    const ConstTensorView& r = a_.weights;
    const Index c = g_ * co_ + rows_.begin, results = ys.size() * xs.size();
    const bool dense = ys.size() == 1 || r.strides[kY] == xs.size();
    if (dense && r.strides[kC] <= std::numeric_limits<blasint>::max())
      return {r.at<T>(n, c, ys.begin, xs.begin), std::max(r.strides[kC], results)};
    T* to = results_;
    for (Index m = 0; m < rows_.size(); ++m)
      for (Index y = ys.begin; y < ys.end; ++y, to += xs.size())
        std::copy_n(r.at<T>(n, c + m, y, xs.begin), xs.size(), to);
    return {results_, results};
  }

  void gather_columns(Index n, const Interval& ys, const Interval& xs) {
    const Window &wy = a_.layer->window(kY), &wx = a_.layer->window(kX);
    T* to = columns_;
    for (Index k = taps_.begin; k < taps_.end; ++k)
      for (Index y = ys.begin; y < ys.end; ++y, to += xs.size()) {
        const T* from =
            a_.src.at<T>(n, g_ * ci_ + k / (ky_ * kx_), y * wy.stride + k / kx_ % ky_ * wy.dilation,
                         xs.begin * wx.stride + k % kx_ * wx.dilation);
        if (wx.stride == 1)
          std::copy_n(from, xs.size(), to);
        else
          for (Index x = 0; x < xs.size(); ++x) to[x] = from[x * wx.stride];
      }
  }

  const StepArgs& a_;
  Index co_, ci_, ky_, kx_, block_rows_, block_columns_;
  bool dense_;  // the taps of an output channel lie side by side
  Index g_ = 0;
  Interval rows_, taps_;
  T *columns_ = nullptr, *results_ = nullptr, *sums_ = nullptr;
};

template <class T>
void run_typed(const StepArgs& a) {
  const WeightsProducts<T> all(a, a.workspace);
  const Index results = a.weights.shape[kY] * a.weights.shape[kX];
  const Index bytes = blas_weights_workspace(a.dst.shape[0] / a.groups, all.depth(), results);
  const double work = static_cast<double>(a.dst.shape[0] * all.depth()) *
                      static_cast<double>(a.weights.shape[kN] * results);
  const BlasOnThisThread alone;
  parallel_ranges(all.units(), work < kThreadWork ? 1 : a.threads,
                  [&](Index begin, Index end, int slot) {
                    WeightsProducts<T> products(a, a.workspace + slot * bytes);
                    for (Index i = begin; i < end; ++i) products.run(i);
                  });
}

}  // namespace

Index blas_weights_workspace(Index co, Index depth, Index results) {
  const Index rows = std::min(co, kMostRows), taps = std::min(depth, kMostTaps);
  const Index block = std::min(kMostResults, results);
  return 8 * (padded(taps * block) + padded(rows * block) + padded(rows * taps));
}

void run_conv2d_weights_blas(const StepArgs& args) {
  if (args.src.dtype == DType::kF64) return run_typed<double>(args);
  run_typed<float>(args);
}

}  // namespace tilewright::cpu
