// The pool keeps to the byte what was planned.
#include "tilewright/run/pool.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>

namespace tilewright {
namespace {

TEST(Pool, HandsOutAlignedDisjointMemory) {
  Pool pool(1000);

  std::byte* a = pool.take(1);
  std::byte* b = pool.take(65);
  std::byte* c = pool.take(64);

  for (std::byte* p : {a, b, c}) EXPECT_EQ(reinterpret_cast<std::uintptr_t>(p) % 64, 0u);
  EXPECT_EQ(b - a, 64);
  EXPECT_EQ(c - b, 128);
  EXPECT_EQ(pool.used(), 256);
  std::memset(a, 1, 256);
}

TEST(Pool, RefusesMoreThanWasPlanned) {
  Pool pool(4096);
  pool.take(4000);
  EXPECT_THROW(pool.take(65), InternalError);
  pool.take(64);
  EXPECT_EQ(pool.used(), 4096);
}

TEST(Pool, CostsNothingUntilTouched) {
  Pool pool(Index{1} << 36);
  std::byte* p = pool.take(Index{1} << 35);
  p[Index{1} << 34] = std::byte{7};
  EXPECT_EQ(p[Index{1} << 34], std::byte{7});
  EXPECT_EQ(p[0], std::byte{0});
}

TEST(Pool, MemoryOfASmallRunServesTheNext) {
  constexpr Index kSmall = Index{1} << 20;
  const auto taken = [](Index bytes) { return Pool(bytes).take(64); };
  const std::byte* const first = taken(kSmall);
  EXPECT_EQ(taken(kSmall / 2), first);
  EXPECT_EQ(taken(kSmall), first);

  // Not two runs at once, and not much more than was asked for.
  const Pool one(kSmall);
  Pool other(kSmall);
  EXPECT_NE(other.take(64), first);
  EXPECT_THROW(Pool(4096).take(8192), InternalError);
}

TEST(Pool, LargeRunsGiveTheirMemoryBack) {
  Pool(Index{1} << 20).take(64);
  {
    Pool large(2 * kKeptBytes);
    std::byte* const p = large.take(64);
    *p = std::byte{7};
  }
  Pool again(2 * kKeptBytes);
  EXPECT_EQ(*again.take(64), std::byte{0});
}

TEST(Pool, RefusedMemoryIsAnError) { EXPECT_THROW(Pool(Index{1} << 56), DeviceError); }

}  // namespace
}  // namespace tilewright
