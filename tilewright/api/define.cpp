#include "tilewright/api/define.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "tilewright/device/reference/conv2d_gradients_reference.h"
#include "tilewright/device/reference/conv2d_reference.h"
#include "tilewright/tensor/convert.h"

namespace tilewright {
namespace {

struct Operands {
  const Problem& problem;
  Tensor src, weights;  // in the compute type
  std::optional<Tensor> bias;
  const std::atomic<bool>* cancel;

  Index groups() const { return problem.extents()[Axis::kG]; }
  const Window& y() const { return problem.layer->window(kY); }
  const Window& x() const { return problem.layer->window(kX); }
  void check_cancel() const {
    if (cancel != nullptr && cancel->load()) throw Interrupted("interrupted");
  }
};

Tensor widened(const Tensor& t, DType dtype) {
  Tensor wide(dtype, t.shape());
  copy(t.view(), wide.view());
  return wide;
}

void turn_taps(Tensor& t) {
  const Index count = t.shape()[2] * t.shape()[3];
  dispatch(t.dtype(), [&](auto type) {
    auto* v = t.data<decltype(type)>();
    for (Index i = 0; i < t.spec().volume(); i += count) std::reverse(v + i, v + i + count);
  });
}

// Row by row, so that a cancellation is noticed: a row that begins at y looks y strides further.
template <class T>
void define_conv2d(const Operands& o, Tensor& dst) {
  for (Index y = 0; y < dst.shape()[kY]; ++y) {
    o.check_cancel();
    Region row = whole(dst.shape());
    row[kY] = {y, y + 1};
    Window wy = o.y();
    wy.pad_begin -= y * wy.stride;
    reference::conv2d<T>(o.src.view(), o.weights.view(),
                         o.bias ? o.bias->view() : ConstTensorView(), dst.view().slice(row), wy,
                         o.x(), o.groups(), false);
  }
}

// The gradient at every padded position, then what each of them shows.
template <class T>
void define_transpose(const Operands& o, Tensor& dst) {
  const Shape& s = dst.shape();
  const Window &wy = o.y(), &wx = o.x();
  Tensor padded(dst.dtype(), {s[kN], s[kC], s[kY] + wy.pad_begin + wy.pad_end,
                              s[kX] + wx.pad_begin + wx.pad_end});
  reference::conv2d_transpose<T>(o.src.view(), o.weights.view(), padded.view(), wy, wx, o.groups(),
                                 {-wy.pad_begin, 0, 0}, {-wx.pad_begin, 0, 0}, false);
  Tensor met(DType::kU8, {1, 1, s[kY], s[kX]});
  for (Index y = 0; y < padded.shape()[kY]; ++y)
    for (Index x = 0; x < padded.shape()[kX]; ++x) {
      const Index ry = pad_index(wy.mode, y - wy.pad_begin, s[kY]);
      const Index rx = pad_index(wx.mode, x - wx.pad_begin, s[kX]);
      if (ry < 0 || rx < 0) continue;
      const bool first = *met.view().at<std::uint8_t>(0, 0, ry, rx) == 0;
      *met.view().at<std::uint8_t>(0, 0, ry, rx) = 1;
      for (Index n = 0; n < s[kN]; ++n)
        for (Index c = 0; c < s[kC]; ++c) {
          const T value = *padded.view().at<T>(n, c, y, x);
          T& sum = *dst.view().at<T>(n, c, ry, rx);
          sum = first ? value : sum + value;
        }
    }
}

template <class T>
void define_weights(const Operands& o, Tensor& dst) {
  const Shape& s = o.src.shape();
  const Window &wy = o.y(), &wx = o.x();
  Tensor padded(o.src.dtype(), {s[kN], s[kC], s[kY] + wy.pad_begin + wy.pad_end,
                                s[kX] + wx.pad_begin + wx.pad_end});
  const reference::PaddedImage<T> image{o.src.view(), wy.mode};
  for (Index n = 0; n < s[kN]; ++n)
    for (Index c = 0; c < s[kC]; ++c)
      for (Index y = 0; y < padded.shape()[kY]; ++y)
        for (Index x = 0; x < padded.shape()[kX]; ++x)
          *padded.view().at<T>(n, c, y, x) = image(n, c, y - wy.pad_begin, x - wx.pad_begin);
  reference::conv2d_weights<T>(padded.view(), o.weights.view(), dst.view(), wy, wx, o.groups(),
                               o.problem.layer->sum_block(Axis::kY),
                               o.problem.layer->sum_block(Axis::kX), false);
}

struct Row {
  const char* layer;
  void (*f32)(const Operands&, Tensor&);
  void (*f64)(const Operands&, Tensor&);
};
constexpr Row kTable[] = {
    {"conv2d", &define_conv2d<float>, &define_conv2d<double>},
    {"conv2d_transpose", &define_transpose<float>, &define_transpose<double>},
    {"conv2d_weights", &define_weights<float>, &define_weights<double>},
};

}  // namespace

Tensor define(const Problem& p, const Tensor& src, const Tensor& weights, const Tensor* bias,
              const std::atomic<bool>* cancel) {
  Operands o{p, widened(src, p.compute), widened(weights, p.compute), {}, cancel};
  if (bias != nullptr) o.bias = widened(*bias, p.compute);
  const bool turned = p.layer->reversed_taps();
  const bool sums = sums_image(*p.layer);
  if (turned && !sums) turn_taps(o.weights);
  Tensor result(p.layer->accumulator(p.compute), p.spec(Operand::kDst).shape);
  for (const Row& row : kTable) {
    if (std::string_view(row.layer) != p.layer->name()) continue;
    (p.compute == DType::kF64 ? row.f64 : row.f32)(o, result);
    if (turned && sums) turn_taps(result);
    return result;
  }
  throw Unsupported(std::string("no definition of the layer ") + p.layer->name());
}

}  // namespace tilewright
