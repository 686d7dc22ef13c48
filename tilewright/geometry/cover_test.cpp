#include "tilewright/geometry/cover.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace tilewright {
namespace {

using Parts = std::vector<Index>;

TEST(Cover, LastBlockIsShorter) {
  const Cover c(10, 4);

  ASSERT_EQ(c.count(), 3);
  EXPECT_EQ(c[0], (Interval{0, 4}));
  EXPECT_EQ(c[2], (Interval{8, 10}));
  EXPECT_TRUE(c.cut());
  EXPECT_TRUE(c.even());
  EXPECT_EQ(c.alignment(), 4);
}

TEST(Cover, ABlockLongerThanTheAxisIsNoCut) {
  const Cover c(10, 64);

  EXPECT_EQ(c.count(), 1);
  EXPECT_EQ(c.block(), 10);
  EXPECT_FALSE(c.cut());
  EXPECT_EQ(c.alignment(), 0);
}

TEST(Cover, UnevenParts) {
  const Cover c(20, Parts{4, 8, 2, 6});

  EXPECT_EQ(c.count(), 4);
  EXPECT_EQ(c.block(), 8);
  EXPECT_EQ(c[1], (Interval{4, 12}));
  EXPECT_EQ(c[3], (Interval{14, 20}));
  EXPECT_EQ(c.parts(), (Parts{4, 8, 2, 6}));
  EXPECT_EQ(c.alignment(), 2);
  EXPECT_FALSE(c.even());
}

TEST(Cover, HugeAxesCostNothing) {
  const Cover c(Index{1} << 62, 3);

  EXPECT_EQ(c[c.count() - 1].end, Index{1} << 62);
}

TEST(Cover, ImpossibleCutsAreRefused) {
  EXPECT_THROW(Cover(10, 0), InvalidArgument);
  EXPECT_THROW(Cover(0, 1), InvalidArgument);
  EXPECT_THROW(Cover(-5, 1), InvalidArgument);
  EXPECT_THROW(Cover(10, Parts{}), InvalidArgument);
  EXPECT_THROW(Cover(10, (Parts{4, 5})), InvalidArgument);
  EXPECT_THROW(Cover(10, (Parts{4, 0, 6})), InvalidArgument);
  EXPECT_THROW(Cover(10, (Parts{12, -2})), InvalidArgument);
  EXPECT_THROW(Cover(10, (Parts{INT64_MAX, INT64_MAX})), InvalidArgument);
}

RC_GTEST_PROP(Cover, BlocksFollowEachOtherAndFillTheAxis, ()) {
  const auto parts = *rc::gen::nonEmpty(rc::gen::container<Parts>(rc::gen::inRange<Index>(1, 9)));
  Index extent = 0;
  for (const Index p : parts) extent += p;
  const Index block = *rc::gen::inRange<Index>(1, extent + 3);
  for (const Cover& c : {Cover(extent, parts), Cover(extent, block)}) {
    Index at = 0;
    for (Index i = 0; i < c.count(); ++i) {
      RC_ASSERT(c[i].begin == at);
      RC_ASSERT(c[i].size() >= 1);
      RC_ASSERT(c[i].size() <= c.block());
      if (c.alignment() > 0) RC_ASSERT(at % c.alignment() == 0);
      at = c[i].end;
    }
    RC_ASSERT(at == extent);
  }
}

}  // namespace
}  // namespace tilewright
