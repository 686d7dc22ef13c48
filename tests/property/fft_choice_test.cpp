// Which problems go to the FFT kernels by themselves: by what they are, never by budget or threads.
#include <gtest/gtest.h>

#include "tilewright/tilewright.h"

namespace tilewright {
namespace {

std::string chosen(const std::string& line, const PlanOptions& options = {},
                   const MachineLimits& limits = {}) {
  return plan(parse_problem(line), local_machine().limited_to(limits), options).kernel.name;
}

TEST(FftChoice, LargeWindowsAreTransformed) {
  EXPECT_EQ(chosen("conv2d ci1 y2048 x2048 co1 k31x31 p15,15,15,15"), "conv2d/fft");
  EXPECT_EQ(chosen("conv2d ci8 y512 x512 co8 k15x15 p7,7,7,7"), "conv2d/fft");
  EXPECT_EQ(chosen("conv2d ci256 y64 x64 co256 k31x31 p15,15,15,15 g256"), "conv2d/fft");
  EXPECT_EQ(chosen("conv2d_transpose ci8 y512 x512 co8 o512x512 k31x31 p15,15,15,15"),
            "conv2d_transpose/fft");
  EXPECT_EQ(chosen("conv2d_weights ci8 y512 x512 co8 k31x31 p15,15,15,15"), "conv2d_weights/fft");
}

TEST(FftChoice, SmallWindowsAreNot) {
  EXPECT_EQ(chosen("conv2d ci1 y2048 x2048 co1 k5x5 p2,2,2,2"), "conv2d/direct");
  EXPECT_EQ(chosen("conv2d ci256 y64 x64 co256 k7x7 p3,3,3,3 g256"), "conv2d/direct");
  EXPECT_EQ(chosen("conv2d ci1 y31 x31 co1 k31x31"), "conv2d/direct");
}

TEST(FftChoice, OnlyWhatIsAskedForAndWhatItComputes) {
  PlanOptions bits;
  bits.least = Exactness::kBits;
  const std::string line = "conv2d ci1 y2048 x2048 co1 k31x31 p15,15,15,15";
  EXPECT_EQ(chosen(line, bits), "conv2d/direct");
  EXPECT_EQ(chosen(line + " f64"), "conv2d/direct");
  EXPECT_EQ(chosen("conv2d ci1 y2048 x2048 co1 k31x31 s2x1"), "conv2d/direct");
  EXPECT_EQ(chosen("conv2d ci1 y2048 x2048 co1 k31x31 d1x2"), "conv2d/direct");
  EXPECT_EQ(chosen("conv2d ci1 y99 x2048 co1 k1x1025"), "conv2d/direct");
}

TEST(FftChoice, DependsNeitherOnBudgetNorOnThreads) {
  const std::string line = "conv2d ci4 y3000 x3000 co4 k31x31 p15,15,15,15";
  for (const Index megabytes : {8, 40, 900})
    for (const int threads : {1, 5})
      EXPECT_EQ(chosen(line, {}, {megabytes << 20, threads}), "conv2d/fft") << megabytes;
}

TEST(FftChoice, PiecesKeepToBlocksAndFitTheBudget) {
  const Problem p = parse_problem("conv2d ci4 y3000 x3000 co4 k31x31 p15,15,15,15");
  for (const Index megabytes : {6, 8, 40}) {
    const Plan q = plan(p, local_machine().limited_to({megabytes << 20, 2}));
    EXPECT_EQ(q.exact, Exactness::kStable);
    EXPECT_LE(q.peak_bytes(), megabytes << 20);
    for (const Axis a : {Axis::kY, Axis::kX})
      EXPECT_TRUE(!q.cuts[a].cut() || q.cuts[a].alignment() % q.kernel.anchors[a] == 0);
  }
}

TEST(FftChoice, CutsInsideBlocksAreRefusedByName) {
  PlanOptions options;
  options.kernel = "fft";
  options.force = "y=100";
  try {
    chosen("conv2d ci1 y2048 x2048 co1 k31x31 p15,15,15,15", options);
    FAIL();
  } catch (const InvalidArgument& e) {
    EXPECT_NE(std::string(e.what()).find("multiples of 96"), std::string::npos) << e.what();
  }
}

}  // namespace
}  // namespace tilewright
