// How far the FFT kernels are from the truth, in f64: on ordinary data, next to the canonical sum,
// and on data made to provoke them, within what they state.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "tilewright/tilewright.h"

namespace tilewright {
namespace {

struct Line {
  const char* text;
};
constexpr Line kLines[] = {{"conv2d ci3 y150 x163 co2 k15x15 p7,7,7,7"},
                           {"conv2d ci1 y180 x170 co1 k31x31 p15,15,15,15"},
                           {"conv2d ci40 y70 x67 co2 k9x9 p4,4,4,4"},
                           {"conv2d_transpose ci3 y150 x163 co2 o150x163 k15x15 p7,7,7,7"},
                           {"conv2d_weights ci2 y150 x163 co2 k15x15 p7,7,7,7"},
                           {"conv2d ci1 y300 x290 co1 k101x3 p50,50,1,1"}};

Tensor widened(const Tensor& t) {
  Tensor wide(DType::kF64, t.shape());
  copy(t.view(), wide.view());
  return wide;
}

Plan plan_of(const Problem& p, const std::string& kernel) {
  PlanOptions options;
  options.kernel = kernel;
  return plan(p, local_machine(), options);
}

Tensor by_kernel(const Problem& p, const std::string& kernel, const Tensor& src,
                 const Tensor& weights) {
  Tensor dst(p.spec(Operand::kDst));
  run(plan_of(p, kernel), src, weights, nullptr, dst);
  return dst;
}

Tensor truth_of(const Line& line, const Tensor& src, const Tensor& weights) {
  return by_kernel(parse_problem(std::string(line.text) + " f64"), "direct", widened(src),
                   widened(weights));
}

struct Errors {
  double rms = 0, largest = 0, median = 0;
};

Errors errors(const Tensor& found, const Tensor& truth) {
  Errors e;
  std::vector<double> gaps;
  const Index count = truth.spec().volume();
  for (Index i = 0; i < count; ++i) {
    const double gap =
        std::abs(static_cast<double>(found.data<float>()[i]) - truth.data<double>()[i]);
    e.rms += gap * gap / static_cast<double>(count);
    gaps.push_back(gap);
  }
  e.rms = std::sqrt(e.rms);
  std::sort(gaps.begin(), gaps.end());
  e.median = gaps[gaps.size() / 2], e.largest = gaps.back();
  return e;
}

template <class F>
Tensor filled(const Shape& shape, F&& value) {
  Tensor t(DType::kF32, shape);
  for (Index i = 0; i < t.spec().volume(); ++i) t.data<float>()[i] = static_cast<float>(value(i));
  return t;
}

TEST(FftError, IsLessThanThatOfTheCanonicalSumOnOrdinaryData) {
  for (const Line& line : kLines) {
    std::mt19937 random(7);
    std::normal_distribution<double> normal;
    const Problem p = parse_problem(line.text);
    const auto draw = [&](Index) { return normal(random); };
    const Tensor src = filled(p.spec(Operand::kSrc).shape, draw);
    const Tensor weights = filled(p.spec(Operand::kWeights).shape, draw);
    const Tensor truth = truth_of(line, src, weights);

    const double direct = errors(by_kernel(p, "direct", src, weights), truth).rms;
    const double fft = errors(by_kernel(p, "fft", src, weights), truth).rms;

    EXPECT_LT(fft, direct) << line.text;
    RecordProperty(line.text, std::to_string(fft / direct));
  }
}

// A huge pixel costs the whole block what small ones contribute: most outputs, which the canonical
// sum keeps apart from it.
TEST(FftError, KeepsToItsBoundOnDataThatProvokesIt) {
  for (const Line& line : kLines) {
    const Problem p = parse_problem(line.text);
    std::mt19937 random(7);
    const Tensor src = filled(p.spec(Operand::kSrc).shape, [&](Index i) {
      return i % 9973 == 37 ? 1e6 : 1e-3 * static_cast<double>(random() % 100);
    });
    const Tensor weights =
        filled(p.spec(Operand::kWeights).shape, [&](Index i) { return i % 2 == 0 ? 1.0 : -1.0; });
    const Tensor truth = truth_of(line, src, weights);

    const Errors direct = errors(by_kernel(p, "direct", src, weights), truth);
    const Errors fft = errors(by_kernel(p, "fft", src, weights), truth);

    const Index products = p.spec(Operand::kWeights).volume();
    EXPECT_LE(fft.largest, plan_of(p, "fft").bound * static_cast<double>(products) * 1e6)
        << line.text;
    // A gradient of weights adds the huge pixel to every tap anyway.
    if (sums_image(*p.layer)) continue;
    EXPECT_GT(fft.median, 10 * direct.median) << "these data provoke nothing: " << line.text;
  }
}

// The bound is that of the worst case.
TEST(FftError, BoundGrowsWithTheRootOfTheBlock) {
  const double small = plan_of(parse_problem("conv2d ci1 y9 x9 co1 k9x9"), "fft").bound;
  const double large = plan_of(parse_problem("conv2d ci1 y99 x99 co1 k99x99"), "fft").bound;

  EXPECT_GT(large, 8 * small);
  EXPECT_LT(large, 16 * small);
}

}  // namespace
}  // namespace tilewright
