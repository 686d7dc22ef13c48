// What copies and memory cost.
#include "tilewright/plan/cost.h"

#include <gtest/gtest.h>

#include "tilewright/plan/test_problems.h"

namespace tilewright {
namespace {

TEST(Cost, CopiesBeyondTheCacheTakeLonger) {
  const Machine m = testing::test_machine(Index{1} << 30);
  const CopyWork work{1e6, 100};
  const double near = 1e6, far = 1e9;
  EXPECT_LT(copy_seconds(work, near, m), copy_seconds(work, far, m));
}

TEST(Cost, RowsThatLieTogetherAreCopiedAtOnce) {
  const auto rows = [](const char* force) {
    PlanOptions options;
    options.kernel = "direct";
    options.force = force;
    const Machine m = testing::test_machine(Index{1} << 30);
    return weights_copies(plan(parse_problem("conv2d ci64 y40 x40 co32 k3x3"), m, options)).rows;
  };
  EXPECT_EQ(rows("flight=1,y=40"), 1);
  EXPECT_EQ(rows("flight=1,y=40,ci=16"), 4 * 32);
}

TEST(Cost, MemoryThatDoesNotStayIsFresh) {
  Plan p;
  p.memory.src_tiles = kKeptBytes - 1000;
  p.memory.workspace = 1000;
  p.memory.stores = kKeptBytes;  // the files' own
  EXPECT_EQ(fresh_bytes(p).read + fresh_bytes(p).compute, 0);
  p.memory.workspace = 1001;
  EXPECT_EQ(fresh_bytes(p).read, kKeptBytes - 1000);
  EXPECT_EQ(fresh_bytes(p).compute, 1001);
}

TEST(Cost, OnlyWorkThatPartsOfAStepDoAnewIsRepeated) {
  Plan p = plan(parse_problem("conv2d ci64 y1025 x64 co64 k3x3 p1"),
                testing::test_machine(Index{1} << 30), {});
  const auto share = [&](Index rows) {
    Block step = whole(p.problem.extents());
    step[Axis::kY] = {0, rows};
    return repeated_share(p, step);
  };
  p.kernel.anchors[Axis::kY] = 4;
  p.kernel.work = [](const Layer&, const Block& s) {
    return KernelWork{1e6 * static_cast<double>(ceil_div(s[Axis::kY].size(), Index{4})), 0, 0};
  };
  for (const Index rows : {1, 7, 8, 1004, 1025}) EXPECT_EQ(share(rows), 0) << rows;
  p.kernel.work = [](const Layer&, const Block& s) {
    return KernelWork{1e6 * static_cast<double>(s[Axis::kY].size() + 16), 0, 0};
  };
  EXPECT_NEAR(share(16), 0.5, 1e-12);
  EXPECT_NEAR(share(1024), 16.0 / (1024 + 16), 1e-12);
  EXPECT_EQ(share(7), 0);
  p.kernel.shared_workspace = [](const Block&) { return Index{1}; };
  EXPECT_EQ(share(16), 0);
}

TEST(Cost, ChainedSumsThatNoCacheHoldsPassThroughTheThreadsAgain) {
  const Machine m = testing::test_machine(Index{4} << 30);
  // What eight steps take longer than one.
  const auto longer = [&](const char* line, const std::string& tile) {
    const auto seconds = [&](const std::string& channels) {
      PlanOptions options;
      options.kernel = "direct";
      options.force = tile + channels;
      return plan(parse_problem(line), m, options).compute_seconds;
    };
    return seconds(",co=64,ci=8") - seconds(",co=64,ci=64");
  };
  constexpr double kSums = 64 * 512 * 512 * sizeof(float);
  const double passes = 7 * kSums / m.far_bytes_per_second / m.threads;
  EXPECT_GT(longer("conv2d ci64 y512 x512 co64 k3x3 p1", "tile=512x512"), 0.9 * passes);
  EXPECT_LT(64 * longer("conv2d ci64 y8 x512 co64 k3x3 p1", "tile=8x512"), 0.5 * passes);
}

}  // namespace
}  // namespace tilewright
