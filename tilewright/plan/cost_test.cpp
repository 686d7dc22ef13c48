#include "tilewright/plan/cost.h"

#include <gtest/gtest.h>

#include "tilewright/plan/test_problems.h"

namespace tilewright {
namespace {

TEST(Cost, WhatIsCopiedIntoTheCacheGoesToMemoryOnce) {
  Machine m = testing::test_machine(Index{1} << 30);
  m.row_seconds = 0;
  const CopyWork work{1e9, 1000};
  const double far = 1e12, near = 0;  // bytes that a run touches
  EXPECT_DOUBLE_EQ(copy_seconds(work, far, m, 1), copy_seconds(work, far, m) / 2);
  EXPECT_DOUBLE_EQ(copy_seconds(work, near, m, 1), copy_seconds(work, near, m));
  EXPECT_LT(copy_seconds(work, near, m), copy_seconds(work, far, m, 1));
}

}  // namespace
}  // namespace tilewright
