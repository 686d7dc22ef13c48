// System calls, with interrupted and short transfers carried on and every failure reported.
#include "tilewright/store/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "tilewright/base/error.h"

namespace tilewright {

void throw_errno(const std::string& path, const std::string& what) {
  const int code = errno;
  std::string hint;
  if (code == ENOSPC || code == EDQUOT) hint = "; free some space or write elsewhere";
  if (code == EFBIG) hint = "; the file size is limited here (ulimit -f, or the file system)";
  if (code == EACCES || code == EPERM) hint = "; check the permissions";
  throw StoreError(fmt::format("{}: {}: {}{}", path, what, std::strerror(code), hint));
}

File::File(const std::string& path, Mode mode) : path_(path) {
  constexpr int kFlags[] = {O_RDONLY, O_RDWR, O_RDWR | O_CREAT, O_RDWR | O_CREAT | O_TRUNC};
  const int flags = kFlags[static_cast<std::size_t>(mode)];
  do fd_ = ::open(path.c_str(), flags | O_CLOEXEC, 0666);
  while (fd_ < 0 && errno == EINTR);
  if (fd_ < 0) throw_errno(path, mode == Mode::kRead ? "cannot be opened" : "cannot be written");
  struct stat status;
  if (::fstat(fd_, &status) == 0 && S_ISDIR(status.st_mode)) {
    ::close(std::exchange(fd_, -1));
    throw StoreError(path + ": is a directory, not a file; name a file in it");
  }
}

File::~File() {
  if (fd_ >= 0) ::close(fd_);
}

File::File(File&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}

File& File::operator=(File&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(fd_, other.fd_);
  return *this;
}

Index File::size() const {
  struct stat status;
  if (::fstat(fd_, &status) != 0) throw_errno(path_, "cannot be examined");
  return static_cast<Index>(status.st_size);
}

void File::read(Index offset, void* to, Index bytes) const {
  IoBatch batch(*this, IoBatch::Direction::kRead);
  batch.add(offset, to, bytes);
  batch.flush();
}

void File::write(Index offset, const void* from, Index bytes) const {
  IoBatch batch(*this, IoBatch::Direction::kWrite);
  batch.add(offset, from, bytes);
  batch.flush();
}

void File::resize(Index bytes) const {
  if (::ftruncate(fd_, bytes) != 0)
    throw_errno(path_, fmt::format("cannot be made {} bytes long", bytes));
}

void File::reserve(Index bytes) const {
  int result;
  do result = ::fallocate(fd_, 0, 0, bytes);
  while (result != 0 && errno == EINTR);
  if (result == 0) return;
  // Not every file system can, and sizes of nothing are refused.
  if (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL)
    throw_errno(path_, fmt::format("cannot be made {} bytes long", bytes));
  if (size() < bytes) resize(bytes);
}

void File::close() {
  if (fd_ >= 0 && ::close(std::exchange(fd_, -1)) != 0 && errno != EINTR)
    throw_errno(path_, "cannot be completed");
}

}  // namespace tilewright
