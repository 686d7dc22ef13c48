// A run whose stages fail or are cancelled while another is at work on a tile that is computed but
// not yet written: the error arrives, no thread is left, nor a file under any name.
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <latch>
#include <mutex>
#include <optional>
#include <thread>

#include "tilewright/run/test_stores.h"
#include "tilewright/store/conformance.h"

namespace tilewright {
namespace {

using testing::Spies;
using testing::TestFolder;

constexpr const char* kLine = "conv2d ci4 y9 x7 co4 k3x3 p1,1,1,1";
constexpr const char* kForce = "y=2,flight=2";
constexpr Index kPieces = 5;
constexpr Index kReads = 4;  // the last piece lies within the rows of the one before

/// Counts threads that have passed by and live, other than the one that counts.
class Threads {
 public:
  static void pass() { thread_local const Here here; }
  static int others() { return alive - here_too; }

 private:
  struct Here {
    Here() { ++alive, here_too = 1; }
    ~Here() { --alive; }
  };
  inline static std::atomic<int> alive{0};
  inline static thread_local int here_too = 0;
};

/// A result in memory, which each stage asks for its place from a thread of its own. Nothing is
/// written before it is finished, so the first thread but the caller's to ask is the one that
/// finishes tiles.
class Watched final : public Store {
 public:
  explicit Watched(const TensorSpec& spec) : inner_(Tensor(spec)) {}
  const TensorSpec& spec() const override { return inner_.spec(); }
  int rank() const override { return 4; }
  std::string describe() const override { return "watched"; }
  void read(const Region& region, const TensorView& dst) override { inner_.read(region, dst); }
  void write(const Region& region, const ConstTensorView& src) override {
    inner_.write(region, src);
  }
  void commit() override { ++commits; }
  TensorView memory() override {
    Threads::pass();
    if (const Index tile = finishes()) on_finish(tile);
    return inner_.memory();
  }

  /// Called with the number of every tile that is being finished, from 1.
  std::function<void(Index)> on_finish = [](Index) {};
  std::atomic<Index> finished{0};
  int commits = 0;

 private:
  Index finishes() {
    const auto self = std::this_thread::get_id();
    const std::lock_guard lock(mutex_);
    if (self == caller_ || finisher_.value_or(self) != self) return 0;
    finisher_ = self;
    return ++finished;
  }

  MemoryStore inner_;
  const std::thread::id caller_ = std::this_thread::get_id();
  std::mutex mutex_;
  std::optional<std::thread::id> finisher_;
};

/// Spies that read for a result that is watched.
struct InMemory {
  InMemory() : spies(problem), dst(problem.spec(Operand::kDst)) {
    spies.src.on_call = [](Index) { Threads::pass(); };
  }
  Trace run(const std::atomic<bool>* cancel = nullptr) {
    PlanOptions options;
    options.force = kForce;
    options.dst.in_place = true;
    const Plan p = plan(problem, testing::test_machine(Index{1} << 30), options);
    EXPECT_TRUE(p.dst_in_place);
    RunOptions how;
    how.cancel = cancel;
    return tilewright::run(p, {&spies.src, &spies.weights, nullptr, &dst}, how);
  }
  /// The message of the StoreError that ends the run.
  std::string failure() {
    try {
      run();
    } catch (const StoreError& e) {
      return e.what();
    }
    return "the error was lost";
  }

