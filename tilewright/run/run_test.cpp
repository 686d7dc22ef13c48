// run() by hand values, with every cut the same bits, and with stores that do not fit the plan.
#include "tilewright/run/run.h"

#include <gtest/gtest.h>

#include <set>

#include "tilewright/run/recompute.h"
#include "tilewright/run/test_stores.h"
#include "tilewright/tensor/convert.h"

namespace tilewright {
namespace {

using testing::Draw;
using testing::Spies;

std::vector<float> floats(const ConstTensorView& v) {
  const auto* first = reinterpret_cast<const float*>(v.data);
  return {first, first + volume(v.shape)};
}

TEST(Run, HandValues) {
  const Plan p = testing::forced_plan("conv2d ci1 y2 x3 co1 k2x2 p0,1,0,1 bias", "tile=1x2");
  MemoryStore src(Tensor::from({1, 1, 2, 3}, {1, 2, 3, 4, 5, 6}));
  MemoryStore weights(Tensor::from({1, 1, 2, 2}, {1, 10, 100, 1000}));
  MemoryStore bias(Tensor::from({1, 1, 1, 1}, {0.5F}));
  MemoryStore dst(Tensor(p.problem.spec(Operand::kDst)));

  const Trace t = run(p, {&src, &weights, &bias, &dst});

  EXPECT_EQ(floats(dst.view()), (std::vector<float>{5421.5, 6532.5, 603.5, 54.5, 65.5, 6.5}));
  EXPECT_EQ(t.pieces, 4);
  EXPECT_EQ(t.steps, 4);
}

TEST(Run, EveryCutOfOneProblemHasOneHash) {
  const std::string line = "conv2d n2 ci6 y19 x23 co8 k3x5 s2x1 d1x2 p1,2,4,4 g2 f32 m:reflect";
  std::set<std::string> hashes;
  for (const char* force :
       {"n=2", "tile=3x4", "co=2,ci=1", "ci=1,ky=2", "ci=1,ky=1,kx=3,y=4,flight=1",
        "g=1,order=rows,x=7,y=2", "n=1,nest=space,co=3,weights=streamed", "y=1+2+3+4,x=20+3"})
    for (const int threads : {1, 3}) {
      const Plan p = testing::forced_plan(line, force, threads);
      Spies spies(p.problem);
      RunOptions options;
      options.poison = true;
      if (threads == 3) options.part_bytes = 1;
      hashes.insert(run(p, spies.stores(), options).hash);
    }
  EXPECT_EQ(hashes.size(), 1u);
}

TEST(Run, ReadsAndWritesInPartsThatEndWhereBlocksDo) {
  const Plan p = testing::forced_plan("conv2d ci2 y10 x8 co1 k3x3 p2,2,1,1 m:reflect", "tile=12x8");
  for (const double part_bytes : {1.0, 3 * 2 * 10 * 4.0}) {
    Spies spies(p.problem);
    RunOptions options;
    options.part_bytes = part_bytes;

    run(p, spies.stores(), options);

    // Rows 0 to 9; padding is copied from them.
    EXPECT_EQ(spies.src.calls, part_bytes == 1.0 ? 10 : 4);
    EXPECT_EQ(spies.src.most_visits(), 1);
  }
}

TEST(Run, NoticesACancellationInsideAPiece) {
  const Plan p = testing::forced_plan("conv2d ci1 y10 x8 co1 k3x3", "tile=8x6");
  Spies spies(p.problem);
  std::atomic<bool> cancel = false;
  spies.src.on_call = [&](Index call) { cancel = call == 2; };
  RunOptions options;
  options.part_bytes = 1;
  options.cancel = &cancel;

  EXPECT_THROW(run(p, spies.stores(), options), Interrupted);

  EXPECT_EQ(spies.src.calls, 2);
}

TEST(Run, RefusesStoresThatDoNotFitThePlan) {
  const Plan p = testing::forced_plan("conv2d ci2 y8 x8 co2 k3x3 bias", "y=2");
  Spies good(p.problem);
  const auto message = [&](Stores stores) -> std::string {
    try {
      run(p, stores);
    } catch (const InvalidArgument& e) {
      return e.what();
    }
    return "";
  };
  testing::SpyStore other(testing::pattern({DType::kF32, {1, 2, 8, 9}}));
  testing::SpyStore bytes(testing::pattern({DType::kU8, {1, 2, 8, 8}}));
  Stores s = good.stores();
  s.src = &other;
  EXPECT_NE(message(s).find("1x2x8x9"), std::string::npos);
  s.src = &bytes;
  EXPECT_NE(message(s).find("uint8"), std::string::npos);
  s = good.stores();
  s.bias = nullptr;
  EXPECT_NE(message(s).find("'bias' is missing"), std::string::npos);
  s = good.stores();
  s.dst = &other;
  EXPECT_NE(message(s).find("'dst'"), std::string::npos);
  s = good.stores();
  s.weights = &other;
  EXPECT_NE(message(s).find("'weights'"), std::string::npos);
  EXPECT_EQ(good.dst.calls, 0);
}

TEST(Recomputer, GivesAnyRegionOfTheOutput) {
  Draw d(31);
  for (int i = 0; i < 100; ++i) {
    const Problem problem = parse_problem(testing::random_line(d, 20, "reflect"));
    SCOPED_TRACE(problem.line());
    const Machine machine = testing::test_machine(Index{1} << 28);
    Spies spies(problem);
    PlanOptions options;
    options.kernel = "direct";
    run(plan(problem, machine, options), spies.stores());
    const Extents e = problem.extents();
    Block block = whole(e);
    for (const Axis a : {Axis::kN, Axis::kY, Axis::kX, Axis::kG, Axis::kCo}) {
      if (a == Axis::kCo && block[Axis::kG].size() > 1) continue;
      const Index from = d.in(0, e[a] - 1);
      block[a] = {from, d.in(from + 1, e[a])};
    }
    Recomputer recomputer(plan_regions(problem, machine, block, "definition", Exactness::kBits),
                          spies.stores());

    const Tensor part = recomputer.compute(block);

    const Region where = problem.layer->region(Operand::kDst, block);
    ASSERT_EQ(part.shape(), where.shape());
    Tensor expected(part.dtype(), part.shape());
    copy(spies.dst.view().slice(where), expected.view());
    for (Index j = 0; j < part.spec().bytes(); ++j)
      ASSERT_EQ(part.data<std::byte>()[j], expected.data<std::byte>()[j]);
  }
}

}  // namespace
}  // namespace tilewright
