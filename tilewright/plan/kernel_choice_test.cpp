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
  const KernelInfo& k = *choose_kernels(p, kMachine, options).front();
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

std::string refusal(const Machine& machine, const std::string& name, const std::string& line) {
  PlanOptions options;
  options.kernel = name;
  try {
    choose_kernels(parse_problem(line), machine, options);
  } catch (const Unsupported& e) {
    return e.what();
  }
  return "";
}

TEST(KernelChoice, RefusalsSayWhatWouldHelp) {
  Machine machine = kMachine;
  KernelInfo products = machine.kernels.front();
  products.name = "conv2d/products", products.order = Order::kAnchored, products.factored = true;
  products.windows.strides = {1, 2};
  machine.kernels.push_back(products);
  const auto says = [&](const std::string& name, const std::string& line, const char* text) {
    return refusal(machine, name, line).find(text) != std::string::npos;
  };
  const char* const less = "accept less exactness";
  const char* const weights = "given as gauss or box";
  for (const char* line : {"conv2d ci1 y30 x30 co1 k5x5", "conv2d ci8 y30 x30 co8 k5x5"}) {
    EXPECT_TRUE(says("products", line, weights)) << refusal(machine, "products", line);
    EXPECT_FALSE(says("products", line, less)) << line;
    EXPECT_TRUE(says("library", line, less)) << refusal(machine, "library", line);
    EXPECT_FALSE(says("library", line, weights)) << line;
    EXPECT_FALSE(says("nonsense", line, less)) << line;
    EXPECT_TRUE(says("nonsense", line, "name another; ")) << refusal(machine, "nonsense", line);
  }
  const char* const strided = "conv2d ci1 y30 x30 co1 k5x5 s2x2";
  EXPECT_TRUE(says("products", strided, "name another; "));
  EXPECT_FALSE(says("products", strided, weights)) << refusal(machine, "products", strided);
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

// A machine that has a kernel with tiles of 4 x 6 outputs and blocks of 32 channels as well.
Machine anchored_machine() {
  Machine m = kMachine;
  KernelInfo k = m.kernels.front();
  k.name = "conv2d/tiles", k.order = Order::kAnchored, k.dtypes = {DType::kF32};
  k.windows = {{3, 4}, {1, 2}, 1};
  // A quarter of the products, but each source element is prepared for as much as 16 of them.
  k.work = [](const Layer& layer, const Block& step) {
    KernelWork work = default_work(layer, step);
    const Region src = layer.region(Operand::kSrc, step);
    work.flop = work.flop / 4 + 2 * 9 * 16 / 4 * static_cast<double>(src.volume());
    return work;
  };
  k.anchors[Axis::kY] = 4, k.anchors[Axis::kX] = 6, k.anchors[Axis::kCi] = 32;
  k.anchors[Axis::kKy] = k.anchors[Axis::kKx] = 0;
  k.error = {100, 10};
  m.kernels.insert(m.kernels.begin(), k);
  return m;
}

Plan anchored_plan(const std::string& line, const std::string& force, Index bytes = 1 << 30) {
  Machine m = anchored_machine();
  m.host_bytes = bytes;
  PlanOptions options;
  options.force = force;
  options.dst.block = {1, 1, 1, 9};
  return plan(parse_problem(line), m, options);
}

TEST(AnchoredKernel, IsChosenForWhatItComputesFast) {
  const auto name = [](const std::string& line) { return anchored_plan(line, "").kernel.name; };
  EXPECT_EQ(name("conv2d ci64 y20 x20 co16 k3x3"), "conv2d/tiles");
  EXPECT_EQ(name("conv2d ci64 y20 x20 co5 k3x3"), "conv2d/direct");
  EXPECT_EQ(name("conv2d ci64 y20 x20 co64 k3x5"), "conv2d/direct");
  EXPECT_EQ(name("conv2d ci64 y20 x20 co64 k3x3 s1x2"), "conv2d/direct");
  EXPECT_EQ(name("conv2d ci64 y20 x20 co64 k3x3 d2x1"), "conv2d/direct");
  EXPECT_EQ(name("conv2d ci64 y20 x20 co64 k3x3 f64"), "conv2d/direct");
}

TEST(AnchoredKernel, IsNotChosenUnaskedForShortSums) {
  Machine m = anchored_machine();
  m.kernels.front().least_products = [](double real) { return 64 * 9 / real; };
  const auto name = [&](const std::string& channels, const std::string& asked,
                        const std::string& padding = "") {
    PlanOptions options;
    options.kernel = asked;
    return plan(parse_problem("conv2d ci" + channels + " y20 x20 co16 k3x3" + padding), m, options)
        .kernel.name;
  };
  EXPECT_EQ(name("63", ""), "conv2d/direct");
  EXPECT_EQ(name("63", "cpu"), "conv2d/direct");
  EXPECT_EQ(name("63", "tiles"), "conv2d/tiles");
  EXPECT_EQ(name("64", ""), "conv2d/tiles");
  // One row in 20 of two taps in three meets padding, and columns likewise: 0.934 of 69 channels
  // are 64.4, of 68 channels 63.5.
  EXPECT_EQ(name("68", "", " p1,1,1,1"), "conv2d/direct");
  EXPECT_EQ(name("69", "", " p1,1,1,1"), "conv2d/tiles");
  EXPECT_EQ(name("68", "", " p1,1,1,1 m:reflect"), "conv2d/tiles");
}

TEST(AnchoredKernel, CutsThatItDoesNotAllowGoToAnother) {
  const std::string line = "conv2d ci64 y40 x40 co64 k3x3";
  EXPECT_EQ(anchored_plan(line, "y=8,x=12,ci=32,co=5").kernel.name, "conv2d/tiles");
  EXPECT_EQ(anchored_plan(line, "y=8,x=12,ci=32,co=5").exact, Exactness::kStable);
  for (const char* force : {"y=6", "x=8", "ci=16", "ci=1,ky=1"})
    EXPECT_EQ(anchored_plan(line, force).kernel.name, "conv2d/direct") << force;
  PlanOptions options;
  options.kernel = "tiles";
  options.force = "y=6";
  EXPECT_THROW(plan(parse_problem(line), anchored_machine(), options), InvalidArgument);
  // Some cuts it cannot make, whatever is accepted.
  options.least = Exactness::kBound;
  EXPECT_EQ(plan(parse_problem(line), anchored_machine(), options).exact, Exactness::kBound);
  options.force = "ky=2";
  EXPECT_THROW(plan(parse_problem(line), anchored_machine(), options), InvalidArgument);
  options.kernel = "";
  EXPECT_NE(plan(parse_problem(line), anchored_machine(), options).kernel.name, "conv2d/tiles");
}

TEST(AnchoredKernel, IsCutWhereItsTilesBeginWhateverTheBudget) {
  const std::string line = "conv2d ci512 y300 x300 co64 k3x3";
  for (const Index bytes : {5, 8, 16, 32, 64}) {
    const Plan p = anchored_plan(line, "", bytes << 20);
    EXPECT_EQ(p.kernel.name, "conv2d/tiles") << bytes;
    EXPECT_EQ(p.exact, Exactness::kStable) << bytes;
    EXPECT_TRUE(!p.cuts[Axis::kX].cut() || p.cuts[Axis::kX].block() % 18 == 0) << bytes;
  }
}

TEST(ErrorBound, IsWhatAKernelStates) {
  const KernelInfo k = anchored_machine().kernels.front();
  // Blocks of 32 channels, 5 of them, and 10 roundings; with the bias one more.
  EXPECT_DOUBLE_EQ(error_bound(parse_problem("conv2d ci130 y9 x9 co8 k3x3"), k),
                   100 * 47 * 0x1p-24 / (1 - 47 * 0x1p-24));
  EXPECT_DOUBLE_EQ(error_bound(parse_problem("conv2d ci2 y9 x9 co8 k3x3 bias"), k),
                   100 * 14 * 0x1p-24 / (1 - 14 * 0x1p-24));
}

TEST(ErrorBound, IsGammaOfTheProducts) {
  const KernelInfo canonical = kMachine.kernels.front();
  const auto error_bound = [&](const Problem& p) { return tilewright::error_bound(p, canonical); };
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
