// What a run reads, writes and holds is what its plan predicts.
#include <gtest/gtest.h>

#include "tilewright/run/test_stores.h"

namespace tilewright {
namespace {

using testing::Draw;
using testing::Spies;

TEST(Traffic, MeasuredIsPredicted) {
  Draw d(21);
  for (int i = 0; i < 400; ++i) {
    const Plan p = testing::random_plan(d, 24);
    SCOPED_TRACE(p.problem.line() + "\n" + p.to_json());
    Spies spies(p.problem);

    const Trace t = run(p, spies.stores());

    ASSERT_EQ(spies.src.bytes, p.moved.src_bytes);
    ASSERT_EQ(spies.weights.bytes, p.moved.weights_bytes);
    ASSERT_EQ(t.bytes_read, spies.src.bytes + spies.weights.bytes);
    ASSERT_EQ(t.bytes_written, p.moved.dst_bytes);
    ASSERT_EQ(spies.dst.most_visits(), 1);
    ASSERT_EQ(spies.dst.least_visits(), 1);
  }
}

TEST(Traffic, RowStreamingReadsEachByteOnce) {
  for (const char* mode : {"zero", "reflect", "replicate"})
    for (const char* force : {"y=3", "y=3,co=2,nest=co", "y=3,flight=1", "y=1,n=1", "y=7+1+12"}) {
      const Plan p = testing::forced_plan(
          std::string("conv2d n2 ci3 y20 x17 co4 k5x3 p2,2,1,1 m:") + mode, force);
      Spies spies(p.problem);

      run(p, spies.stores());

      EXPECT_EQ(spies.src.most_visits(), 1) << mode << " " << force;
      EXPECT_EQ(spies.src.least_visits(), 1) << mode << " " << force;
    }
}

TEST(Traffic, CircularPaddingReadsTheOtherSideOnceMore) {
  const Plan p = testing::forced_plan("conv2d ci1 y20 x16 co1 k5x1 p2,2,0,0 m:circular", "y=5");
  Spies spies(p.problem);

  run(p, spies.stores());

  EXPECT_EQ(p.moved.src_bytes, 20 * 16 * 4);
  EXPECT_EQ(spies.src.bytes, (20 + 2 + 2) * 16 * 4);
}

TEST(Traffic, ColumnCutsReadTheirHaloTwice) {
  const Plan p = testing::forced_plan("conv2d ci2 y10 x40 co1 k3x5 p1,1,2,2", "x=10");
  Spies spies(p.problem);

  run(p, spies.stores());

  EXPECT_EQ(spies.src.bytes, 2 * 10 * (40 + 3 * 4) * 4);
  EXPECT_EQ(spies.src.most_visits(), 2);
}

TEST(Peak, IsWhatThePlanStates) {
  Draw d(22);
  for (int i = 0; i < 100; ++i) {
    const Plan p = testing::random_plan(d, 60);
    Spies spies(p.problem);

    const Trace t = run(p, spies.stores());

    EXPECT_LE(t.peak_bytes, p.peak_bytes()) << p.explain();
    EXPECT_GE(static_cast<double>(t.peak_bytes), 0.95 * static_cast<double>(p.peak_bytes()))
        << p.explain();
  }
}

TEST(Progress, GrowsToAHundredPercent) {
  for (const char* force : {"y=1,flight=1", "y=1,flight=2"}) {
    const Plan p = testing::forced_plan("conv2d ci1 y64 x32 co1 k3x3 p1,1,1,1", force);
    Spies spies(p.problem);
    std::vector<Progress> reports;
    RunOptions options;
    options.progress = [&](const Progress& r) { reports.push_back(r); };

    run(p, spies.stores(), options);

    ASSERT_FALSE(reports.empty());
    for (std::size_t i = 1; i < reports.size(); ++i)
      EXPECT_GE(reports[i].fraction, reports[i - 1].fraction);
    EXPECT_EQ(reports.back().fraction, 1);
    EXPECT_EQ(reports.back().pieces_done, 64);
    EXPECT_EQ(reports.back().pieces, 64);
    EXPECT_LE(reports.back().bytes_used, reports.back().budget_bytes);
  }
}

}  // namespace
}  // namespace tilewright
