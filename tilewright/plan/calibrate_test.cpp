// calibrate(): machines whose speed is known are found again from what they would measure.
#include "tilewright/plan/calibrate.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tilewright/plan/cost.h"
#include "tilewright/plan/kernel_choice.h"
#include "tilewright/plan/test_problems.h"

namespace tilewright {
namespace {

constexpr Index kGiB = Index{1} << 30;
const char* const kLines[] = {
    "conv2d ci64 y96 x96 co64 k3x3 p1,1,1,1", "conv2d ci8 y300 x300 co8 k3x3",
    "conv2d ci3 y500 x500 co32 k7x7 s2x2",    "conv2d ci256 y64 x64 co64 k1x1",
    "conv2d ci1 y1000 x1000 co1 k5x5",        "conv2d ci512 y14 x14 co512 k3x3",
    "conv2d ci800 y14 x14 co800 k3x3",        "conv2d ci1200 y10 x10 co900 k3x3"};

PlanOptions one_piece() {
  PlanOptions options;
  options.kernel = "direct";
  options.src.in_place = options.weights.in_place = options.dst.in_place = true;
  options.force = "flight=1";
  return options;
}

Machine machine() { return testing::test_machine(kGiB); }

// What `truth` takes, in the words of a measurement, each time multiplied by `noise`.
Measurements measure(const Machine& truth, double noise = 1) {
  Measurements found;
  found.threads = truth.threads;
  found.when = "now";
  double factor = noise;
  for (const char* line : kLines) {
    const Plan p = plan(parse_problem(line), truth, one_piece());
    const CopyWork source = p.src_in_place ? CopyWork{} : source_copies(p);
    const double copies = copy_seconds(source, operand_bytes(p), truth) +
                          copy_seconds(weights_copies(p), operand_bytes(p), truth) +
                          fresh_bytes(p).read / truth.fresh_bytes_per_second;
    const double kernel = kernel_seconds(p, whole(p.problem.extents())) + truth.step_seconds +
                          fresh_bytes(p).compute / truth.fresh_bytes_per_second;
    found.runs.push_back({"cpu:conv2d/direct", p.problem, copies * factor, kernel * factor, 0,
                          (copies + kernel) * factor + truth.piece_seconds});
    factor = 1 / factor;
  }
  return found;
}

double predicted(const Machine& m, const char* line) {
  return plan(parse_problem(line), m, one_piece()).seconds;
}

TEST(Calibrate, FindsAMachineThatIsThreeTimesAsFast) {
  Machine truth = machine();
  truth.kernels[0].per_second = {180e9, 50e9, 400e6};
  truth.near_bytes_per_second *= 2;
  truth.far_bytes_per_second *= 1.5;

  const Machine found = calibrate(machine(), measure(truth));

  EXPECT_EQ(found.measured, "now");
  for (const char* line : kLines)
    EXPECT_NEAR(predicted(found, line) / predicted(truth, line), 1, 0.1) << line;
  const char* const other = "conv2d ci32 y200 x200 co48 k3x3 p1,1,1,1";
  EXPECT_NEAR(predicted(found, other) / predicted(truth, other), 1, 0.15);
}

TEST(Calibrate, FindsWhatFreshMemoryCosts) {
  Machine truth = machine();
  truth.fresh_bytes_per_second /= 8;

  const Machine found = calibrate(machine(), measure(truth));

  const char* const large = "conv2d ci700 y20 x20 co700 k3x3";
  EXPECT_LT(found.fresh_bytes_per_second, machine().fresh_bytes_per_second / 3);
  EXPECT_NEAR(predicted(found, large) / predicted(truth, large), 1, 0.2);
}

// Two rates that go together in all that is measured stay near their guesses.
TEST(Calibrate, KeepsRatesThatMeasurementsCannotTellApart) {
  Measurements same = measure(machine());
  same.runs = {same.runs[0], same.runs[0], same.runs[0]};

  const Machine found = calibrate(machine(), same);

  const KernelRates before = machine().kernels[0].per_second, after = found.kernels[0].per_second;
  EXPECT_NEAR(after.flop / before.flop, 1, 0.05);
  EXPECT_NEAR(after.bytes / before.bytes, 1, 0.05);
}

TEST(Calibrate, SmoothsNoise) {
  const Machine truth = machine();

  const Machine found = calibrate(machine(), measure(truth, 1.2));

  for (const char* line : kLines)
    EXPECT_NEAR(predicted(found, line) / predicted(truth, line), 1, 0.25) << line;
}

TEST(Calibrate, FollowsWhatRatesDoNotExplain) {
  Measurements odd = measure(machine());
  for (MeasuredRun& r : odd.runs)
    if (r.problem.line().find("k7x7") != std::string::npos) r.compute_seconds *= 3;

  const Machine found = calibrate(machine(), odd);

  const Layer& layer = *odd.runs[2].problem.layer;
  const Block step = whole(odd.runs[2].problem.extents());
  const double seconds = found.kernels[0].seconds(layer, step) / found.threads;
  EXPECT_NEAR(seconds / odd.runs[2].compute_seconds, 1, 0.2);
}

TEST(Calibrate, IgnoresWhatTheMachineLacksAndKeepsWhatWasNotMeasured) {
  Measurements found = measure(machine());
  for (MeasuredRun& r : found.runs) r.kernel = "gpu:conv2d/direct";

  const Machine m = calibrate(machine(), found);

  EXPECT_EQ(m.kernels[0].per_second.flop, machine().kernels[0].per_second.flop);
  EXPECT_TRUE(m.kernels[0].samples.empty());
  EXPECT_EQ(m.read_bytes_per_second, machine().read_bytes_per_second);
}

TEST(Calibrate, ExtremeTimesStillGiveFinitePlans) {
  for (const double factor : {1e-6, 1e6}) {
    Measurements found = measure(machine());
    for (MeasuredRun& r : found.runs)
      r.compute_seconds *= factor, r.read_seconds = 0, r.seconds *= factor;
    found.files = {{1, 1e4, 1e4}, {1e14, 1e-8, 1e-8}};
    const Machine m = calibrate(machine(), found);
    for (const char* line : kLines) {
      const double seconds = predicted(m, line);
      EXPECT_TRUE(std::isfinite(seconds) && seconds > 0) << line;
    }
  }
}

TEST(Calibrate, ChangesNoChoiceOfKernel) {
  Machine slow = machine();
  slow.kernels[0].per_second.flop = 1;
  const Machine m = calibrate(machine(), measure(slow));
  for (const char* line : kLines) {
    const Problem p = parse_problem(line);
    EXPECT_EQ(choose_kernels(p, m, {}).front()->name,
              choose_kernels(p, machine(), {}).front()->name);
  }
}

TEST(Cost, GrowsWithEveryAxis) {
  const auto seconds = [](const std::string& line) {
    return plan(parse_problem("conv2d " + line), machine(), one_piece()).seconds;
  };
  const double base = seconds("n2 ci32 y64 x64 co32 k3x3");
  for (const char* line :
       {"n4 ci32 y64 x64 co32 k3x3", "n2 ci64 y64 x64 co32 k3x3", "n2 ci32 y128 x64 co32 k3x3",
        "n2 ci32 y64 x128 co32 k3x3", "n2 ci32 y64 x64 co64 k3x3", "n2 ci32 y64 x64 co32 k5x3",
        "n2 ci32 y64 x64 co32 k3x5", "n2 ci32 y64 x64 co32 k3x3 f64"})
    EXPECT_GT(seconds(line), base) << line;
}

TEST(Cost, OneThreadTakesLongerThanTwo) {
  const Problem p = parse_problem(kLines[0]);
  const Plan two = plan(p, machine(), one_piece());
  const Plan one = plan(p, machine().limited_to({.threads = 1}), one_piece());
  EXPECT_GT(one.seconds, two.seconds);
}

}  // namespace
}  // namespace tilewright
