// The definition against values worked out by hand, then against the formula written once more.
#include "tilewright/device/reference/reference_device.h"

#include "tilewright/device/conformance.h"

namespace tilewright {
namespace {

Tensor run(const Tensor& src, const Tensor& weights, const Tensor* bias,
           const Conv2dOptions& options = {}) {
  const auto layer = Conv2d::make(src.shape(), weights.shape(), bias != nullptr, options);
  Tensor dst(DType::kF32, layer->shape(Operand::kDst, src.shape()));
  StepArgs a;
  a.layer = layer.get();
  a.src = src.view(), a.weights = weights.view(), a.dst = dst.view();
  if (bias != nullptr) a.bias = bias->view();
  a.groups = options.groups;
  find_kernel("reference", "conv2d/definition").run(a);
  return dst;
}

std::vector<float> values(const Tensor& t) {
  return {t.data<float>(), t.data<float>() + t.spec().volume()};
}

const Tensor kImage = Tensor::from({1, 1, 3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9});

TEST(Reference, SumsAWindow) {
  const Tensor weights = Tensor::from({1, 1, 2, 2}, {1, 10, 100, 1000});

  const Tensor dst = run(kImage, weights, nullptr);

  EXPECT_EQ(values(dst), (std::vector<float>{5421, 6532, 8754, 9865}));
}

TEST(Reference, StrideAndDilationSkip) {
  const Tensor weights = Tensor::from({1, 1, 2, 1}, {1, 10});

  const Tensor dst = run(kImage, weights, nullptr, {.stride = {1, 2}, .dilation = {2, 1}});

  EXPECT_EQ(values(dst), (std::vector<float>{71, 93}));
}

TEST(Reference, BiasComesLastOnce) {
  const Tensor src = Tensor::from({1, 2, 1, 1}, {1, 1}), bias = Tensor::from({1, 1, 1, 1}, {1});
  const Tensor weights = Tensor::from({1, 2, 1, 1}, {1e8f, -1e8f});

  EXPECT_EQ(values(run(src, weights, &bias)), std::vector<float>{1});
}

TEST(Reference, GroupsSeeTheirOwnChannels) {
  const Tensor src = Tensor::from({1, 2, 1, 2}, {1, 2, 3, 4});
  const Tensor weights = Tensor::from({2, 1, 1, 1}, {10, 100});

  EXPECT_EQ(values(run(src, weights, nullptr, {.groups = 2})),
            (std::vector<float>{10, 20, 300, 400}));
}

TEST(Reference, FusesEachProduct) {
  // (1 + e)(1 - e) - 1 is -e*e exactly; with the product rounded first it would be 0.
  const float e = 1.0f / 8192;
  const Tensor src = Tensor::from({1, 2, 1, 1}, {1, 1 + e});
  const Tensor weights = Tensor::from({1, 2, 1, 1}, {-1, 1 - e});

  EXPECT_EQ(values(run(src, weights, nullptr)), std::vector<float>{-e * e});
}

/// The largest |dst - formula| over |weights||src| sums, in units of the last place of f32.
double error_against_formula(const conformance::Case& c) {
  const Index in_y = (c.y - 1) * c.sy + (c.ky - 1) * c.dy + 1;
  const Index in_x = (c.x - 1) * c.sx + (c.kx - 1) * c.dx + 1;
  Tensor src(DType::kF32, {c.n, c.groups * c.ci, in_y, in_x});
  Tensor weights(DType::kF32, {c.groups * c.co, c.ci, c.ky, c.kx});
  conformance::Values<float> random(c);
  for (Tensor* t : {&src, &weights})
    std::generate_n(t->data<float>(), t->spec().volume(), std::ref(random));
  const Tensor dst = run(src, weights, nullptr,
                         {.stride = {c.sy, c.sx}, .dilation = {c.dy, c.dx}, .groups = c.groups});
  double worst = 0;
  for (Index i = 0; i < dst.spec().volume(); ++i) {
    const Index x = i % c.x, y = i / c.x % c.y, co = i / (c.x * c.y) % (c.groups * c.co);
    const Index n = i / (c.x * c.y * c.groups * c.co);
    double sum = 0, size = 0;
    for (Index k = c.ci * c.ky * c.kx; k-- > 0;) {
      const Index kx = k % c.kx, ky = k / c.kx % c.ky, ci = k / (c.kx * c.ky) + co / c.co * c.ci;
      const double product =
          static_cast<double>(weights.data<float>()[co * c.ci * c.ky * c.kx + k]) *
          static_cast<double>(
              *src.view().at<float>(n, ci, y * c.sy + ky * c.dy, x * c.sx + kx * c.dx));
      sum += product, size += std::abs(product);
    }
    const double error = std::abs(static_cast<double>(dst.data<float>()[i]) - sum);
    worst = std::max(worst, error / std::max(size, 1e-30) * 0x1p24);
  }
  return worst;
}

TEST(Reference, EqualsTheFormula) {
  EXPECT_TRUE(rc::check("within K roundings of the formula in f64", [] {
    conformance::Case c = *conformance::any_case();
    c.special = false;
    c.ci = std::min<Index>(c.ci, 6), c.co = std::min<Index>(c.co, 6);
    RC_LOG() << c;
    RC_ASSERT(error_against_formula(c) <= static_cast<double>(c.ci * c.ky * c.kx + 1));
  }));
}

}  // namespace
}  // namespace tilewright
