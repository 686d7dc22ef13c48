// Comparison of tensors: what counts as the same, and what a difference says.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tilewright/testkit/testkit.h"

namespace tilewright::testkit {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

Tensor row(const std::vector<float>& values) {
  return Tensor::from({1, 1, 1, static_cast<Index>(values.size())}, values);
}

Finding compared(const std::vector<float>& is, const std::vector<float>& should, double bound) {
  Finding f;
  f.compare("x", row(is), row(should), bound);
  return f;
}

TEST(Finding, WithoutABoundOnlyTheSameBitsAreTheSame) {
  EXPECT_FALSE(compared({1, -2, kNan, INFINITY}, {1, -2, -kNan, INFINITY}, 0).failed());
  EXPECT_TRUE(compared({0.0f}, {-0.0f}, 0).failed());
  EXPECT_TRUE(compared({1}, {std::nextafter(1.0f, 2.0f)}, 0).failed());
}

TEST(Finding, ABoundIsRelativeToTheLargestValue) {
  EXPECT_FALSE(compared({1.5f, 100}, {1, 100}, 0.01).failed());
  EXPECT_TRUE(compared({1.5f, 10}, {1, 10}, 0.01).failed());
  EXPECT_TRUE(compared({kNan, 1}, {0, 1}, 0.5).failed());
  EXPECT_TRUE(compared({INFINITY, 1}, {0, 1}, 0.5).failed());
  EXPECT_FALSE(compared({0, 0}, {0, -0.0f}, 0.5).failed());
}

TEST(Finding, NamesTheWorstPlaceAndCountsWhatIsBeyondTheBound) {
  const Finding f = compared({1, 2, 7, 4.00001f}, {1, 3, 3, 4}, 1e-3);

  EXPECT_EQ(f.where, "x, n0 c0 y0 x2: 7, expected 3");
  EXPECT_EQ(f.detail, "x: 2 of 4 differ, by up to 1 of the largest value; allowed: 1e-03");
  EXPECT_EQ(f.worst, 1);
  EXPECT_FALSE(f.found.empty());
}

TEST(Finding, OtherShapesAndTypesAreDifferences) {
  Finding f;
  f.compare("x", row({1, 2}), row({1}), 1);
  EXPECT_EQ(f.detail, "x is f32 1x1x1x2, expected f32 1x1x1x1");
  f = Finding();
  f.compare("x", Tensor(), row({1}), 1);
  EXPECT_EQ(f.detail, "x is empty, expected f32 1x1x1x1");
  f = Finding();
  f.compare("x", Tensor(), Tensor(), 0);
  EXPECT_FALSE(f.failed());
}

TEST(Finding, EveryElementMayHaveItsOwnScale) {
  const Tensor is = row({101, 2}), should = row({100, 1});
  Finding common, own;

  common.compare("x", is, should, 0.02);
  own.compare("x", is, should, 0.02, {.scales = {100, 1}});

  EXPECT_FALSE(common.failed());
  EXPECT_EQ(own.detail, "x: 1 of 2 differ, by up to 1 of their scale; allowed: 2e-02");
  EXPECT_EQ(own.where, "x, n0 c0 y0 x1: 2, expected 1");
}

TEST(Finding, OfTwoNumbersHasNoPlace) {
  Finding f;
  f.compare("sum", 3.0, 3.05, 0.1, 1.0);
  EXPECT_FALSE(f.failed());
  f.compare("sum", 3.0, 3.5, 0.1, 1.0);

  EXPECT_EQ(f.detail, "sum: 3, expected 3.5; they differ by 0.5 of their scale; allowed: 1e-01");
  EXPECT_EQ(f.where, "");
  EXPECT_TRUE(f.found.empty());
  Finding of_nan;
  of_nan.compare("sum", kNan, kNan, 0.1, kNan);
  EXPECT_TRUE(of_nan.failed());
}

TEST(Finding, WhatIsNotFiniteFailsAlsoWhereItIsExpected) {
  Finding f;
  f.expect_finite("x", row({1, -2}));
  EXPECT_FALSE(f.failed());
  f.expect_finite("x", row({1, INFINITY, kNan}));

  EXPECT_EQ(f.detail, "x: 2 of 3 are not finite");
  EXPECT_EQ(f.where, "x, n0 c0 y0 x1: inf");
}

TEST(Finding, IsNotSkippedOnceItFailed) {
  Finding f;
  f.fail("first");
  f.skip("later");
  f.fail("second");

  EXPECT_TRUE(f.failed());
  EXPECT_EQ(f.detail, "first");
}

}  // namespace
}  // namespace tilewright::testkit
