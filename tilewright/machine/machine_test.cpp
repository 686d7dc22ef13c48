#include "tilewright/machine/machine.h"

#include <gtest/gtest.h>

namespace tilewright {
namespace {

TEST(Machine, LimitsReplaceWhatTheyName) {
  Machine m;
  m.host_bytes = 1000;
  m.threads = 8;

  const Machine less = m.limited_to({.host_bytes = 500});
  const Machine single = m.limited_to({.threads = 1});

  EXPECT_EQ(less.host_bytes, 500);
  EXPECT_EQ(less.threads, 8);
  EXPECT_EQ(single.host_bytes, 1000);
  EXPECT_EQ(single.threads, 1);
}

TEST(Machine, NegativeLimitsAreRefused) {
  EXPECT_THROW(Machine().limited_to({.host_bytes = -1}), InvalidArgument);
  EXPECT_THROW(Machine().limited_to({.threads = -2}), InvalidArgument);
}

}  // namespace
}  // namespace tilewright
