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
  f.compare("x", row(is), row(should), bound, "the line");
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
  EXPECT_EQ(f.line, "the line");
  EXPECT_EQ(f.worst, 1);
  EXPECT_FALSE(f.found.empty());
}

TEST(Finding, OtherShapesAndTypesAreDifferences) {
  Finding f;
  f.compare("x", row({1, 2}), row({1}), 1, "the line");
  EXPECT_EQ(f.detail, "x is f32 1x1x1x2, expected f32 1x1x1x1");
  f = Finding();
  f.compare("x", Tensor(), row({1}), 1, "the line");
  EXPECT_EQ(f.detail, "x is empty, expected f32 1x1x1x1");
  f = Finding();
  f.compare("x", Tensor(), Tensor(), 0, "the line");
  EXPECT_FALSE(f.failed());
}

TEST(Finding, IsNotSkippedOnceItFailed) {
  Finding f;
  f.fail("first", "line");
  f.skip("later");
  f.fail("second", "other line");

  EXPECT_TRUE(f.failed());
  EXPECT_EQ(f.detail, "first");
  EXPECT_EQ(f.line, "line");
}

}  // namespace
}  // namespace tilewright::testkit
