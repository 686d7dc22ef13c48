// Cases that do not fit their layer are refused before it runs: a layer takes its inputs for
// granted.
#include <gtest/gtest.h>

#include "tilewright/testkit/testkit.h"

namespace tilewright::testkit {
namespace {

// Crashes on inputs that are missing, as any layer may.
class Trusting final : public Subject {
 public:
  std::string name() const override { return "trusting"; }
  std::vector<std::string> inputs() const override { return {"src", "weights"}; }
  Tensor forward(const Tensors& in) const override {
    ++runs;
    const double w = numbers(in[1])[0];
    std::vector<double> values = numbers(in[0]);
    for (double& v : values) v *= w;
    return tensor_of(in[0].dtype(), in[0].shape(), values);
  }
  Tensors backward(const Tensors&, const Tensor&, const std::vector<bool>&) const override {
    return gradients;
  }
  mutable int runs = 0;
  Tensors gradients;
};

const Shape kSrc{1, 1, 2, 2}, kOne{1, 1, 1, 1};

std::string refusal(const Case& c) {
  const Trusting layer;
  const Case sound{.name = "sound", .shapes = {kSrc, kOne}};
  try {
    check_layer(layer, {sound, c});
  } catch (const InvalidArgument& e) {
    EXPECT_EQ(layer.runs, 0) << "refused too late";
    EXPECT_THROW(run_check(check_table().front(), layer, c), InvalidArgument);
    return e.what();
  }
  return "accepted";
}

TEST(Case, WithoutAShapeForEveryInputIsRefused) {
  EXPECT_EQ(refusal({.name = "short", .shapes = {kSrc}}),
            "the case 'short' has 1 shapes, 0 inputs and 0 gradients for the 2 inputs src, weights "
            "of trusting; give one for each");
  for (const std::vector<Shape>& shapes :
       {std::vector<Shape>{}, std::vector<Shape>{kSrc, kOne, kOne}})
    EXPECT_NE(refusal({.name = "odd", .shapes = shapes}).find("the case 'odd' has "),
              std::string::npos);
}

TEST(Case, WithoutExtentIsRefused) {
  EXPECT_EQ(refusal({.name = "flat", .shapes = {kSrc, {1, 0, 1, 1}}}),
            "the case 'flat' has weights of 1x0x1x1; every side must be 1 or more");
  EXPECT_NE(refusal({.name = "negative", .shapes = {{1, 1, -2, 2}, kOne}}).find("src of 1x1x-2x2"),
            std::string::npos);
}

TEST(Case, WithOtherValuesThanItsShapesIsRefused) {
  Case c{.name = "both", .shapes = {kSrc, kOne}};
  c.inputs = {Tensor(DType::kF32, {1, 1, 2, 3})};
  EXPECT_EQ(refusal(c), "the case 'both' has src of 1x1x2x2, and values of 1x1x2x3");

  c = {.name = "one", .shapes = {}};
  c.inputs = {Tensor(DType::kF32, kSrc), Tensor()};
  EXPECT_EQ(refusal(c), "the case 'one' has neither a shape nor values of weights");

  c = {.name = "many", .shapes = {kSrc, kOne}};
  c.expected_gradients.resize(3);
  EXPECT_NE(refusal(c).find("3 gradients for the 2 inputs"), std::string::npos);
}

TEST(Case, OfIntegersIsRefused) {
  EXPECT_EQ(refusal({.name = "bytes", .shapes = {kSrc, kOne}, .dtype = DType::kU8}),
            "the case 'bytes' is in u8; a Subject is a function of f32 or f64");
}

TEST(Check, ThatDoesNotExistIsRefused) { EXPECT_THROW(check_named("luck"), InvalidArgument); }

// Gradients that are missing or of other sizes are findings, never read beyond their end.
TEST(Check, OfGradientsThatDoNotFitIsAFinding) {
  const Case c{.name = "sound", .shapes = {kSrc, kOne}};
  Trusting layer;
  for (const char* check :
       {"finite", "jacobian", "adjoint", "precision", "batch", "accumulation"}) {
    layer.gradients = {};
    EXPECT_EQ(run_check(check_named(check), layer, c).detail,
              "threw: backward gave 0 gradients for 2 inputs");
    layer.gradients = {Tensor(), Tensor(DType::kF64, {9, 9, 9, 9})};
    EXPECT_TRUE(run_check(check_named(check), layer, c).failed());
  }
}

}  // namespace
}  // namespace tilewright::testkit
