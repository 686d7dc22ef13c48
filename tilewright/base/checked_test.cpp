#include "tilewright/base/checked.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <limits>

namespace tilewright {
namespace {

constexpr Index kMax = std::numeric_limits<Index>::max();
constexpr Index kMin = std::numeric_limits<Index>::min();

TEST(Checked, ComputesWhatFits) {
  EXPECT_EQ(checked_add(kMax - 1, 1), kMax);
  EXPECT_EQ(checked_sub(kMin + 1, 1), kMin);
  EXPECT_EQ(checked_mul(Index{1} << 31, Index{1} << 31), Index{1} << 62);
  EXPECT_EQ(checked_mul(2, 3, 5, 7), 210);
}

TEST(Checked, ThrowsWhatDoesNotFit) {
  EXPECT_THROW(checked_add(kMax, 1), InvalidArgument);
  EXPECT_THROW(checked_sub(kMin, 1), InvalidArgument);
  EXPECT_THROW(checked_mul(Index{1} << 32, Index{1} << 31), InvalidArgument);
  EXPECT_THROW(checked_mul(Index{1} << 31, Index{1} << 31, 2), InvalidArgument);
  EXPECT_THROW(checked_mul(kMin, -1), InvalidArgument);
  EXPECT_THROW(round_up(kMax, 64), InvalidArgument);
}

TEST(Checked, MessageNamesTheValues) {
  try {
    checked_add(kMax, 7);
    FAIL();
  } catch (const InvalidArgument& e) {
    EXPECT_NE(std::string(e.what()).find("9223372036854775807 + 7"), std::string::npos);
  }
}

TEST(Checked, DivisionsRoundAsNamed) {
  EXPECT_EQ(ceil_div(0, 3), 0);
  EXPECT_EQ(ceil_div(6, 3), 2);
  EXPECT_EQ(ceil_div(7, 3), 3);
  EXPECT_EQ(ceil_div(kMax, 2), kMax / 2 + 1);
  EXPECT_EQ(round_up(0, 64), 0);
  EXPECT_EQ(round_up(65, 64), 128);
  EXPECT_EQ(floor_div(-1, 3), -1);
  EXPECT_EQ(floor_div(-3, 3), -1);
  EXPECT_EQ(floor_div(-4, 3), -2);
  EXPECT_EQ(floor_div(5, 3), 1);
  EXPECT_EQ(floor_mod(-1, 3), 2);
  EXPECT_EQ(floor_mod(-3, 3), 0);
}

RC_GTEST_PROP(Checked, FloorDivisionAndRemainderBelongTogether, ()) {
  const Index a = *rc::gen::arbitrary<Index>() / 2;  // leaves room for the product below
  const Index b = *rc::gen::positive<Index>() / 4 + 1;
  RC_ASSERT(floor_mod(a, b) >= 0);
  RC_ASSERT(floor_mod(a, b) < b);
  RC_ASSERT(floor_div(a, b) * b + floor_mod(a, b) == a);
}

}  // namespace
}  // namespace tilewright
