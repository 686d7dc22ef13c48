// Ceilings and the roofline that they make.
#include "tilewright/api/report.h"

#include <gtest/gtest.h>

namespace tilewright {
namespace {

// 100 GFLOP/s, 20 GB/s read, 10 GB/s copied.
const Ceilings kMachine{100e9, 20e9, 10e9};

TEST(Roofline, MemoryLimitsFewOperationsPerByte) {
  const Roofline r = roofline(kMachine, 8, 6, 2);

  EXPECT_DOUBLE_EQ(r.flop_per_byte, 1);
  // 4 bytes as a copy and 4 as reads: 0.4 + 0.2 ns.
  EXPECT_DOUBLE_EQ(r.memory_flop_per_second, 8 / 0.6e-9);
  EXPECT_DOUBLE_EQ(r.limit_flop_per_second, r.memory_flop_per_second);
  EXPECT_TRUE(r.bound_by_memory);
}

TEST(Roofline, WritesWithoutReadsMoveLikeACopy) {
  EXPECT_DOUBLE_EQ(roofline(kMachine, 4, 1, 3).memory_flop_per_second, 4 / 0.4e-9);
}

TEST(Roofline, ThePeakLimitsManyOperationsPerByte) {
  const Roofline r = roofline(kMachine, 8000, 6, 2);

  EXPECT_DOUBLE_EQ(r.limit_flop_per_second, 100e9);
  EXPECT_FALSE(r.bound_by_memory);
}

TEST(Roofline, UnknownCeilingsSetNoLimit) {
  EXPECT_DOUBLE_EQ(roofline({}, 8, 6, 2).limit_flop_per_second, 0);
  EXPECT_DOUBLE_EQ(roofline({100e9, 0, 0}, 8, 6, 2).limit_flop_per_second, 100e9);
  EXPECT_DOUBLE_EQ(roofline({0, 20e9, 10e9}, 8, 6, 2).limit_flop_per_second, 8 / 0.6e-9);
  EXPECT_DOUBLE_EQ(roofline(kMachine, 8, 0, 0).limit_flop_per_second, 0);
}

TEST(Ceilings, AreMeasuredOnThisMachine) {
  const Ceilings c = measure_ceilings(1);

  EXPECT_GT(c.read_bytes_per_second, 1e8);
  EXPECT_GT(c.copy_bytes_per_second, 1e8);
  EXPECT_LT(c.read_bytes_per_second, 1e13);
}

}  // namespace
}  // namespace tilewright
