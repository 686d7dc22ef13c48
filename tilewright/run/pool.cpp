// Anonymous mapping; large pages where the system grants them, since tiles are walked in planes.
#include "tilewright/run/pool.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <mutex>
#include <utility>

namespace tilewright {
namespace {

using Mapping = Pool::Mapping;

Mapping map(Index bytes) {
  void* p = ::mmap(nullptr, static_cast<std::size_t>(bytes), PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED)
    throw DeviceError(fmt::format("the system refuses {} bytes; use a smaller --memory", bytes));
  ::madvise(p, static_cast<std::size_t>(bytes), MADV_HUGEPAGE);
  return {static_cast<std::byte*>(p), bytes};
}

void unmap(const Mapping& m) {
  if (m.base != nullptr) ::munmap(m.base, static_cast<std::size_t>(m.size));
}

// The memory of a small run that ended, for the next: the system clears fresh pages one by one,
// which takes longer than many a small convolution.
class Spare {
 public:
  static Spare& instance() {
    static Spare spare;
    return spare;
  }

  Mapping take(Index bytes) {
    const Mapping found = swap({});
    if (bytes <= found.size && found.size <= kMostRatio * bytes) return found;
    unmap(found);
    return map(bytes);
  }
  void keep(const Mapping& m) { unmap(m.size <= kKeptBytes ? swap(m) : m); }

 private:
  static constexpr Index kMostRatio = 4;  // of what is kept, by what is asked for

  Mapping swap(Mapping m) {
    const std::lock_guard lock(mutex_);
    return std::exchange(kept_, m);
  }

  std::mutex mutex_;
  Mapping kept_{};
};

}  // namespace

Pool::Pool(Index bytes)
    : size_(round_up(std::max<Index>(bytes, 64), 4096)), mapping_(Spare::instance().take(size_)) {}

Pool::~Pool() { Spare::instance().keep(mapping_); }

std::byte* Pool::take(Index bytes) {
  const Index rounded = round_up(bytes, 64);
  if (rounded > size_ - used_)
    throw InternalError(
        fmt::format("pool of {} bytes asked for {} more with {} in use", size_, rounded, used_));
  std::byte* p = mapping_.base + used_;
  used_ += rounded;
  return p;
}

}  // namespace tilewright
