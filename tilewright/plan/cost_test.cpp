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

}  // namespace
}  // namespace tilewright
