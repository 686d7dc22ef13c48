// The three questions of every strategy: which sizes, which exactness, which words.
#include "tilewright/plan/strategy/strategy.h"

#include <gtest/gtest.h>

#include <set>

#include "tilewright/plan/test_problems.h"

namespace tilewright {
namespace {

const Problem kProblem =
    parse_problem("conv2d n8 ci256 y1000 x3000 co512 k200x200 p99,100,99,100 g4");

Cuts whole_cuts(const Problem& p) {
  Cuts cuts;
  for (const Axis a : kAxes) cuts[a] = Cover(p.extents()[a], p.extents()[a]);
  return cuts;
}

Cuts cut(Axis axis, Index block) {
  Cuts cuts = whole_cuts(kProblem);
  cuts[axis] = Cover(kProblem.extents()[axis], block);
  return cuts;
}

TEST(Strategy, OneForEveryAxis) {
  std::set<Axis> axes;
  std::set<std::string> names;
  for (const Strategy* s : strategy_table()) {
    axes.insert(s->axis());
    names.insert(s->name());
    EXPECT_EQ(&strategy_for(s->axis()), s);
  }
  EXPECT_EQ(axes.size(), 8u);
  EXPECT_EQ(names.size(), 8u);
}

TEST(Strategy, SizesRunFromWholeToSmallestAligned) {
  for (const Strategy* s : strategy_table())
    for (const Index alignment : {1, 16, 256}) {
      const std::vector<Index> sizes = s->sizes(kProblem, alignment);
      ASSERT_FALSE(sizes.empty());
      EXPECT_EQ(sizes.front(), kProblem.extents()[s->axis()]) << s->name();
      for (std::size_t i = 1; i < sizes.size(); ++i) {
        EXPECT_LT(sizes[i], sizes[i - 1]) << s->name();
        EXPECT_EQ(sizes[i] % alignment, 0) << s->name();
      }
    }
  EXPECT_EQ(strategy_for(Axis::kX).sizes(kProblem, 1),
            (std::vector<Index>{3000, 2048, 1024, 512, 256, 128}));
  EXPECT_EQ(strategy_for(Axis::kCi).sizes(kProblem, 1), (std::vector<Index>{64, 32, 16}));
  EXPECT_EQ(strategy_for(Axis::kN).sizes(kProblem, 1), (std::vector<Index>{8, 4, 2, 1}));
}

TEST(Strategy, OnlyTapsCanCostBits) {
  for (const Strategy* s : strategy_table()) {
    const bool taps = s->axis() == Axis::kKy || s->axis() == Axis::kKx;
    EXPECT_EQ(s->exactness(kProblem, cut(s->axis(), 1)),
              taps ? Exactness::kBound : Exactness::kBits)
        << s->name();
    EXPECT_EQ(s->exactness(kProblem, whole_cuts(kProblem)), Exactness::kBits) << s->name();
  }
}

TEST(Strategy, TapsKeepBitsIfTheAxesOutsideAdvanceOneByOne) {
  Cuts cuts = cut(Axis::kKy, 3);
  cuts[Axis::kCi] = Cover(64, 1);
  EXPECT_EQ(strategy_for(Axis::kKy).exactness(kProblem, cuts), Exactness::kBits);

  cuts[Axis::kKx] = Cover(200, 64);
  EXPECT_EQ(strategy_for(Axis::kKx).exactness(kProblem, cuts), Exactness::kBound);
  cuts[Axis::kKy] = Cover(200, 1);
  EXPECT_EQ(strategy_for(Axis::kKx).exactness(kProblem, cuts), Exactness::kBits);
}

TEST(Strategy, DescribesItselfOnlyWhereItCuts) {
  for (const Strategy* s : strategy_table()) {
    EXPECT_EQ(s->describe(kProblem, whole_cuts(kProblem)), "") << s->name();
    const std::string text = s->describe(kProblem, cut(s->axis(), 1));
    EXPECT_NE(text.find(std::string(s->name()) + " in "), std::string::npos) << text;
  }
  EXPECT_EQ(strategy_for(Axis::kY).describe(kProblem, cut(Axis::kY, 100)),
            "rows in 10 blocks of 100, halo 199");
  EXPECT_EQ(strategy_for(Axis::kCi).describe(kProblem, cut(Axis::kCi, 16)),
            "input channels in 4 blocks of 16, sums chained");
  EXPECT_EQ(strategy_for(Axis::kKy).describe(kProblem, cut(Axis::kKy, 100)),
            "tap rows in 2 blocks of 100, sums re-associated");
  Cuts uneven = whole_cuts(kProblem);
  uneven[Axis::kG] = Cover(4, std::vector<Index>{1, 3});
  EXPECT_EQ(strategy_for(Axis::kG).describe(kProblem, uneven), "groups in 2 uneven blocks of 3");
}

}  // namespace
}  // namespace tilewright
