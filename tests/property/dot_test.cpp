// How far conv2d_weights/dot is from the truth, in f64: on ordinary data, next to the canonical
// sum, and on data of very different sizes, within what it states.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "tilewright/tilewright.h"

namespace tilewright {
namespace {

// Lanes sum up to 512 products: of wide blocks, narrow ones and small images.
constexpr const char* kLines[] = {"conv2d_weights ci8 y200 x260 co8 k3x3 p1,1,1,1",
                                  "conv2d_weights ci8 y199 x33 co8 k3x3 s2x2 p1,1,1,1",
                                  "conv2d_weights n3 ci64 y14 x14 co32 k3x3 p1,1,1,1"};

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

/// The root of the mean square, and the largest.
struct Errors {
  double rms = 0, largest = 0;
};

Errors errors(const Tensor& found, const Tensor& truth) {
  Errors e;
  const Index count = truth.spec().volume();
  for (Index i = 0; i < count; ++i) {
    const double gap =
        std::abs(static_cast<double>(found.data<float>()[i]) - truth.data<double>()[i]);
    e.rms += gap * gap / static_cast<double>(count);
    e.largest = std::max(e.largest, gap);
  }
  e.rms = std::sqrt(e.rms);
  return e;
}

template <class F>
Tensor filled(const Shape& shape, F&& value) {
  Tensor t(DType::kF32, shape);
  for (Index i = 0; i < t.spec().volume(); ++i) t.data<float>()[i] = static_cast<float>(value(i));
  return t;
}

struct Data {
  Tensor src, results, truth;
  template <class F>
  Data(const std::string& line, const Problem& p, F&& value)
      : src(filled(p.spec(Operand::kSrc).shape, value)),
        results(filled(p.spec(Operand::kWeights).shape, value)),
        truth(by_kernel(parse_problem(line + " f64"), "direct", widened(src), widened(results))) {}
};

TEST(DotError, IsNotLargerThanThatOfTheCanonicalSumOnOrdinaryData) {
  for (const std::string line : kLines) {
    std::mt19937 random(7);
    std::normal_distribution<double> normal;
    const Problem p = parse_problem(line);
    const Data d(line, p, [&](Index) { return normal(random); });

    const double direct = errors(by_kernel(p, "direct", d.src, d.results), d.truth).rms;
    const double dot = errors(by_kernel(p, "dot", d.src, d.results), d.truth).rms;

    EXPECT_LT(dot, 1.05 * direct) << line;
    RecordProperty(line, std::to_string(dot / direct));
  }
}

TEST(DotError, KeepsToItsBoundOnDataOfVeryDifferentSizes) {
  for (const std::string line : kLines) {
    std::mt19937 random(7);
    const Problem p = parse_problem(line);
    const Data d(line, p, [&](Index i) {
      return i % 37 == 0 ? 1e6 : i % 11 == 0 ? -1.0 : 1e-3 * static_cast<double>(random() % 100);
    });

    const Errors dot = errors(by_kernel(p, "dot", d.src, d.results), d.truth);

    const double products = static_cast<double>(p.spec(Operand::kWeights).volume() /
                                                p.spec(Operand::kWeights).shape[kC]);
    EXPECT_LE(dot.largest, plan_of(p, "dot").bound * products * 1e12) << line;
    EXPECT_GT(dot.largest, 0) << "these data provoke nothing";
  }
}

// What lies around the image in memory are other rows and channels, not zeros.
TEST(DotInPlace, SameBitsWhereTheImageLies) {
  for (const std::string line : {"conv2d_weights n2 ci3 y150 x140 co4 k3x3 p1,1,1,1",
                                 "conv2d_weights ci2 y149 x77 co2 k5x4 s2x2 d1x3 p3,9,7,2",
                                 "conv2d_weights ci6 y70 x128 co6 k3x3 p1,1,1,1 g6"})
    for (const std::string force : {"", "y=64,n=1"}) {
      const Problem p = parse_problem(line);
      std::mt19937 random(5);
      std::normal_distribution<double> normal;
      const auto draw = [&](Index) { return normal(random); };
      const Tensor src = filled(p.spec(Operand::kSrc).shape, draw),
                   results = filled(p.spec(Operand::kWeights).shape, draw);
      Tensor copied(p.spec(Operand::kDst)), found(p.spec(Operand::kDst));

      run(plan_of(p, "dot"), src, results, nullptr, copied);
      PlanOptions options;
      options.kernel = "dot", options.force = force;
      options.src.in_place = options.weights.in_place = options.dst.in_place = true;
      const Plan in_place = plan(p, local_machine(), options);
      run(in_place, src, results, nullptr, found);

      EXPECT_TRUE(in_place.src_in_place);
      EXPECT_TRUE(std::equal(found.data<float>(), found.data<float>() + found.spec().volume(),
                             copied.data<float>()))
          << line << " " << force;
    }
}

std::string chosen(const std::string& line, Exactness least = Exactness::kStable,
                   const MachineLimits& limits = {}) {
  PlanOptions options;
  options.least = least;
  return plan(parse_problem(line), local_machine().limited_to(limits), options).kernel.name;
}

TEST(DotChoice, FewChannelsAreSummedAlongColumns) {
  const std::string depthwise = "conv2d_weights ci256 y128 x128 co256 k3x3 p1,1,1,1 g256";
  EXPECT_EQ(chosen(depthwise), "conv2d_weights/dot");
  EXPECT_EQ(chosen("conv2d_weights ci1 y512 x512 co64 k3x3 p1,1,1,1"), "conv2d_weights/dot");
  EXPECT_EQ(chosen("conv2d_weights ci4 y1024 x1024 co4 k3x3 p1,1,1,1"), "conv2d_weights/dot");
  for (const int threads : {1, 5})
    EXPECT_EQ(chosen(depthwise, Exactness::kStable, {Index{900} << 20, threads}),
              "conv2d_weights/dot");
}

TEST(DotChoice, ManyChannelsAndTheDefinitionsBitsAreNot) {
  EXPECT_EQ(chosen("conv2d_weights ci256 y128 x128 co256 k1x1"), "conv2d_weights/direct");
  EXPECT_EQ(chosen("conv2d_weights ci64 y512 x512 co64 k3x3 p1,1,1,1"), "conv2d_weights/winograd");
  EXPECT_EQ(chosen("conv2d_weights ci32 y512 x512 co32 k3x3 p1,1,1,1"), "conv2d_weights/winograd");
  EXPECT_EQ(chosen("conv2d_weights ci16 y1024 x1024 co16 k3x3 p1,1,1,1"), "conv2d_weights/direct");
  EXPECT_EQ(chosen("conv2d_weights ci8 y500 x1 co8 k3x3 p1,1,1,1"), "conv2d_weights/direct");
  EXPECT_EQ(chosen("conv2d_weights ci8 y512 x512 co8 k3x3 p1,1,1,1", Exactness::kBits),
            "conv2d_weights/direct");
  EXPECT_EQ(chosen("conv2d_weights ci8 y512 x512 co8 k3x3 p1,1,1,1 f64"), "conv2d_weights/direct");
}

}  // namespace
}  // namespace tilewright
