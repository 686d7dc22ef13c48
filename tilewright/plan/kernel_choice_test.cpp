// Choice of kernels, classes of exactness, error bounds.
#include "tilewright/plan/kernel_choice.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tilewright/plan/test_problems.h"

namespace tilewright {
namespace {

const Machine kMachine = testing::test_machine(Index{1} << 30);
const Problem kF32 = parse_problem("conv2d ci8 y20 x20 co8 k5x5 p2,2,2,2");

std::string chosen(const std::string& name, Exactness least, const Problem& p = kF32) {
  PlanOptions options;
  options.kernel = name;
  options.least = least;
  const KernelInfo& k = choose_kernel(p, kMachine, options);
  return k.device + ":" + k.name;
}

Exactness reached(const std::string& force, const std::string& kernel = "direct") {
  PlanOptions options;
  options.force = force;
  options.kernel = kernel;
  options.least = Exactness::kBound;
  return plan(kF32, kMachine, options).exact;
}

TEST(KernelChoice, FastestThatIsExactEnough) {
  EXPECT_EQ(chosen("", Exactness::kStable), "cpu:conv2d/direct");
  EXPECT_EQ(chosen("", Exactness::kBits), "cpu:conv2d/direct");
  EXPECT_EQ(chosen("", Exactness::kBound), "cpu:conv2d/library");
  const Problem f64 = parse_problem("conv2d ci8 y20 x20 co8 k5x5 f64");
  EXPECT_EQ(chosen("", Exactness::kBound, f64), "cpu:conv2d/direct");
}

TEST(KernelChoice, EveryFormOfName) {
  for (const char* name : {"reference", "definition", "conv2d/definition",
                           "reference:conv2d/definition", "reference:definition"})
    EXPECT_EQ(chosen(name, Exactness::kBits), "reference:conv2d/definition") << name;
  for (const char* name : {"direct", "cpu", "conv2d/direct", "cpu:direct", "cpu:conv2d/direct"})
    EXPECT_EQ(chosen(name, Exactness::kBits), "cpu:conv2d/direct") << name;
}

TEST(KernelChoice, RefusalsListWhatThereIs) {
  for (const char* name : {"winograd", "library"}) {
    try {
      chosen(name, Exactness::kStable);
      FAIL() << name;
    } catch (const Unsupported& e) {
      EXPECT_NE(std::string(e.what()).find(name), std::string::npos) << e.what();
      EXPECT_NE(std::string(e.what()).find("cpu:conv2d/direct (bits)"), std::string::npos);
    }
  }
}

TEST(Exactness, CutsThatKeepTheOrderKeepTheBits) {
  EXPECT_EQ(reached("y=3,x=7,co=2,ci=3"), Exactness::kBits);
  EXPECT_EQ(reached("ci=1,ky=2"), Exactness::kBits);
  EXPECT_EQ(reached("ci=1,ky=1,kx=2"), Exactness::kBits);
}

TEST(Exactness, TapCutsThatReorderSumsGiveABoundOnly) {
  EXPECT_EQ(reached("ky=2"), Exactness::kBound);
  EXPECT_EQ(reached("ci=2,ky=2"), Exactness::kBound);
  EXPECT_EQ(reached("kx=2"), Exactness::kBound);
  EXPECT_EQ(reached("ci=1,kx=2"), Exactness::kBound);
  EXPECT_EQ(reached("ci=1,ky=2,kx=2"), Exactness::kBound);
}

TEST(Exactness, NoStrongerThanTheKernel) {
  EXPECT_EQ(reached("y=5", "library"), Exactness::kBound);
}

TEST(Exactness, TheFreeAxesAreCutSoThatAForceKeepsTheBits) {
  PlanOptions options;
  options.force = "ky=2";
  const Plan p = plan(kF32, kMachine, options);
  EXPECT_EQ(p.exact, Exactness::kBits);
  EXPECT_EQ(p.cuts[Axis::kCi].block(), 1);
}

TEST(Exactness, AForceBelowWhatIsAskedForIsRefused) {
  PlanOptions options;
  options.force = "ky=2,ci=2";
  try {
    plan(kF32, kMachine, options);
    FAIL();
  } catch (const InvalidArgument& e) {
    EXPECT_NE(std::string(e.what()).find("ci=1"), std::string::npos) << e.what();
  }
}

TEST(ErrorBound, IsGammaOfTheProducts) {
  EXPECT_DOUBLE_EQ(error_bound(parse_problem("conv2d ci1 y4 x4 co1")), 0x1p-24 / (1 - 0x1p-24));
  EXPECT_DOUBLE_EQ(error_bound(kF32), 200 * 0x1p-24 / (1 - 200 * 0x1p-24));
  EXPECT_DOUBLE_EQ(error_bound(parse_problem("conv2d ci8 y9 x9 co2 k5x5 g2 bias")),
                   101 * 0x1p-24 / (1 - 101 * 0x1p-24));
  EXPECT_DOUBLE_EQ(error_bound(parse_problem("conv2d ci8 y9 x9 co8 k5x5 f64")),
                   200 * 0x1p-53 / (1 - 200 * 0x1p-53));
  EXPECT_TRUE(std::isinf(error_bound(parse_problem("conv2d ci8192 y64 x64 co1 k64x64"))));
}

}  // namespace
}  // namespace tilewright
