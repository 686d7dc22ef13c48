// plan(): the seeds' case, budgets, one piece for small problems, speed of planning.
#include <gtest/gtest.h>

#include <chrono>

#include "tilewright/plan/plan.h"
#include "tilewright/plan/test_problems.h"

namespace tilewright {
namespace {

using testing::Draw;
using testing::test_machine;

constexpr Index kMiB = Index{1} << 20;

PlanOptions files(const std::string& force = "") {
  PlanOptions options;
  options.force = force;
  options.src.file = options.dst.file = true;
  options.src.scratch_bytes = options.dst.scratch_bytes = 256 << 10;
  return options;
}

// Stores as different as the planner ever meets them.
PlanOptions random_stores(Draw& d) {
  PlanOptions options = d.chance(50) ? files() : PlanOptions{};
  for (StoreHints* h : {&options.src, &options.weights, &options.dst}) {
    if (d.chance(60)) continue;
    h->file = h->cached = true;
    h->block = {1, d.chance(80) ? 1 : 3, d.chance(50) ? 1 : d.in(8, 64), d.in(8, 256)};
    h->scratch_bytes = d.chance(50) ? 0 : d.in(1, 1 << 20);
  }
  return options;
}

TEST(Planner, ForcedBlocksOfTheSeedsCase) {
  const Plan p = plan(parse_problem(testing::kSeedsCase), test_machine(512 * kMiB),
                      files("tile=128x128,co=128,ci=128"));

  const Counts c = p.counts();
  EXPECT_EQ(c.tiles, 64);
  EXPECT_EQ(c.channel_blocks, 64);
  EXPECT_EQ(c.elemental_convolutions, 4096);
  EXPECT_EQ(c.pieces * c.steps_per_piece, 4096);
  EXPECT_LE(p.peak_bytes(), 512 * kMiB);
  EXPECT_EQ(p.exact, Exactness::kBits);
  EXPECT_TRUE(p.forced);
}

TEST(Planner, AutomaticPlanOfTheSeedsCaseIsNearTheBound) {
  const Problem problem = parse_problem(testing::kSeedsCase);
  const Plan forced = plan(problem, test_machine(512 * kMiB), files("tile=128x128,co=128,ci=128"));

  const Plan p = plan(problem, test_machine(512 * kMiB), files());

  EXPECT_LE(p.moved.total(), 1.25 * p.lower_bound_bytes);
  EXPECT_GT(forced.moved.total(), 2 * p.lower_bound_bytes);
  EXPECT_LE(p.seconds, forced.seconds);
  EXPECT_LE(p.peak_bytes(), 512 * kMiB);
  EXPECT_EQ(p.exact, Exactness::kBits);
}

TEST(Planner, TakesMilliseconds) {
  using Clock = std::chrono::steady_clock;
  const Problem problem = parse_problem(testing::kSeedsCase);
  double best = 1e9;
  for (int i = 0; i < 3; ++i) {
    const auto start = Clock::now();
    plan(problem, test_machine(512 * kMiB), files());
    best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count());
  }
#ifdef __OPTIMIZE__
  EXPECT_LT(best, 0.25);
#endif
}

TEST(Planner, SmallProblemsAreOnePieceAndSayWhy) {
  for (const char* line : {"conv2d ci3 y64 x64 co8 k3x3 p1,1,1,1", "conv2d ci1 y1 x1 co1",
                           "conv2d n4 ci64 y32 x32 co64 k3x3 g64"}) {
    const Plan p = plan(parse_problem(line), test_machine(64 * kMiB));

    EXPECT_EQ(p.counts().elemental_convolutions, 1) << line;
    EXPECT_EQ(p.in_flight, 1) << line;
    EXPECT_NE(p.explain().find("one piece: "), std::string::npos) << p.explain();
    EXPECT_NE(p.explain().find("of 64.0 MiB"), std::string::npos) << p.explain();
    EXPECT_EQ(p.peak_bytes(), p.one_piece_bytes) << line;
  }
}

TEST(Planner, ExplainsWhyItTiles) {
  const Plan p =
      plan(parse_problem("conv2d ci3 y4096 x4096 co3 k3x3 p1,1,1,1"), test_machine(32 * kMiB));

  EXPECT_NE(p.explain().find("needed in one piece, 32.0 MiB allowed"), std::string::npos)
      << p.explain();
  for (const char* word : {"work ", "exact ", "stream ", "kernel  cpu:conv2d/direct", "peak ",
                           "moved ", "time ", "least "})
    EXPECT_NE(p.explain().find(word), std::string::npos) << word << "\n" << p.explain();
}

TEST(Planner, SaysWhyAQuickerPlanCameSecond) {
  const Problem problem = parse_problem("conv2d ci1 y1000 x1000 co1 k3x3 p1,1,1,1");
  PlanOptions options = files();
  const Plan one = plan(problem, test_machine(1024 * kMiB), options);
  options.force = "y=46";
  const Plan cut = plan(problem, test_machine(1024 * kMiB), options);

  ASSERT_EQ(one.counts().pieces, 1);
  ASSERT_LT(cut.seconds, one.seconds);
  EXPECT_NE(one.next_best.find("; one piece is preferred unless the gain is 10 % and 0.05 s"),
            std::string::npos)
      << one.explain();
}

TEST(Planner, KeepsEveryBudget) {
  Draw d(7);
  int planned = 0;
  for (int i = 0; i < 500; ++i) {
    const std::string line = testing::random_line(d, d.chance(50) ? 60 : 5000);
    const Index budget = Index{1} << d.in(18, 28);
    SCOPED_TRACE(line + " in " + std::to_string(budget));
    try {
      const Plan p = plan(parse_problem(line), test_machine(budget), random_stores(d));
      EXPECT_LE(p.peak_bytes(), budget);
      EXPECT_LE(p.smallest_budget_bytes, p.peak_bytes());
      EXPECT_GE(p.moved.src_bytes, 0);
      EXPECT_GT(p.seconds, 0);
      ++planned;
    } catch (const BudgetTooSmall& e) {
      EXPECT_GT(e.smallest_bytes, budget);
    }
  }
  EXPECT_GT(planned, 250);
}

TEST(Planner, TheSmallestBudgetWorksAndNoSmallerOne) {
  Draw d(11);
  for (int i = 0; i < 150; ++i) {
    const Problem problem = parse_problem(testing::random_line(d, d.chance(50) ? 60 : 5000));
    PlanOptions options = random_stores(d);
    if (d.chance(40)) options.force = "y=" + d.number(1, 20);
    SCOPED_TRACE(problem.line() + " --force " + options.force);
    Index smallest = 0;
    try {
      plan(problem, test_machine(1), options);
      FAIL() << "planned in one byte";
    } catch (const BudgetTooSmall& e) {
      smallest = e.smallest_bytes;
      EXPECT_NE(std::string(e.what()).find(std::to_string(smallest)), std::string::npos);
    }

    const Plan p = plan(problem, test_machine(smallest), options);

    EXPECT_LE(p.peak_bytes(), smallest);
    EXPECT_EQ(p.smallest_budget_bytes, smallest);
    EXPECT_THROW(plan(problem, test_machine(smallest - 1), options), BudgetTooSmall);
  }
}

TEST(Planner, MoreMemoryNeverPredictsMoreTime) {
  for (const char* line : {"conv2d ci64 y2048 x2048 co64 k3x3 p1,1,1,1",
                           "conv2d ci3 y8192 x8192 co3 k9x9 p4,4,4,4 g3 src:u8 dst:u8"}) {
    double last = 1e300;
    for (Index budget = 16 * kMiB; budget <= 1024 * kMiB; budget *= 2) {
      const Plan p = plan(parse_problem(line), test_machine(budget), files());
      EXPECT_LE(p.seconds, last * 1.11) << line << " in " << budget;
      last = p.seconds;
    }
  }
}

TEST(Planner, RefusesMachinesWithoutMemoryOrThreads) {
  const Problem p = parse_problem("conv2d ci1 y4 x4 co1");
  EXPECT_THROW(plan(p, test_machine(0)), InvalidArgument);
  EXPECT_THROW(plan(p, test_machine(1 << 20, 0)), InvalidArgument);
}

TEST(Exactness, NamesGoBothWays) {
  for (const Exactness e : {Exactness::kBits, Exactness::kStable, Exactness::kBound})
    EXPECT_EQ(parse_exactness(to_string(e)), e);
  EXPECT_THROW(parse_exactness("exact"), InvalidArgument);
}

TEST(Planner, SumsOfImagesAreExactWhereCutsKeepToTheirBlocks) {
  const Problem p = parse_problem("conv2d_weights n2 ci5 y41 x300 co7 k3x3 p1,1,1,1");
  PlanOptions options;
  options.least = Exactness::kBits;
  for (const char* force : {"n=1,y=8,x=128", "x=128", "y=16", "n=1,y=24", "co=2,ci=3,y=8"}) {
    options.force = force;
    EXPECT_EQ(plan(p, test_machine(Index{1} << 30), options).exact, Exactness::kBits) << force;
  }
  for (const char* force : {"y=16,x=128", "y=9", "x=100", "n=2,y=8"}) {
    options.force = force;
    EXPECT_THROW(plan(p, test_machine(Index{1} << 30), options), InvalidArgument) << force;
  }
}

// 2048 x 4096 floats in blocks of 512 x 512 twice over: 8 MiB for a row of blocks of each.
TEST(Planner, SumsOfImagesDecodeTheirBlocksOnceWhereTheBudgetAllows) {
  const Problem p = parse_problem("conv2d_weights ci1 y2048 x4096 co1 k3x3 p1,1,1,1");
  PlanOptions options = files();
  for (StoreHints* h : {&options.src, &options.weights}) {
    h->cached = true;
    h->block = {1, 1, 512, 512};
  }
  options.force = "x=1024";
  const Plan rich = plan(p, test_machine(64 * kMiB), options);
  EXPECT_TRUE(rich.caches_rows);
  EXPECT_GE(rich.src_cache_bytes, 8 * kMiB);
  EXPECT_GE(rich.weights_cache_bytes, 8 * kMiB);

  const Plan poor = plan(p, test_machine(8 * kMiB), options);
  EXPECT_FALSE(poor.caches_rows);
  EXPECT_LE(poor.peak_bytes(), 8 * kMiB);
  EXPECT_GT(poor.seconds, 5 * rich.seconds);  // every band of 8 rows decodes 512
}

TEST(Planner, BlocksThatHoldAllChannelsAreNotDecodedForEach) {
  const Problem p = parse_problem("conv2d ci3 y8192 x8192 co3 k3x3 p1 g3 src:u8");
  PlanOptions options = files();
  options.src.cached = true;
  options.src.block = {1, 3, 256, 256};
  options.src.cached_block_bytes = 200;
  options.src.decode_seconds_per_byte = 30e-9;
  const Plan decoding = plan(p, test_machine(512 * kMiB), options);

  EXPECT_FALSE(decoding.cuts[Axis::kG].cut());
  EXPECT_GE(decoding.src_cache_bytes, 3 * 256 * 8192 + 3 * 32 * 200);
  EXPECT_NEAR(decoding.seconds, 3.0 * 8192 * 8192 * 30e-9, 0.1 * decoding.seconds);
}

TEST(Planner, CountsWhatFoldedPaddingReadsAndLists) {
  const std::string image = "conv2d_transpose ci16 y182 x182 co16 o64x64 k3x3 ";
  Machine machine = test_machine(64 * kMiB);
  machine.kernels[0].layer = "conv2d_transpose";
  const Plan folded = plan(parse_problem(image + "p60,60,60,60 m:replicate"), machine);
  // 61 + 60 rows one by one read two rows more each; columns come in three runs.
  const double planes = 16 * 4, rows = 182 + 120 * 2, columns = 182 + 2 * 2;
  EXPECT_NEAR(folded.moved.src_bytes, planes * rows * columns, 0.05 * planes * rows * columns);
  EXPECT_GE(folded.lower_bound_bytes, 16 * 182 * 182 * 4);

  const Plan many =
      plan(parse_problem("conv2d_transpose ci1 y190001 x4 co1 o3x5 k3x2 p190000,0,0,0 m:reflect"),
           machine);
  EXPECT_GT(many.peak_bytes(), 95000 * 3 * 40);  // a list of runs of two rows each
}

TEST(Planner, NamesABudgetThatWorksUnderForcedGroups) {
  const Problem p = parse_problem("conv2d ci8 y64 x64 co80 k3x3 g2");
  PlanOptions options;
  for (const char* force : {"co=80", "g=2", "g=1", "co=20"}) {
    options.force = force;
    try {
      plan(p, test_machine(1000), options);
      ADD_FAILURE() << force;
    } catch (const BudgetTooSmall& e) {
      ASSERT_GT(e.smallest_bytes, 1000) << force;
      EXPECT_NO_THROW(plan(p, test_machine(e.smallest_bytes), options)) << force;
    }
  }
}

}  // namespace
}  // namespace tilewright
