// Anonymous mapping; large pages where the system grants them, since tiles are walked in planes.
#include "tilewright/run/pool.h"

#include <fmt/format.h>
#include <sys/mman.h>

namespace tilewright {

Pool::Pool(Index bytes) : size_(round_up(std::max<Index>(bytes, 64), 4096)) {
  void* p = ::mmap(nullptr, static_cast<std::size_t>(size_), PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED)
    throw DeviceError(fmt::format("the system refuses {} bytes; use a smaller --memory", size_));
  base_ = static_cast<std::byte*>(p);
  ::madvise(base_, static_cast<std::size_t>(size_), MADV_HUGEPAGE);
}

Pool::~Pool() { ::munmap(base_, static_cast<std::size_t>(size_)); }

std::byte* Pool::take(Index bytes) {
  const Index rounded = round_up(bytes, 64);
  if (rounded > size_ - used_)
    throw InternalError(
        fmt::format("pool of {} bytes asked for {} more with {} in use", size_, rounded, used_));
  std::byte* p = base_ + used_;
  used_ += rounded;
  return p;
}

}  // namespace tilewright
