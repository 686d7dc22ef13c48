// Lesson 6: a layer of your own, and how to know that its gradients are right.
//
// A gated convolution lets a second convolution decide how much of the first comes through:
//
//   dst = a(src) * sigmoid(b(src))
//
// A Subject is a layer as the test kit sees it: names, a forward and a backward pass. The kit then
// asks the questions of docs/testkit.md. Here it passes the layer, and catches the same layer with
// a gradient in which the slope of the sigmoid was forgotten.
#include <tilewright/testkit/testkit.h>

#include <cmath>
#include <cstdio>

namespace tw = tilewright;
namespace kit = tilewright::testkit;

namespace {

class GatedConv final : public kit::Subject {
 public:
  enum class Slope { kRight, kForgotten };
  explicit GatedConv(Slope slope) : slope_(slope) {}

  std::string name() const override { return "gated convolution"; }
  std::vector<std::string> inputs() const override { return {"src", "a", "b"}; }

  tw::Tensor forward(const kit::Tensors& in) const override {
    const Halves p = halves(in);
    std::vector<double> dst(p.a.size());
    for (std::size_t i = 0; i < dst.size(); ++i) dst[i] = p.a[i] * p.gate[i];
    return kit::tensor_of(in[0].dtype(), p.shape, dst);
  }

  // What reaches `a` is the gradient times the gate, what reaches `b` the gradient times a and the
  // slope of the gate; from there on, conv2d knows the way.
  kit::Tensors backward(const kit::Tensors& in, const tw::Tensor& gradient,
                        const std::vector<bool>& wanted) const override {
    const Halves p = halves(in);
    std::vector<double> to_a = kit::numbers(gradient), to_b = to_a;
    for (std::size_t i = 0; i < to_a.size(); ++i) {
      to_a[i] *= p.gate[i];
      to_b[i] *= p.a[i] * (slope_ == Slope::kRight ? p.gate[i] * (1 - p.gate[i]) : p.gate[i]);
    }
    const auto through = [&](std::size_t which, const std::vector<double>& to) {
      return tw::conv2d_gradients(in[0], in[which], kit::tensor_of(in[0].dtype(), p.shape, to),
                                  kSame, {.src = wanted[0], .weights = wanted[which]});
    };
    tw::Conv2dGradients a = through(1, to_a), b = through(2, to_b);
    return {wanted[0] ? sum(a.src, b.src) : tw::Tensor(), std::move(a.weights),
            std::move(b.weights)};
  }

 private:
  struct Halves {
    tw::Shape shape;
    std::vector<double> a, gate;
  };
  static inline const tw::Conv2dOptions kSame{.padding = tw::Padding::same()};

  static Halves halves(const kit::Tensors& in) {
    const tw::Tensor a = tw::conv2d(in[0], in[1], kSame);
    Halves p{a.shape(), kit::numbers(a), kit::numbers(tw::conv2d(in[0], in[2], kSame))};
    for (double& g : p.gate) g = 1 / (1 + std::exp(-g));
    return p;
  }
  static tw::Tensor sum(const tw::Tensor& a, const tw::Tensor& b) {
    std::vector<double> total = kit::numbers(a), other = kit::numbers(b);
    for (std::size_t i = 0; i < total.size(); ++i) total[i] += other[i];
    return kit::tensor_of(a.dtype(), a.shape(), total);
  }

  Slope slope_;
};

}  // namespace

int main() {
  // Sizes small enough for the whole Jacobian. The results determine both kernels, so training from
  // a wrong start has to find them again.
  const std::vector<kit::Case> cases{
      {.name = "learned",
       .shapes = {{1, 1, 7, 6}, {1, 1, 3, 3}, {1, 1, 3, 3}},
       .learns = {"a", "b"}},
      {.name = "two images", .shapes = {{2, 2, 6, 5}, {3, 2, 3, 3}, {3, 2, 3, 3}}}};

  const kit::Report right = check_layer(GatedConv(GatedConv::Slope::kRight), cases);
  std::printf("right: %s", right.text().c_str());

  const kit::Report wrong = check_layer(GatedConv(GatedConv::Slope::kForgotten), cases);
  std::printf("wrong: %ld findings, the first:\n",
              static_cast<long>(wrong.count(kit::Outcome::kFailed)));
  for (const kit::Finding& f : wrong.findings) {
    if (!f.failed()) continue;
    std::printf("  %s, case '%s': %s\n", f.check.c_str(), f.case_name.c_str(), f.detail.c_str());
    std::printf("  reproduce: %s\n", f.call.c_str());
    break;
  }
  // A page with pictures of the differences, and the same as JSON: gated_convolution.html, .json.
  wrong.write("reports");
  return right.ok() && !wrong.ok() ? 0 : 1;
}
