// Bytes moved and their lower bound, by hand. That the executor reads exactly what is predicted
// here is tested in run/traffic_test.cpp.
#include "tilewright/plan/traffic.h"

#include <gtest/gtest.h>

#include "tilewright/plan/test_problems.h"

namespace tilewright {
namespace {

constexpr double kWeights = 1024.0 * 1024 * 9 * 4;

Plan forced(const std::string& line, const std::string& force) {
  PlanOptions options;
  options.force = force;
  return plan(parse_problem(line), testing::test_machine(Index{8} << 30), options);
}

TEST(LowerBound, CompulsoryTrafficOfTheSeedsCase) {
  const Problem p = parse_problem(testing::kSeedsCase);

  const double bytes = lower_bound_bytes(p, 512.0 * (1 << 20));

  EXPECT_DOUBLE_EQ(bytes, 2 * 4294967296.0 + kWeights);
  EXPECT_NEAR(bytes / 1e9, 8.63, 0.005);
}

TEST(LowerBound, SmallMemoryCostsReuse) {
  // G = 2^40, R = 1, M = 2^18 elements: 2G/sqrt(M) - 2M = 2^32 - 2^19.
  const Problem p = parse_problem("conv2d ci1024 y1024 x1024 co1024 k1x1");

  EXPECT_DOUBLE_EQ(lower_bound_bytes(p, 1 << 20), 4.0 * (4294967296.0 - 524288.0));
}

TEST(LowerBound, NarrowElementsAreCheaper) {
  const Problem p = parse_problem("conv2d ci1024 y1024 x1024 co1024 k1x1 src:u8");

  EXPECT_DOUBLE_EQ(lower_bound_bytes(p, 1 << 18), 8589934592.0 - 131072.0);
}

TEST(Traffic, BlocksOfTheSeedsCase) {
  // 8 blocks of output channels, each reading all tiles with their halo of one, inside the image.
  const Plan p = forced(testing::kSeedsCase, "tile=128x128,co=128,ci=128,weights=streamed");

  const double side = 1024 + 7 * 2;
  EXPECT_DOUBLE_EQ(p.moved.src_bytes, 8 * side * side * 1024 * 4);
  EXPECT_DOUBLE_EQ(p.moved.weights_bytes, 64 * kWeights);
  EXPECT_DOUBLE_EQ(p.moved.dst_bytes, 4294967296.0);
}

TEST(Traffic, RowStreamingReadsEachByteOnce) {
  const Plan p = forced("conv2d ci3 y100 x80 co5 k7x7 p3,3,3,3", "y=9,x=80,co=2,weights=kept");

  EXPECT_DOUBLE_EQ(p.moved.src_bytes, 3 * 100 * 80 * 4);
  EXPECT_DOUBLE_EQ(p.moved.weights_bytes, 5 * 3 * 49 * 4);
}

TEST(Traffic, StreamedWeightsStayWhileTheirBlockDoes) {
  const std::string line = "conv2d ci3 y100 x80 co8 k3x3 p1,1,1,1";
  const double once = 8 * 3 * 9 * 4;
  // Two slots, one block: each slot reads it once.
  EXPECT_DOUBLE_EQ(forced(line, "y=10,weights=streamed,flight=2").moved.weights_bytes, 2 * once);
  EXPECT_DOUBLE_EQ(forced(line, "y=10,weights=streamed,flight=1").moved.weights_bytes, once);
  // Four blocks take turns in every one of ten tiles, unless they are the outer loop.
  EXPECT_DOUBLE_EQ(forced(line, "y=10,co=2,nest=co,weights=streamed").moved.weights_bytes,
                   10 * once);
  EXPECT_DOUBLE_EQ(
      forced(line, "y=10,co=2,nest=space,flight=1,weights=streamed").moved.weights_bytes, once);
}

StoreHints blocks_of(Index rows, Index columns, bool cached, bool sequential) {
  StoreHints h;
  h.file = true;
  h.block = {1, 1, rows, columns};
  h.cached = cached;
  h.sequential = sequential;
  return h;
}

double decoded(const std::string& force, const StoreHints& hints) {
  Plan p = forced("conv2d ci1 y100 x400 co2 k1x1", force);
  PlanOptions options;
  options.src = hints;
  return set_traffic(p, options).src / 4;
}

TEST(Traffic, PicturesDecodedFromTheirStartAreSweptOncePerColumnOfPieces) {
  const StoreHints png = blocks_of(1, 400, true, true);

  EXPECT_DOUBLE_EQ(decoded("y=10,x=100,order=columns", png), 4 * 100 * 400);
  EXPECT_DOUBLE_EQ(decoded("y=10,x=100,order=rows", png), 100 * 400);
  EXPECT_DOUBLE_EQ(decoded("y=10,x=400,co=1,nest=space", png), 2 * 100 * 400);
}

TEST(Traffic, BlocksWithoutACacheAreDecodedForEveryPieceThatTouchesThem) {
  const StoreHints chunks = blocks_of(100, 400, false, false);

  EXPECT_DOUBLE_EQ(decoded("y=10,x=400", chunks), 10 * 100 * 400);
  EXPECT_DOUBLE_EQ(decoded("y=100,x=400", chunks), 100 * 400);
  EXPECT_DOUBLE_EQ(decoded("y=100,x=400,co=1,nest=co", chunks), 100 * 400);
}

}  // namespace
}  // namespace tilewright
