// Strips of outputs, blocks of products. Where results of a strip lie side by side the library
// writes them itself; else they pass through a buffer.
#include "tilewright/device/cpu/kernels/blas/conv2d_blas_step.h"

#include <algorithm>
#include <limits>

#include "tilewright/device/cpu/arena.h"
#include "tilewright/device/cpu/kernels/blas/gemm.h"
#include "tilewright/device/cpu/kernels/conv2d_direct_step.h"
#include "tilewright/tensor/convert.h"

namespace tilewright::cpu {
namespace {

constexpr double kThreadWork = 1e6;  // multiply-adds below which one thread is faster
constexpr Index kStripBytes = 2048;  // of one row of columns
constexpr Index kMostProducts = 1024;
constexpr Index kMostRows = 256;   // output channels that pass a buffer or are packed together
constexpr Index kLeastRows = 32;   // output channels worth a product of their own
constexpr Index kWideRow = 64;     // outputs of a row worth a strip of their own
constexpr Index kEnoughUnits = 8;  // what threads are dealt
constexpr Index kMostStep = std::numeric_limits<blasint>::max();

/// How a step is dealt out: strips of outputs, counted row by row, and blocks of output channels.
template <class T>
struct Deal {
  Index strip_count = 1, parts_per_row = 0, rows = 1, row_blocks = 1;
  bool direct = false;  // the library may write dst

  Deal(const DirectStep<T>& s, bool packs) {
    const Index columns = s.lane.outputs, outputs = columns * s.row.outputs;
    const Index most = kStripBytes / static_cast<Index>(sizeof(T));
    const bool writable = s.lane.dst_step == 1 && s.dst_c <= kMostStep;
    const bool dense = s.row.outputs == 1 || s.row.dst_step == columns;
    direct = writable && (dense || columns >= kWideRow);
    if (direct && !dense) {
      parts_per_row = ceil_div(columns, most);
      strip_count = parts_per_row * s.row.outputs;
    } else {
      strip_count = ceil_div(outputs, most);
    }
    const Index others = s.n * s.groups * strip_count;
    const Index wanted = ceil_div(kEnoughUnits, others);
    rows = round_up(std::clamp(s.co / wanted, std::min(s.co, kLeastRows), s.co), 16);
    if (packs || !direct) rows = std::min(rows, kMostRows);
    rows = s.weights_co > kMostStep && !packs ? 1 : std::min(rows, s.co);
    row_blocks = ceil_div(s.co, rows);
  }
  Interval strip(const DirectStep<T>& s, Index i) const {
    const Index columns = s.lane.outputs;
    if (parts_per_row == 0) {
      const Index outputs = columns * s.row.outputs;
      return {outputs * i / strip_count, outputs * (i + 1) / strip_count};
    }
    const Index row = i / parts_per_row, part = i % parts_per_row;
    return {row * columns + columns * part / parts_per_row,
            row * columns + columns * (part + 1) / parts_per_row};
  }
};

/// Calls f(y, columns, done) for the rows of outputs that `strip` covers.
template <class F>
void each_row(const Interval& strip, Index columns, F&& f) {
  for (Index p = strip.begin; p < strip.end;) {
    const Index y = p / columns, x = p % columns;
    const Index count = std::min(columns - x, strip.end - p);
    f(y, Interval{x, x + count}, p - strip.begin);
    p += count;
  }
}

/// The matrices of one thread.
template <class T>
class Products {
 public:
  Products(const DirectStep<T>& s, const Deal<T>& deal, bool packs, std::byte* workspace)
      : s_(s), deal_(deal), packs_(packs) {
    const Index outputs = s.lane.outputs * s.row.outputs;
    strip_ = std::min(outputs, kStripBytes / static_cast<Index>(sizeof(T)));
    depth_ = std::min(s.depth(), kMostProducts);
    columns_ = reinterpret_cast<T*>(workspace);
    buffer_ = columns_ + depth_ * strip_;
    weights_ = buffer_ + std::min(s.co, kMostRows) * strip_;
  }

  /// Units [begin, end) of row blocks x groups x images x strips.
  void run(Index begin, Index end) {
    const Index each = s_.n * deal_.strip_count;
    for (Index first = begin; first < end;) {
      const Index last = std::min(end, (first / each + 1) * each);
      const Index g = first / each % s_.groups, block = first / each / s_.groups;
      const Interval rows{block * deal_.rows, std::min(s_.co, (block + 1) * deal_.rows)};
      for (Index k = 0; k < s_.depth(); k += depth_) {
        const Interval products{k, std::min(s_.depth(), k + depth_)};
        const Matrix<const T> weights = weights_of(g, rows, products);
        for (Index i = first; i < last; ++i)
          multiply_strip(i % each / deal_.strip_count, g, rows, products,
                         deal_.strip(s_, i % deal_.strip_count), weights);
      }
      first = last;
    }
  }

