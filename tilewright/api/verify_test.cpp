// verify finds what was changed, and only that.
#include "tilewright/api/verify.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tilewright/api/compare.h"
#include "tilewright/store/conformance.h"
#include "tilewright/store/memory/memory_store.h"

namespace tilewright {
namespace {

using testing::TestFolder;

struct Job {
  explicit Job(const TestFolder& folder, const std::string& force = "tile=16x16") {
    request.src = "synth:noise,y=40,x=50,dtype=float32";
    request.dst = folder / "out.npy";
    request.kernel = "gauss:sigma=1";
    request.options.padding = Padding::same();
    request.planning.force = force;
    request.planning.least = Exactness::kBound;
    machine = local_machine().limited_to({Index{64} << 20, 2});
    c = prepare(request, machine);
    convolve(request, c);
  }
  // Adds `by` to one element of the result.
  void change(Index y, Index x, float by) {
    auto store = open_store(request.dst);
    Tensor t(store->spec());
    store->read(whole(t.shape()), t.view());
    store.reset();
    *t.view().at<float>(0, 0, y, x) += by;
    const auto changed =
        create_store(request.dst, {.spec = t.spec(), .rank = 2, .metadata = {}, .overwrite = true});
    changed->write(whole(t.shape()), t.view());
    changed->commit();
  }
  ConvolveRequest request;
  Machine machine;
  Convolution c;
};

TEST(Verify, AcceptsTheResult) {
  const TestFolder folder;
  Job job(folder);
  const VerifyReport windows = verify(job.request, job.c, job.machine);
  EXPECT_TRUE(windows.equal()) << windows.first_difference;
  EXPECT_EQ(windows.windows, 64);
  const VerifyReport full = verify(job.request, job.c, job.machine, {.full = true});
  EXPECT_TRUE(full.equal()) << full.first_difference;
  EXPECT_EQ(full.elements, 40 * 50 + windows.elements);
}

void check_stable(const TestFolder& folder, Job& job, const std::string& size, PaddingMode mode,
                  Index dilation) {
  SCOPED_TRACE(size + " d" + std::to_string(dilation));
  job.request = {};
  job.request.src = "synth:noise,c=32," + size;
  job.request.weights = "synth:noise,n=33,c=32,y=3,x=3";
  job.request.dst = folder / "stable.npy";
  job.request.options.padding = Padding::same();
  job.request.options.padding_mode = mode;
  job.request.options.dilation = {dilation, dilation};
  job.request.planning.kernel = "winograd";
  job.request.overwrite = true;
  job.c = prepare(job.request, job.machine);
  ASSERT_EQ(job.c.plan.kernel.name, "conv2d/winograd");
  convolve(job.request, job.c);

  const VerifyReport windows = verify(job.request, job.c, job.machine);
  EXPECT_TRUE(windows.equal()) << windows.first_difference;
  EXPECT_TRUE(verify(job.request, job.c, job.machine, {.full = true}).equal());

  // The definition's bits are near, but they are not this kernel's.
  ConvolveRequest bits = job.request;
  bits.planning.least = Exactness::kBits;
  bits.planning.kernel = "direct";
  Convolution other = prepare(bits, job.machine);
  convolve(bits, other);
  EXPECT_FALSE(verify(job.request, job.c, job.machine).equal());
}

// Tiles of 4 x 4 outputs, the last of them cut short along either axis, around or not, and tiles on
// phases.
TEST(Verify, AcceptsAndRefusesResultsOfKernelsWithTilesOfTheirOwn) {
  const TestFolder folder;
  Job job(folder);
  for (const char* size : {"y=41,x=50", "y=7,x=131", "y=64,x=35"})
    for (const PaddingMode mode : {PaddingMode::kZero, PaddingMode::kCircular})
      for (const Index dilation : {1, 2, 5}) check_stable(folder, job, size, mode, dilation);
}

TEST(Verify, FindsOneChangedElement) {
  const TestFolder folder;
  Job job(folder);
  job.change(13, 37, 1e-3F);

  const VerifyReport full = verify(job.request, job.c, job.machine, {.full = true});
  const VerifyReport windows = verify(job.request, job.c, job.machine, {.samples = 100});

  EXPECT_EQ(full.differing, 1);
  EXPECT_NE(full.first_difference.find("n0 c0 y13 x37"), std::string::npos);
  EXPECT_NEAR(full.largest_difference, 1e-3, 1e-5);
  EXPECT_FALSE(windows.equal());
}

TEST(Verify, SamplesCornersAndPieceBorders) {
  const TestFolder folder;
  Job job(folder, "tile=16x50");
  job.change(0, 0, 1);
  EXPECT_FALSE(verify(job.request, job.c, job.machine, {.samples = 1}).equal());
}

TEST(Verify, ChecksTheBoundWhereBitsAreNotPromised) {
  const TestFolder folder;
  Job job(folder, "ky=4,kx=3");
  ASSERT_EQ(job.c.plan.exact, Exactness::kBound);
  EXPECT_TRUE(verify(job.request, job.c, job.machine).equal());
  job.change(0, 0, 1e-3F);
  EXPECT_FALSE(verify(job.request, job.c, job.machine).equal());
}

TEST(Verify, RefusesAResultOfAnotherShape) {
  const TestFolder folder;
  Job job(folder);
  job.request.options.padding = Padding::valid();
  Convolution c = prepare(job.request, job.machine);
  EXPECT_THROW(verify(job.request, c, job.machine), InvalidArgument);
  EXPECT_THROW(verify(job.request, job.c, job.machine, {.samples = 0}), InvalidArgument);
}

TEST(VerifyPlan, HoldsEveryClassToItsPromise) {
  const Machine machine = local_machine().limited_to({Index{64} << 20, 2});
  for (const char* force : {"", "tile=5x5,ci=2", "ky=2,kx=2"}) {
    PlanOptions options;
    options.force = force;
    options.least = Exactness::kBound;
    const Plan p =
        plan(parse_problem("conv2d ci6 y17 x19 co4 k3x3 p1,1,1,1 bias"), machine, options);
    EXPECT_TRUE(verify_plan(p, 3).equal()) << force;
    EXPECT_TRUE(verify_plan(p, 3, true).equal()) << force;
  }
}

TEST(Compare, AllNaNsAreOneValueAndZerosAreTwo) {
  const float nan = std::nanf("");
  const Tensor a = Tensor::from({1, 1, 1, 4}, {nan, 0.0F, 1, 2});
  const Tensor b = Tensor::from({1, 1, 1, 4}, {-nan, -0.0F, 1, nan});
  VerifyReport report;

  compare(a.view(), b.view(), whole(a.shape()), nullptr, report);

  EXPECT_EQ(report.differing, 2);
  EXPECT_NE(report.first_difference.find("x1"), std::string::npos);
}

TEST(VerifyReport, WhatIsNotANumberIsTheLargestDifference) {
  VerifyReport finite, nan;
  finite.differing = nan.differing = 1;
  finite.largest_difference = 1, nan.largest_difference = std::nan("");

  EXPECT_TRUE(std::isnan((VerifyReport(finite) += nan).largest_difference));
  EXPECT_TRUE(std::isnan((VerifyReport(nan) += finite).largest_difference));
}

}  // namespace
}  // namespace tilewright
