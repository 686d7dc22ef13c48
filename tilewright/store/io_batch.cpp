// Scattered reads and writes in few system calls. Reads bridge small gaps in the file by reading
// them into a sink, because a system call costs about as much as copying a page.
#include <fmt/format.h>
#include <cerrno>
#include <cstring>

#include "tilewright/base/error.h"
#include "tilewright/store/file.h"

namespace tilewright {
namespace {

constexpr Index kBridge = 4096;
// Writes of this size are up to four times as fast as those of many megabytes (measured on ext4):
// the page cache need not find long runs of free memory for them.
constexpr std::size_t kWriteAtOnce = 512 * 1024;

// The first of [next, stop) that are written together.
ssize_t write_some(int file, const iovec* next, const iovec* stop, Index offset) {
  iovec first = *next;
  if (first.iov_len > kWriteAtOnce) {
    first.iov_len = kWriteAtOnce;
    return ::pwritev(file, &first, 1, offset);
  }
  int count = 0;
  for (std::size_t size = 0; next + count != stop; ++count) {
    size += next[count].iov_len;
    if (size > kWriteAtOnce) break;
  }
  return ::pwritev(file, next, count, offset);
}

// Where bridged gaps are read to; its content is never looked at.
thread_local std::array<char, kBridge> sink;

}  // namespace

void IoBatch::append(void* memory, Index bytes) {
  end_ += bytes;
  const auto size = static_cast<std::size_t>(bytes);
  if (count_ > 0) {
    iovec& last = vectors_[count_ - 1];
    if (static_cast<char*>(last.iov_base) + last.iov_len == memory) {
      last.iov_len += size;
      return;
    }
  }
  vectors_[count_++] = {memory, size};
}

void IoBatch::add(Index offset, const void* memory, Index bytes) {
  if (bytes <= 0) return;
  const Index gap = offset - end_;
  const bool bridge = direction_ == Direction::kRead && gap > 0 && gap <= kBridge;
  if (count_ + 2 > kMax || (gap != 0 && !bridge)) flush();
  if (count_ == 0) {
    begin_ = end_ = offset;
  } else if (bridge) {
    append(sink.data(), gap);
  }
  append(const_cast<void*>(memory), bytes);  // an iovec serves both directions
}

void IoBatch::flush() {
  iovec* next = vectors_.data();
  iovec* const stop = next + count_;
  count_ = 0;
  while (next != stop) {
    const int n = static_cast<int>(stop - next);
    ssize_t done = direction_ == Direction::kRead
                       ? ::preadv(file_.descriptor(), next, n, begin_)
                       : write_some(file_.descriptor(), next, stop, begin_);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0 && direction_ == Direction::kRead) throw_errno(file_.path(), "reading failed");
    if (done < 0) throw_errno(file_.path(), "writing failed");
    if (done == 0)
      throw StoreError(fmt::format(
          "{}: ends at byte {}, but data up to byte {} was expected; the file was cut short, fetch "
          "or write it again",
          file_.path(), begin_, end_));
    begin_ += done;
    for (; next != stop && static_cast<std::size_t>(done) >= next->iov_len; ++next)
      done -= static_cast<ssize_t>(next->iov_len);
    if (next != stop) {
      next->iov_base = static_cast<char*>(next->iov_base) + done;
      next->iov_len -= static_cast<std::size_t>(done);
    }
  }
}

}  // namespace tilewright
