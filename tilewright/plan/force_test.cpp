// Force texts: every key, every refusal, and that a plan's own text brings the plan back.
#include "tilewright/plan/force.h"

#include <gtest/gtest.h>

#include "tilewright/plan/test_problems.h"

namespace tilewright {
namespace {

using testing::Draw;

const Problem kPlain = parse_problem("conv2d n4 ci12 y100 x200 co30 k5x7 p2,2,3,3");
const Problem kGroups = parse_problem("conv2d ci8 y10 x10 co16 k3x3 g4");

Cover forced(const Problem& p, const std::string& text, Axis axis) {
  const Force f = parse_force(text, p);
  EXPECT_TRUE(f.any()) << text;
  EXPECT_TRUE(f.given[axis]) << text;
  return f.cuts[axis];
}

std::string refusal(const Problem& p, const std::string& text) {
  try {
    parse_force(text, p);
  } catch (const InvalidArgument& e) {
    return e.what();
  }
  ADD_FAILURE() << text << " was accepted";
  return "";
}

TEST(Force, EveryAxisHasItsKey) {
  for (const Axis a : kAxes) {
    if (a == Axis::kG) continue;
    const Cover c = forced(kPlain, std::string(to_string(a)) + "=3", a);
    EXPECT_EQ(c.block(), 3) << to_string(a);
    EXPECT_EQ(c.extent(), kPlain.extents()[a]) << to_string(a);
  }
  EXPECT_EQ(forced(kGroups, "g=3", Axis::kG).count(), 2);
  EXPECT_EQ(forced(kPlain, "tile=50x64", Axis::kY).block(), 50);
  EXPECT_EQ(forced(kPlain, "tile=50x64", Axis::kX).block(), 64);
}

TEST(Force, SwitchesAreRead) {
  const Force f = parse_force("order=rows,nest=space,flight=1,weights=streamed", kPlain);

  EXPECT_TRUE(f.order_given && f.nest_given && f.weights_given);
  EXPECT_EQ(f.order, PieceOrder::kRowsThenColumns);
  EXPECT_FALSE(f.co_innermost);
  EXPECT_EQ(f.in_flight, 1);
  EXPECT_FALSE(f.keep_weights);
  EXPECT_TRUE(parse_force("weights=kept", kPlain).any());
  EXPECT_FALSE(parse_force("", kPlain).any());
}

TEST(Force, PartsMayBeUneven) {
  const Cover c = forced(kPlain, "x=100+28+72", Axis::kX);

  EXPECT_EQ(c.parts(), (std::vector<Index>{100, 28, 72}));
  EXPECT_EQ(c[1], (Interval{100, 128}));
}

TEST(Force, OutputChannelsCountOverAllGroups) {
  EXPECT_EQ(forced(kGroups, "co=8", Axis::kG).block(), 2);
  EXPECT_EQ(forced(kGroups, "co=4", Axis::kG).block(), 1);
  EXPECT_EQ(forced(kGroups, "co=2", Axis::kCo).block(), 2);
  EXPECT_EQ(forced(kGroups, "co=2", Axis::kG).block(), 1);
  EXPECT_NE(refusal(kGroups, "co=6").find("'co=6'"), std::string::npos);
}

TEST(Force, ErrorsNameTheItem) {
  for (const std::string item : {"tile=128", "tile=1x2x3", "depth=3", "co", "order=up", "nest=ci",
                                 "flight=3", "weights=some", "y=0", "y=-1", "x=abc",
                                 "x=", "x=100+28", "x=100+0+100", "ci=9999999999999999999"})
    EXPECT_NE(refusal(kPlain, "n=1," + item).find(item), std::string::npos)
        << item << ": " << refusal(kPlain, "n=1," + item);
  for (const std::string item : {"tile",
                                 "tile=",
                                 "tile=0x8",
                                 "tile=-1x8",
                                 "tile=axb",
                                 "co=0",
                                 "co=-2",
                                 "co=x",
                                 "co=9223372036854775808",
                                 "y=1000000000000000000000000000000",
                                 "=4",
                                 "y=50+25",
                                 "y=50+50+9",
                                 "y=0+100",
                                 "y=100+",
                                 "y=104+-4",
                                 "nest=both",
                                 "flight=0",
                                 "weights=maybe",
                                 "y=4611686018427387904+4611686018427387904",
                                 "n="})
    EXPECT_NE(refusal(kPlain, "kx=3," + item).find(item), std::string::npos)
        << item << ": " << refusal(kPlain, "kx=3," + item);
  EXPECT_NE(refusal(kPlain, "y=3,tile=4x4").find("twice"), std::string::npos);
  EXPECT_NE(refusal(kGroups, "g=2,ci=1").find("g=1"), std::string::npos);
}

TEST(Force, TheTextOfAPlanBringsItBack) {
  Draw d(1);
  for (int i = 0; i < 300; ++i) {
    const Plan p = testing::random_plan(d, 40);
    PlanOptions options;
    options.least = Exactness::kBound;
    options.kernel = "direct";
    options.force = force_text(p);
    SCOPED_TRACE(p.problem.line() + " --force " + options.force);

    const Plan again = plan(p.problem, testing::test_machine(p.budget_bytes, p.threads), options);

    for (const Axis a : kAxes)
      for (Index b = 0; b < p.cuts[a].count(); ++b)
        ASSERT_EQ(again.cuts[a][b], p.cuts[a][b]) << to_string(a);
    EXPECT_EQ(force_text(again), options.force);
    EXPECT_EQ(again.peak_bytes(), p.peak_bytes());
  }
}

}  // namespace
}  // namespace tilewright
