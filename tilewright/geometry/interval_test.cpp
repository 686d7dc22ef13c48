#include "tilewright/geometry/interval.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <limits>

namespace tilewright {
namespace {

Interval any_interval() { return {*rc::gen::inRange(-20, 20), *rc::gen::inRange(-20, 20)}; }

TEST(Interval, IsHalfOpen) {
  const Interval i{2, 5};

  EXPECT_EQ(i.size(), 3);
  EXPECT_TRUE(i.contains(2));
  EXPECT_TRUE(i.contains(4));
  EXPECT_FALSE(i.contains(5));
  EXPECT_TRUE((Interval{5, 2}.empty()));
  EXPECT_EQ((Interval{5, 2}.size()), 0);
}

TEST(Interval, ShiftRefusesToWrap) {
  EXPECT_EQ((Interval{2, 5}.shifted(-3)), (Interval{-1, 2}));
  EXPECT_THROW((Interval{2, 5}.shifted(std::numeric_limits<Index>::max())), InvalidArgument);
}

TEST(Interval, IntersectionOfApartIntervalsIsEmpty) {
  EXPECT_EQ(intersect(Interval{0, 5}, Interval{3, 9}), (Interval{3, 5}));
  EXPECT_TRUE(intersect(Interval{0, 3}, Interval{3, 9}).empty());
  EXPECT_TRUE(intersect(Interval{7, 9}, Interval{0, 3}).empty());
}

TEST(Region, VolumeShapeAndText) {
  const Region r{{{{0, 1}, {2, 4}, {0, 3}, {-1, 4}}}};

  EXPECT_EQ(r.shape(), (Shape{1, 2, 3, 5}));
  EXPECT_EQ(r.volume(), 30);
  EXPECT_EQ(to_string(r), "n0:1 c2:4 y0:3 x-1:4");
  EXPECT_EQ(to_string(r.shape()), "1x2x3x5");
  EXPECT_EQ(whole(Shape{1, 2, 3, 5}).volume(), 30);
}

TEST(Region, VolumePast63BitsIsRefused) {
  const Index million = 1'000'000;

  EXPECT_THROW(volume({million, million, million, 10}), InvalidArgument);
  EXPECT_EQ(volume({million, million, million, 1}), million * million * million);
}

TEST(Region, ContainsAndIntersects) {
  const Region image = whole({1, 3, 10, 10});
  const Region inside{{{{0, 1}, {1, 2}, {0, 10}, {9, 10}}}};
  const Region across{{{{0, 1}, {1, 2}, {8, 12}, {-2, 3}}}};

  EXPECT_TRUE(image.contains(inside));
  EXPECT_FALSE(image.contains(across));
  EXPECT_TRUE(image.contains(Region{}));
  EXPECT_EQ(intersect(image, across), (Region{{{{0, 1}, {1, 2}, {8, 10}, {0, 3}}}}));
}

RC_GTEST_PROP(Interval, IntersectionHoldsWhatBothHold, ()) {
  const Interval a = any_interval(), b = any_interval(), both = intersect(a, b);
  for (Index i = -21; i < 21; ++i) RC_ASSERT(both.contains(i) == (a.contains(i) && b.contains(i)));
  RC_ASSERT(a.contains(both));
}

}  // namespace
}  // namespace tilewright
