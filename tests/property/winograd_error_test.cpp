// How far Winograd's kernels are from the truth, in f64: on ordinary data, next to the canonical
// sum, and on data made to provoke them, within what they state.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <random>

#include "tilewright/tilewright.h"

namespace tilewright {
namespace {

Tensor widened(const Tensor& t) {
  Tensor wide(DType::kF64, t.shape());
  copy(t.view(), wide.view());
  return wide;
}

Tensor by_kernel(const Problem& p, const std::string& kernel, const Tensor& src,
                 const Tensor& weights) {
  PlanOptions options;
  options.kernel = kernel;
  Tensor dst(p.spec(Operand::kDst));
  run(plan(p, local_machine(), options), src, weights, nullptr, dst);
  return dst;
}

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

Problem of(const std::string& line, DType compute) {
  return parse_problem(line + (compute == DType::kF64 ? " f64" : ""));
}

template <class F>
Tensor filled(const Shape& shape, F&& value) {
  Tensor t(DType::kF32, shape);
  for (Index i = 0; i < t.spec().volume(); ++i) t.data<float>()[i] = static_cast<float>(value(i));
  return t;
}

constexpr const char* kForward = "conv2d ci64 y50 x53 co32 k3x3 p1,1,1,1";
constexpr const char* kTranspose = "conv2d_transpose ci64 y50 x53 co32 o50x53 k3x3 p1,1,1,1";
constexpr const char* kWeights = "conv2d_weights ci64 y50 x53 co32 k3x3 p1,1,1,1";
// Taps apart: tiles lie on phases.
constexpr const char* kDilated = "conv2d ci64 y50 x53 co32 k3x3 d2x3 p2,2,3,3";
constexpr const char* kDilatedTranspose =
    "conv2d_transpose ci64 y50 x53 co32 o50x53 k3x3 d2x3 p2,2,3,3";
constexpr const char* kDilatedWeights = "conv2d_weights ci64 y50 x53 co32 k3x3 d3x2 p3,3,2,2";
// Other windows have smaller tiles.
constexpr const char* kFour = "conv2d ci64 y50 x53 co32 k4x4 p1,2,1,2";
constexpr const char* kFive = "conv2d ci64 y50 x53 co32 k5x5 p2,2,2,2";
constexpr const char* kFiveTranspose = "conv2d_transpose ci64 y50 x53 co32 o50x53 k5x5 p2,2,2,2";
constexpr const char* kMixed = "conv2d ci64 y50 x53 co32 k5x3 d1x2 p2,2,2,2";
// Strides have tiles of their own, each parity with other taps; padding says which comes first.
constexpr const char* kStride = "conv2d ci64 y50 x53 co32 k3x3 s2x2 p1,1,1,1";
constexpr const char* kStrideTranspose =
    "conv2d_transpose ci64 y25 x27 co32 o50x53 k3x3 s2x2 p1,1,1,1";
constexpr const char* kStrideEven = "conv2d_transpose ci64 y25 x27 co32 o50x53 k3x3 s2x2 p0,1,2,0";
constexpr std::array kLines{
    kForward, kTranspose,     kWeights, kDilated, kDilatedTranspose, kDilatedWeights, kFour,
    kFive,    kFiveTranspose, kMixed,   kStride,  kStrideTranspose,  kStrideEven};

std::string kernel_of(const Problem& p) {
  return p.layer->window(kY).stride == 2 ? "winograd_stride" : "winograd";
}

/// Products that are summed.
double products(const Problem& p) {
  if (sums_image(*p.layer)) return 50 * 53;
  return static_cast<double>(64 * p.layer->window(kY).taps * p.layer->window(kX).taps);
}

// The rms error by Winograd beside that of the canonical sum, on normal data.
double ratio(const std::string& line) {
  std::mt19937 random(7);
  std::normal_distribution<double> normal;
  const Problem p = of(line, DType::kF32);
  const auto draw = [&](Index) { return normal(random); };
  const Tensor src = filled(p.spec(Operand::kSrc).shape, draw);
  const Tensor weights = filled(p.spec(Operand::kWeights).shape, draw);
  const Tensor truth =
      by_kernel(of(line, DType::kF64), "reference", widened(src), widened(weights));
  return errors(by_kernel(p, kernel_of(p), src, weights), truth).rms /
         errors(by_kernel(p, "direct", src, weights), truth).rms;
}

TEST(WinogradError, IsLessThanTwiceThatOfTheCanonicalSumOnOrdinaryData) {
  for (const char* line : kLines) {
    const double found = ratio(line);
    EXPECT_LT(found, 2) << line;
    const Problem p = of(line, DType::kF32);
    const Window& y = p.layer->window(kY);
    RecordProperty(p.layer->name() + ("_s" + std::to_string(y.stride)) + "_d" +
                       std::to_string(y.dilation) + "_k" + std::to_string(y.taps) + "x" +
                       std::to_string(p.layer->window(kX).taps),
                   std::to_string(found));
  }
}

// Where sums are short, errors of the transforms stand out, so plans do not choose it by
// themselves. What they do choose with the shortest sums, in every direction and with dilation,
// errs about twice as much at most. Zeros around the image shorten the definition's sums further.
TEST(WinogradError, IsAsStatedForTheShortestSumsThatPlansChooseItFor) {
  const auto chosen = [](const std::string& line) {
    return plan(of(line, DType::kF32), local_machine(), {}).kernel.name;
  };
  struct Case {
    std::string line;
    double most;
    bool unasked;
  };
  const auto forward = [](int ci, const std::string& rest) {
    return "conv2d ci" + std::to_string(ci) + " y96 x96 co32 " + rest;
  };
  const auto weights = [](const std::string& size, const std::string& rest) {
    return "conv2d_weights ci256 " + size + " co128 k3x3 " + rest;
  };
  // Three in ten products meet padding.
  const auto wide_apart = [](int ci) {
    return "conv2d ci" + std::to_string(ci) + " y32 x32 co64 k3x3 d8x8 p8,8,8,8";
  };
  const std::string once = "p1,1,1,1";
  for (const Case& c : {Case{forward(4, "k3x3 p1,1,1,1"), 3.5, false},
                        Case{forward(12, "k3x3 p1,1,1,1"), 2.4, false},
                        Case{forward(16, "k3x3 p1,1,1,1"), 2.05, true},
                        Case{forward(24, "k3x3 p1,1,1,1"), 1.85, true},
                        Case{forward(32, "k3x3 p1,1,1,1"), 2.05, true},
                        Case{forward(16, "k3x3 d2x2 p2,2,2,2"), 2.1, true},
                        Case{forward(16, "k3x3 d3x2 p3,3,2,2"), 2.1, false},
                        Case{forward(12, "k4x4 p1,2,1,2"), 2, true},
                        Case{wide_apart(16), 2.7, false},
                        Case{wide_apart(64), 2.5, false},
                        Case{wide_apart(256), 1.8, true},
                        Case{"conv2d_transpose ci16 y96 x96 co32 o96x96 k3x3 p1,1,1,1", 2.05, true},
                        Case{forward(128, "k3x3 p1,1,1,1"), 1.85, true},
                        Case{weights("y24 x24", once), 2.1, false},
                        Case{weights("y28 x20", once), 2.25, false},
                        Case{weights("y26 x26", once), 2.05, false},
                        Case{weights("y28 x28", once), 2.05, true},
                        Case{weights("y28 x28", "d2x2 p2,2,2,2"), 2.1, false},
                        Case{weights("y32 x32", "d2x2 p2,2,2,2"), 2.05, true},
                        Case{weights("y36 x36", "d3x3 p3,3,3,3"), 2.05, true},
                        Case{weights("y40 x40", "d3x2 p3,3,2,2"), 2, true},
                        Case{weights("y42 x42", "d1x5 p1,1,5,5"), 2.05, true},
                        Case{weights("y96 x44", "d6x6 p6,6,6,6"), 2.05, true},
                        Case{weights("y96 x40", "d8x8 p8,8,8,8"), 2.3, false},
                        Case{weights("y96 x48", "d8x8 p8,8,8,8"), 2.05, true},
                        Case{weights("y14 x14", "p8,8,8,8"), 2.7, false},
                        Case{"conv2d ci128 y64 x64 co64 k3x3 d8x8 p8,8,8,8", 2.05, true},
                        Case{"conv2d ci32 y28 x28 co64 k3x3 p1,1,1,1", 2.1, true},
                        Case{"conv2d_transpose ci16 y30 x30 co64 o32x32 k3x3", 2.15, false}}) {
    const double found = ratio(c.line);
    RecordProperty(c.line, std::to_string(found));
    EXPECT_LT(found, c.most) << c.line;
    EXPECT_EQ(chosen(c.line).find("winograd") != std::string::npos, c.unasked) << c.line;
  }
}

// Single huge pixels among small ones lose what small ones contribute to the rest of their tile.
TEST(WinogradError, KeepsToItsBoundOnDataThatProvokesIt) {
  for (const char* line : kLines) {
    const Problem p = of(line, DType::kF32);
    std::mt19937 random(7);
    const Tensor src = filled(p.spec(Operand::kSrc).shape, [&](Index i) {
      return i % 37 == 0 ? 1e6 : i % 11 == 0 ? -1.0 : 1e-3 * static_cast<double>(random() % 100);
    });
    const Tensor weights =
        filled(p.spec(Operand::kWeights).shape, [&](Index i) { return i % 2 == 0 ? 1.0 : -1.0; });
    const Tensor truth =
        by_kernel(of(line, DType::kF64), "reference", widened(src), widened(weights));

    PlanOptions options;
    options.kernel = kernel_of(p);
    const Plan plan = tilewright::plan(p, local_machine(), options);
    const Errors direct = errors(by_kernel(p, "direct", src, weights), truth);
    const Errors winograd = errors(by_kernel(p, kernel_of(p), src, weights), truth);

    EXPECT_LE(winograd.largest, plan.bound * products(p) * 1e6) << line;
    // With many taps the canonical sum suffers as much, and transforms that only add provoke less.
    EXPECT_GT(winograd.largest, direct.largest / 3) << "these data provoke nothing";
  }
}

}  // namespace
}  // namespace tilewright