 private:
  Matrix<const T> weights_of(Index g, const Interval& rows, const Interval& products) {
    const T* from = s_.weights + g * s_.weights_g + rows.begin * s_.weights_co;
    if (!packs_) return {from + products.begin, rows.size() == 1 ? products.size() : s_.weights_co};
    const Index taps = s_.taps_x * s_.taps_y;
    for (Index k = products.begin; k < products.end; ++k) {
      const T* of = from + k / taps * s_.weights_ci + k / s_.taps_x % s_.taps_y * s_.weights_y +
                    k % s_.taps_x * s_.weights_x;
      T* to = weights_ + (k - products.begin);
      for (Index m = 0; m < rows.size(); ++m) to[m * products.size()] = of[m * s_.weights_co];
    }
    return {weights_, products.size()};
  }

  void multiply_strip(Index n, Index g, const Interval& rows, const Interval& products,
                      const Interval& strip, Matrix<const T> weights) {
    const Matrix<const T> columns = columns_of(n, g, products, strip);
    const bool first = products.begin == 0, continues = !(first && s_.first);
    T* dst = s_.dst_data + n * s_.dst_n + (g * s_.co + rows.begin) * s_.dst_c;
    if (deal_.direct) {
      T* to = dst + strip.begin / s_.lane.outputs * s_.row.dst_step + strip.begin % s_.lane.outputs;
      multiply<T>(rows.size(), strip.size(), products.size(), weights, columns, false, continues,
                  {to, std::max(s_.dst_c, strip.size())});
    } else {
      multiply<T>(rows.size(), strip.size(), products.size(), weights, columns, false, false,
                  {buffer_, strip.size()});
      store(rows.size(), strip, continues, dst);
    }
    if (s_.bias != nullptr && products.end == s_.depth())
      add_bias(s_.bias + (g * s_.co + rows.begin) * s_.bias_step, rows.size(), strip, dst);
  }

  void store(Index rows, const Interval& strip, bool continues, T* dst) {
    for (Index m = 0; m < rows; ++m)
      each_row(strip, s_.lane.outputs, [&](Index y, const Interval& xs, Index done) {
        const T* from = buffer_ + m * strip.size() + done;
        T* to = dst + m * s_.dst_c + y * s_.row.dst_step + xs.begin * s_.lane.dst_step;
        for (Index i = 0; i < xs.size(); ++i, to += s_.lane.dst_step)
          *to = continues ? *to + from[i] : from[i];
      });
  }

  void add_bias(const T* bias, Index rows, const Interval& strip, T* dst) {
    for (Index m = 0; m < rows; ++m)
      each_row(strip, s_.lane.outputs, [&](Index y, const Interval& xs, Index) {
        T* to = dst + m * s_.dst_c + y * s_.row.dst_step + xs.begin * s_.lane.dst_step;
        for (Index i = 0; i < xs.size(); ++i) to[i * s_.lane.dst_step] += bias[m * s_.bias_step];
      });
  }

  /// Where outputs see single positions side by side, the source itself.
  bool seen_in_place(const Interval& strip) const {
    const Index columns = s_.lane.outputs;
    const bool dense =
        s_.row.src_step == columns || strip.begin / columns == (strip.end - 1) / columns;
    return s_.taps_x * s_.taps_y == 1 && !s_.padded() && s_.lane.stride == 1 &&
           s_.row.stride == 1 && s_.lane.src_step == 1 && dense && s_.src_c <= kMostStep;
  }

