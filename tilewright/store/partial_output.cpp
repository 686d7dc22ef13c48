// Outputs in the making: checked before the first byte, locked against a second writer, renamed
// when complete and removed when not.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "tilewright/base/error.h"
#include "tilewright/base/text.h"
#include "tilewright/store/file.h"

namespace tilewright {
namespace fs = std::filesystem;
namespace {

fs::path folder_of(const std::string& path) {
  const fs::path folder = fs::path(path).parent_path();
  return folder.empty() ? fs::path(".") : folder;
}

void check_folder(const std::string& path) {
  const fs::path folder = folder_of(path);
  std::error_code error;
  if (!fs::is_directory(folder, error))
    throw StoreError(
        fmt::format("{}: there is no folder {}; make it first", path, folder.string()));
  if (::access(folder.c_str(), W_OK | X_OK) != 0) throw_errno(path, "the folder cannot be written");
}

void check_space(const std::string& path, Index needed) {
  struct statvfs status;
  if (::statvfs(folder_of(path).c_str(), &status) != 0) return;  // then writing will tell
  const double available =
      static_cast<double>(status.f_bavail) * static_cast<double>(status.f_frsize);
  if (static_cast<double>(needed) > available)
    throw StoreError(
        fmt::format("{}: needs {}, but the disk has {} free; free some space or "
                    "write elsewhere",
                    path, format_bytes(static_cast<double>(needed)), format_bytes(available)));
}

std::string lock_name(const std::string& partial) { return partial + ".lock"; }

// A lock file is removed by its holder, so the name may have moved on while we waited for it.
bool still_named(int fd, const std::string& name) {
  struct stat held, named;
  return ::fstat(fd, &held) == 0 && ::stat(name.c_str(), &named) == 0 &&
         held.st_ino == named.st_ino && held.st_dev == named.st_dev;
}

// The descriptor that holds the lock of an output, from before its first byte to after its last.
int lock(const std::string& partial, const std::string& path) {
  const std::string name = lock_name(partial);
  for (;;) {
    const int fd = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) throw_errno(path, "cannot be locked against other writers");
    const bool busy = ::flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (!busy && still_named(fd, name)) return fd;
    ::close(fd);
    if (busy)
      throw StoreError(
          fmt::format("{}: is being written already ({} is in use); wait for it or write elsewhere",
                      path, partial));
  }
}

// Whether a Zarr group holds one array with its coordinates, as this library writes them.
bool holds_one_array(const fs::path& group) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(group, error)) {
    const std::string name = entry.path().filename().string();
    constexpr const char* kOurs[] = {"data", "x", "y", "X", "Y"};
    const bool ours =
        name[0] == '.' || std::find(std::begin(kOurs), std::end(kOurs), name) != std::end(kOurs);
    if (!ours) return false;
  }
  return !error;
}

// Only an array may be replaced: any other folder could hold everything somebody has.
void check_replaceable(const std::string& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return;
  if (fs::exists(fs::path(path) / ".zarray", error)) return;
  if (fs::exists(fs::path(path) / ".zgroup", error)) {
    if (holds_one_array(path)) return;
    throw StoreError(path + ": is a Zarr group with other arrays; remove it, or use another name");
  }
  throw StoreError(path + ": is a folder, but not a Zarr array; remove it, or use another name");
}

}  // namespace

PartialOutput::PartialOutput(const std::string& path, bool overwrite, Index needed_bytes)
    : path_(path), partial_(path + ".partial"), overwrite_(overwrite) {
  std::error_code error;
  if (!overwrite && fs::symlink_status(path, error).type() != fs::file_type::not_found)
    throw StoreError(path + ": exists; use --overwrite to replace it, or another name");
  check_replaceable(path);
  check_folder(path);
  check_space(path, needed_bytes);
  lock_ = lock(partial_, path);
  fs::remove_all(partial_, error);
  if (error) {
    release();
    throw StoreError(fmt::format("{}: cannot be removed: {}", partial_, error.message()));
  }
  owned_ = true;
}

void PartialOutput::release() {
  if (lock_ < 0) return;
  ::unlink(lock_name(partial_).c_str());
  ::close(lock_);
  lock_ = -1;
}

// The name may have been taken since the output was begun.
void PartialOutput::rename_to_free_name() {
  if (::renameat2(AT_FDCWD, partial_.c_str(), AT_FDCWD, path_.c_str(), RENAME_NOREPLACE) == 0)
    return;
  std::error_code error;
  const bool refused = errno == EINVAL || errno == ENOSYS;  // by the file system
  const bool taken = fs::symlink_status(path_, error).type() != fs::file_type::not_found;
  if (refused && !taken && ::rename(partial_.c_str(), path_.c_str()) == 0) return;
  if (!taken) throw_errno(path_, fmt::format("{} cannot be renamed to it", partial_));
  owned_ = false;  // complete, so it stays
  throw StoreError(fmt::format(
      "{}: exists, though it did not when the run began; the complete result is left as {}", path_,
      partial_));
}

void PartialOutput::rename_over() {
  std::error_code error;
  // rename() replaces a file in one step, but not a folder, nor one kind by the other: then the old
  // one steps aside first.
  const std::string old = partial_ + ".old";
  const bool aside = fs::is_directory(path_, error) ||
                     (fs::exists(path_, error) && fs::is_directory(partial_, error));
  try {
    check_replaceable(path_);
  } catch (const StoreError& e) {
    owned_ = false;
    throw StoreError(fmt::format("{}; the complete result is left as {}", e.what(), partial_));
  }
  if (aside) fs::remove_all(old, error);
  if (aside && ::rename(path_.c_str(), old.c_str()) != 0)
    throw_errno(path_, fmt::format("cannot be renamed to {}", old));
  if (::rename(partial_.c_str(), path_.c_str()) != 0) {
    const int number = errno;
    if (aside) ::rename(old.c_str(), path_.c_str());
    errno = number;
    throw_errno(path_, fmt::format("{} cannot be renamed to it", partial_));
  }
  if (aside) fs::remove_all(old, error);
}

void PartialOutput::commit() {
  overwrite_ ? rename_over() : rename_to_free_name();
  owned_ = false;
  release();
}

PartialOutput::~PartialOutput() {
  std::error_code ignored;
  if (owned_) fs::remove_all(partial_, ignored);
  release();
}

}  // namespace tilewright
