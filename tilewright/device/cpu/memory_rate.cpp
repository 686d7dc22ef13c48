// Measures how fast the machine reads and copies memory, as the other limit of the kernels.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <numeric>
#include <thread>
#include <vector>

#include "tilewright/device/cpu/cpu_device.h"

namespace tilewright::cpu {
namespace {

using Clock = std::chrono::steady_clock;

// Of all threads together: larger than the last-level cache that a machine of a few cores has.
constexpr std::size_t kBytes = std::size_t{256} << 20;
constexpr auto kTime = std::chrono::milliseconds(60);

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// Sixteen sums, so that the additions never wait for each other.
std::uint64_t sum(const std::uint64_t* data, std::size_t count) {
  std::uint64_t lanes[16] = {};
  for (std::size_t i = 0; i + 16 <= count; i += 16)
    for (std::size_t j = 0; j < 16; ++j) lanes[j] += data[i + j];
  return std::accumulate(lanes, lanes + 16, std::uint64_t{0});
}

struct Rates {
  double read = 0, copy = 0;
  std::uint64_t seen = 0;  // keeps the compiler from leaving the reads out
};

// The best of several passes: other programs only ever slow one down.
Rates rates_of(std::uint64_t* data, std::size_t count) {
  Rates best;
  std::memset(data, 1, count * sizeof *data);
  const double bytes = static_cast<double>(count * sizeof *data);
  for (const auto end = Clock::now() + kTime; Clock::now() < end || best.read == 0;) {
    const auto begin = Clock::now();
    best.seen += sum(data, count);
    best.read = std::max(best.read, bytes / seconds_since(begin));
  }
  for (const auto end = Clock::now() + kTime; Clock::now() < end || best.copy == 0;) {
    const auto begin = Clock::now();
    std::memcpy(data, data + count / 2, count / 2 * sizeof *data);
    best.copy = std::max(best.copy, bytes / seconds_since(begin));
  }
  return best;
}

}  // namespace

MemoryRates measure_memory(int threads) {
  const auto workers_count = static_cast<std::size_t>(std::max(threads, 1));
  const std::size_t count = kBytes / sizeof(std::uint64_t) / workers_count / 32 * 32;
  if (count == 0) return {};
  std::vector<Rates> rates(workers_count);
  std::vector<std::unique_ptr<std::uint64_t[]>> blocks;
  for (std::size_t i = 0; i < workers_count; ++i) {
    blocks.emplace_back(new (std::nothrow) std::uint64_t[count]);
    if (!blocks.back()) return {};
  }
  std::vector<std::jthread> workers;
  for (std::size_t i = 0; i < workers_count; ++i)
    workers.emplace_back([&, i] { rates[i] = rates_of(blocks[i].get(), count); });
  workers.clear();
  MemoryRates total;
  for (const Rates& r : rates) {
    total.read_bytes_per_second += r.read;
    total.copy_bytes_per_second += r.copy;
  }
  // Reading alone is never slower than a copy: another program took the processor.
  total.read_bytes_per_second = std::max(total.read_bytes_per_second, total.copy_bytes_per_second);
  return total;
}

}  // namespace tilewright::cpu