  Matrix<const T> columns_of(Index n, Index g, const Interval& products, const Interval& strip) {
    const T* src = s_.src_data + n * s_.src_n + g * s_.ci * s_.src_c;
    if (seen_in_place(strip)) {
      const Index at =
          strip.begin / s_.lane.outputs * s_.row.src_step + strip.begin % s_.lane.outputs;
      return {src + products.begin * s_.src_c + at, std::max(s_.src_c, strip.size())};
    }
    T* to = columns_;
    for (Index k = products.begin; k < products.end; ++k, to += strip.size()) {
      const Index tx = k % s_.taps_x, ty = k / s_.taps_x % s_.taps_y;
      const Index dy = s_.lowest(ty, 1, s_.taps_y) * s_.row.dilation;
      const Index dx = s_.lowest(tx, 1, s_.taps_x) * s_.lane.dilation;
      const T* plane = src + k / (s_.taps_x * s_.taps_y) * s_.src_c;
      each_row(strip, s_.lane.outputs, [&](Index y, const Interval& xs, Index done) {
        const Index at = y * s_.row.stride + dy;
        if (s_.row.real.contains(at))
          copy_row(plane + at * s_.row.src_step, dx, xs, to + done);
        else
          std::fill_n(to + done, xs.size(), T(0));
      });
    }
    return {columns_, strip.size()};
  }

  /// What outputs `xs` see of a row, `dx` to the right, zeros where nothing is.
  void copy_row(const T* row, Index dx, const Interval& xs, T* to) const {
    const StepAxis& a = s_.lane;
    const auto first_from = [&](Index at) { return floor_div(at - dx + a.stride - 1, a.stride); };
    const Interval real{first_from(a.real.begin), first_from(a.real.end)};
    const Index begin = std::clamp(real.begin, xs.begin, xs.end);
    const Index end = std::clamp(real.end, begin, xs.end);
    std::fill(to, to + (begin - xs.begin), T(0));
    const T* from = row + (begin * a.stride + dx) * a.src_step;
    const Index step = a.stride * a.src_step;
    if (step == 1)
      std::copy_n(from, end - begin, to + (begin - xs.begin));
    else
      for (Index i = begin; i < end; ++i, from += step) to[i - xs.begin] = *from;
    std::fill(to + (end - xs.begin), to + xs.size(), T(0));
  }

  const DirectStep<T>& s_;
  const Deal<T>& deal_;
  bool packs_;
  Index strip_ = 0, depth_ = 0;
  T *columns_ = nullptr, *buffer_ = nullptr, *weights_ = nullptr;
};

template <class T>
void run_step(const StepArgs& a, const DirectStep<T>& s, bool packs) {
  const Deal<T> deal(s, packs);
  const double work = static_cast<double>(s.n * s.groups * s.co * s.row.outputs) *
                      static_cast<double>(s.lane.outputs * s.depth());
  const Index bytes = blas_workspace(s.co, s.depth(), s.row.outputs * s.lane.outputs, packs);
  const BlasOnThisThread alone;
  parallel_ranges(s.n * s.groups * deal.strip_count * deal.row_blocks,
                  work < kThreadWork ? 1 : a.threads, [&](Index begin, Index end, int slot) {
                    Products<T>(s, deal, packs, a.workspace + slot * bytes).run(begin, end);
                  });
}

template <class T>
void run_transpose(const StepArgs& a) {
  const Window &wy = a.layer->window(kY), &wx = a.layer->window(kX);
  // Wide strides leave outputs without a tap.
  const bool gaps = wy.stride > a.weights.shape[2] || wx.stride > a.weights.shape[3] ||
                    std::gcd(wy.stride, wy.dilation) > 1 || std::gcd(wx.stride, wx.dilation) > 1;
  if (gaps && a.first) fill_zero(a.dst);
  for (Index i = 0; i < std::min(wy.stride, a.dst.shape[kY]); ++i) {
    const Phase y = phase(wy, a.y, a.dst.shape[kY], a.weights.shape[2], i);
    if (y.taps == 0) continue;
    for (Index j = 0; j < std::min(wx.stride, a.dst.shape[kX]); ++j) {
      const Phase x = phase(wx, a.x, a.dst.shape[kX], a.weights.shape[3], j);
      if (x.taps > 0) run_step(a, transpose_step<T>(a, y, x), true);
    }
  }
}

}  // namespace

Index blas_workspace(Index co, Index depth, Index outputs, bool packs_weights) {
  const Index strip = std::min(kStripBytes, outputs * 8);
  const Index products = std::min(depth, kMostProducts), rows = std::min(co, kMostRows);
  return round_up((products + rows) * strip + (packs_weights ? rows * products * 8 : 0), 64);
}

void run_conv2d_blas(const StepArgs& args) {
  if (args.dst.dtype == DType::kF64) return run_step(args, forward_step<double>(args), false);
  run_step(args, forward_step<float>(args), false);
}

void run_conv2d_transpose_blas(const StepArgs& args) {
  if (args.dst.dtype == DType::kF64) return run_transpose<double>(args);
  run_transpose<float>(args);
}

}  // namespace tilewright::cpu