  Problem problem = parse_problem(kLine);
  Spies spies;
  Watched dst;
};

TEST(Finishing, GoesOverEveryTileOnce) {
  InMemory m;
  const Trace trace = m.run();
  Spies other(m.problem);
  EXPECT_EQ(m.dst.finished, kPieces);
  EXPECT_EQ(m.spies.src.calls, kReads);
  EXPECT_EQ(trace.hash, run(testing::forced_plan(kLine, kForce), other.stores()).hash);
  EXPECT_EQ(Threads::others(), 0);
}

TEST(Finishing, ThatFailsEndsTheRunWithItsError) {
  for (Index k = 1; k <= kPieces; ++k) {
    InMemory m;
    m.dst.on_finish = [&](Index tile) {
      if (tile == k) throw StoreError("tile: broken");
    };
    EXPECT_EQ(m.failure(), "tile: broken") << k;
    EXPECT_EQ(m.dst.finished, k) << "it went on";
    EXPECT_EQ(m.dst.commits, 0);
    EXPECT_EQ(Threads::others(), 0);
  }
}

/// One stage waits for the other, so that what happens next happens while a tile is finished.
struct Meeting {
  std::latch finishing{1}, acting{1};
};

/// `act` happens in the reader's call `call`, while tile `tile` is being finished.
template <class Act>
void while_finishing(InMemory& m, Index tile, Index call, Meeting& meeting, Act&& act) {
  m.dst.on_finish = [&meeting, tile](Index now) {
    if (now != tile) return;
    meeting.finishing.count_down();
    meeting.acting.wait();
  };
  m.spies.src.on_call = [&meeting, call, act](Index now) {
    Threads::pass();
    if (now != call) return;
    meeting.finishing.wait();
    meeting.acting.count_down();
    act();
  };
}

TEST(Finishing, WhileReadingFailsEndsTheRunWithThatError) {
  for (Index call = 2; call <= kReads; ++call) {
    InMemory m;
    Meeting meeting;
    while_finishing(m, 1, call, meeting, [] { throw StoreError("disk: gone"); });
    EXPECT_EQ(m.failure(), "disk: gone") << call;
    EXPECT_EQ(Threads::others(), 0);
  }
}

TEST(Finishing, WhileTheRunIsCancelledEndsIt) {
  for (Index call = 2; call <= kReads; ++call) {
    InMemory m;
    Meeting meeting;
    std::atomic<bool> cancel{false};
    while_finishing(m, 1, call, meeting, [&] { cancel = true; });
    EXPECT_THROW(m.run(&cancel), Interrupted) << call;
    EXPECT_EQ(m.dst.commits, 0);
    EXPECT_EQ(Threads::others(), 0);
  }
}

TEST(Finishing, OfTheLastTileIsCancelled) {
  InMemory m;
  std::atomic<bool> cancel{false};
  m.dst.on_finish = [&](Index tile) { cancel = tile == kPieces; };
  EXPECT_THROW(m.run(&cancel), Interrupted);
}

TEST(Finishing, InPartsGivesTheSameValues) {
  for (const char* line : {"conv2d ci4 y9 x7 co4 k3x3 p1,1,1,1 dst:u8",
                           "conv2d ci4 y9 x7 co4 k3x3 p1,1,1,1 src:i32 dst:i16 f64",
                           "conv2d ci4 y9 x7 co4 k3x3 p1,1,1,1 flip"}) {
    const Plan p = testing::forced_plan(line, kForce);
    Spies whole(p.problem), parts(p.problem);
    RunOptions options;
    options.part_bytes = 100;
    EXPECT_EQ(run(p, whole.stores()).hash, run(p, parts.stores(), options).hash);
    EXPECT_GT(parts.dst.calls, whole.dst.calls);
    const auto bytes = static_cast<std::size_t>(p.problem.spec(Operand::kDst).bytes());
    EXPECT_EQ(std::memcmp(whole.dst.view().data, parts.dst.view().data, bytes), 0) << line;
  }
}

TEST(Finishing, ThatFailsAfterReadingReportsWhatFailedFirst) {
  InMemory m;
  std::latch finishing{1}, left{1};
  m.dst.on_finish = [&](Index tile) {
    if (tile != 2) return;
    finishing.count_down();
    left.wait();
    throw StoreError("tile: broken");
  };
  m.spies.src.on_call = [&](Index call) {
    if (call != 4) return;
    // A thread's own objects go last, when its error has been noted.
    struct Leaving {
      std::latch& left;
      ~Leaving() { left.count_down(); }
    };
    thread_local std::optional<Leaving> leaving;
    finishing.wait();
    leaving.emplace(left);
    throw StoreError("disk: gone");
  };
  EXPECT_EQ(m.failure(), "disk: gone");
}

/// A file in the making whose k-th write fails.
class Failing final : public Store {
 public:
  Failing(std::unique_ptr<Store> file, Index call) : file_(std::move(file)), call_(call) {}
  const TensorSpec& spec() const override { return file_->spec(); }
  int rank() const override { return file_->rank(); }
  StoreLayout layout() const override { return file_->layout(); }
  std::string describe() const override { return file_->describe(); }
  void read(const Region& region, const TensorView& dst) override { file_->read(region, dst); }
  void write(const Region& region, const ConstTensorView& src) override {
    Threads::pass();
    if (++calls == call_) throw StoreError("disk: full");
    file_->write(region, src);
  }
  Index calls = 0;

 private:
  std::unique_ptr<Store> file_;
  Index call_;
};

TEST(Finishing, OfAnUnfinishedFileRemovesIt) {
  const Problem problem = parse_problem(kLine);
  const Plan p = testing::forced_plan(kLine, kForce);
  for (const std::string name : {"a.npy", "a.tif", "a.zarr"})
    for (Index call = 1; call <= kPieces; ++call) {
      const TestFolder folder;
      Spies spies(problem);
      {
        Failing dst(create_store(folder / name, {.spec = problem.spec(Operand::kDst), .rank = 3}),
                    call);
        ASSERT_TRUE(folder.holds(name + ".partial"));
        EXPECT_THROW(run(p, {&spies.src, &spies.weights, nullptr, &dst}), StoreError);
        EXPECT_EQ(dst.calls, call);
        EXPECT_EQ(Threads::others(), 0);
      }
      EXPECT_TRUE(std::filesystem::is_empty(folder / ".")) << name;
    }
}

}  // namespace
}  // namespace tilewright
