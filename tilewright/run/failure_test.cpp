// Failures and cancellation at every call: run() ends with that error, without a hang and without
// a committed result.
#include <gtest/gtest.h>

#include <new>

#include "tilewright/run/test_stores.h"

namespace tilewright {
namespace {

using testing::Spies;

std::vector<Plan> small_plans() {
  const std::string line = "conv2d ci4 y9 x7 co4 k3x3 p1,1,1,1 bias";
  std::vector<Plan> plans;
  for (const char* force :
       {"y=2,flight=2", "y=2,flight=1", "y=9,flight=1", "y=3,ci=2,co=2,flight=2,weights=streamed",
        "tile=3x4,flight=2,order=rows"})
    plans.push_back(testing::forced_plan(line, force));
  return plans;
}

using Pick = testing::SpyStore& (*)(Spies&);
constexpr std::array<Pick, 4> kEveryStore{[](Spies& s) -> testing::SpyStore& { return s.src; },
                                          [](Spies& s) -> testing::SpyStore& { return s.weights; },
                                          [](Spies& s) -> testing::SpyStore& { return s.bias; },
                                          [](Spies& s) -> testing::SpyStore& { return s.dst; }};

// Runs once for every call of every store, which does `act` at that call.
template <class Act, class Expect>
void at_every_call(Act&& act, Expect&& expect) {
  for (const Plan& p : small_plans())
    for (const Pick pick : kEveryStore) {
      Spies clean(p.problem);
      run(p, clean.stores());
      const Index calls = pick(clean).calls;
      ASSERT_GT(calls, 0);
      for (Index k = 1; k <= calls; ++k) {
        SCOPED_TRACE(p.explain() + " call " + std::to_string(k) + " of " + std::to_string(calls));
        Spies spies(p.problem);
        pick(spies).on_call = [&](Index call) {
          if (call == k) act();
        };
        expect(p, spies);
        EXPECT_EQ(spies.dst.commits, 0);
      }
    }
}

TEST(Failure, OfAStoreEndsTheRunWithItsError) {
  at_every_call([] { throw StoreError("disk: full"); },
                [](const Plan& p, Spies& spies) {
                  try {
                    run(p, spies.stores());
                    ADD_FAILURE() << "the error was lost";
                  } catch (const StoreError& e) {
                    EXPECT_STREQ(e.what(), "disk: full");
                  }
                });
}

TEST(Failure, OfAnyOtherKindTravelsToo) {
  at_every_call(
      [] { throw std::bad_alloc(); },
      [](const Plan& p, Spies& spies) { EXPECT_THROW(run(p, spies.stores()), std::bad_alloc); });
}

TEST(Failure, OfTheProgressReportEndsTheRun) {
  for (const Plan& p : small_plans()) {
    Spies spies(p.problem);
    RunOptions options;
    options.progress = [](const Progress&) { throw StoreError("terminal: gone"); };
    EXPECT_THROW(run(p, spies.stores(), options), StoreError);
  }
}

TEST(Failure, OfOneRunLeavesTheNextAlone) {
  const Plan p = small_plans()[0];
  Spies clean(p.problem);
  const std::string hash = run(p, clean.stores()).hash;
  Spies spies(p.problem);
  spies.dst.on_call = [](Index call) {
    if (call == 2) throw StoreError("once");
  };

  EXPECT_THROW(run(p, spies.stores()), StoreError);
  spies.dst.on_call = {};

  EXPECT_EQ(run(p, spies.stores()).hash, hash);
}

TEST(Cancel, AtAnyCallInterruptsOrFinishes) {
  std::atomic<bool> cancel{false};
  Index interrupted = 0, finished = 0;
  at_every_call([&] { cancel = true; },
                [&](const Plan& p, Spies& spies) {
                  cancel = false;
                  RunOptions options;
                  options.cancel = &cancel;
                  try {
                    run(p, spies.stores(), options);
                    ++finished;  // the last writes come after the last check
                  } catch (const Interrupted&) {
                    ++interrupted;
                  }
                });
  EXPECT_GT(interrupted, finished);
}

TEST(Cancel, BeforeTheStartWritesNothing) {
  const std::atomic<bool> cancel{true};
  RunOptions options;
  options.cancel = &cancel;
  for (const Plan& p : small_plans()) {
    Spies spies(p.problem);
    EXPECT_THROW(run(p, spies.stores(), options), Interrupted);
    EXPECT_EQ(spies.dst.calls, 0);
  }
}

}  // namespace
}  // namespace tilewright
