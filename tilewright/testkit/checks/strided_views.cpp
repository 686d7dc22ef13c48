// Inputs as they lie in larger arrays: a window of an image, every second element, x before y. What
// lies between the elements is NaN, so that reading it shows.
#include <limits>

#include "tilewright/testkit/checks/checks.h"

namespace tilewright::testkit {
namespace {

// Extents and steps in elements; `swapped` stores columns before rows.
struct Layout {
  const char* name;
  Index margin, step;
  bool swapped;
};
constexpr Layout kLayouts[] = {
    {"a window of a larger array: ", 2, 1, false},
    {"every second element: ", 0, 2, false},
    {"columns before rows: ", 1, 1, true},
};

class Laid {
 public:
  Laid(const Tensor& t, const Layout& l) : buffer_(t.dtype(), room(t.shape(), l)) {
    const Tensor nan =
        tensor_of(DType::kF64, {1, 1, 1, 1}, {std::numeric_limits<double>::quiet_NaN()});
    copy({nan.view().data, DType::kF64, buffer_.shape(), {0, 0, 0, 0}}, buffer_.view());
    TensorView v = buffer_.view();
    if (l.swapped) std::swap(v.strides[kY], v.strides[kX]);
    v.data += v.offset(0, 0, l.margin, l.margin) * size_of(v.dtype);
    v.strides[kX] *= l.step;
    v.strides[kC] *= l.step;
    v.shape = t.shape();
    copy(t.view(), v);
    view_ = v;
  }
  const ConstTensorView& view() const { return view_; }

 private:
  static Shape room(Shape s, const Layout& l) {
    if (l.swapped) std::swap(s[kY], s[kX]);
    return {s[kN], s[kC] * l.step, s[kY] + 2 * l.margin, s[kX] * l.step + 2 * l.margin};
  }

  Tensor buffer_;
  ConstTensorView view_;
};

}  // namespace

void check_strided_views(const Subject& subject, const Case& c, Finding& finding) {
  const Tensors inputs = make_inputs(c, c.dtype);
  const auto wanted = all_wanted(inputs.size());
  const Tensor result = subject.forward(inputs);
  const Tensor g = gradient_of(c, result);
  const Tensors gradients = gradients_of(subject, inputs, g);
  for (const Layout& l : kLayouts) {
    std::vector<Laid> laid;
    Views views;
    for (const Tensor& t : inputs) laid.emplace_back(t, l);
    for (const Laid& one : laid) views.push_back(one.view());
    const Laid laid_gradient(g, l);
    finding.compare(std::string(l.name) + "result", subject.forward_views(views), result, 0);
    compare_gradients(subject, subject.backward_views(views, laid_gradient.view(), wanted),
                      gradients, 0, l.name, finding);
  }
}

}  // namespace tilewright::testkit
