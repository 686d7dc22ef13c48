// Channels: order, closing, aborting, and threads on both ends.
#include "tilewright/run/channel.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>

namespace tilewright {
namespace {

TEST(Channel, KeepsOrder) {
  Channel<int> c;
  for (int i = 0; i < 3; ++i) c.push(i);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(c.pop(), i);
}

TEST(Channel, ClosedIsDrainedFirst) {
  Channel<std::unique_ptr<int>> c;
  c.push(std::make_unique<int>(5));
  c.close();
  EXPECT_EQ(**c.pop(), 5);
  EXPECT_FALSE(c.pop());
  EXPECT_FALSE(c.pop());
}

TEST(Channel, AbortedHandsOutNothing) {
  Channel<int> c;
  c.push(1);
  c.abort();
  EXPECT_FALSE(c.pop());
  c.push(2);
  EXPECT_FALSE(c.pop());
}

TEST(Channel, WakesWhoeverWaits) {
  for (const bool abort : {true, false}) {
    Channel<int> c;
    std::thread waiting([&] { EXPECT_FALSE(c.pop()); });
    abort ? c.abort() : c.close();
    waiting.join();
  }
}

TEST(Channel, CarriesEverythingBetweenThreads) {
  constexpr int kCount = 20000;
  Channel<int> c;
  long sum = 0;
  std::thread reader([&] {
    int last = -1;
    while (const auto i = c.pop()) {
      EXPECT_EQ(*i, last + 1);
      last = *i;
      sum += *i;
    }
  });
  for (int i = 0; i < kCount; ++i) c.push(i);
  c.close();
  reader.join();
  EXPECT_EQ(sum, static_cast<long>(kCount) * (kCount - 1) / 2);
}

}  // namespace
}  // namespace tilewright
