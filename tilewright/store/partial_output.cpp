// Outputs in the making: checked before the first byte, locked against a second writer, renamed
// when complete and removed when not.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

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

// The descriptor that holds the lock, or -1 if there is nothing to lock.
int lock(const std::string& partial, const std::string& path) {
  const int fd = ::open(partial.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return fd;
  ::close(fd);
  throw StoreError(
      fmt::format("{}: is being written already ({} is in use); wait for it or write elsewhere",
                  path, partial));
}

// Only an array may be replaced: any other folder could hold everything somebody has.
void check_replaceable(const std::string& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return;
  for (const char* name : {".zarray", ".zgroup", "zarr.json"})
    if (fs::exists(fs::path(path) / name, error)) return;
  throw StoreError(path + ": is a folder, but not a Zarr array; remove it, or use another name");
}

}  // namespace

PartialOutput::PartialOutput(const std::string& path, bool overwrite, Index needed_bytes)
    : path_(path), partial_(path + ".partial") {
  std::error_code error;
  if (!overwrite && fs::symlink_status(path, error).type() != fs::file_type::not_found)
    throw StoreError(path + ": exists; use --overwrite to replace it, or another name");
  check_replaceable(path);
  check_folder(path);
  check_space(path, needed_bytes);
  const int stale = lock(partial_, path);
  fs::remove_all(partial_, error);
  if (stale >= 0) ::close(stale);
  if (error) throw StoreError(fmt::format("{}: cannot be removed: {}", partial_, error.message()));
  owned_ = true;
}

void PartialOutput::hold() { lock_ = lock(partial_, path_); }

void PartialOutput::commit() {
  std::error_code error;
  // rename() replaces a file in one step, but not a folder, nor one kind by the other.
  if (fs::is_directory(path_, error) || (fs::exists(path_, error) && fs::is_directory(partial_)))
    fs::remove_all(path_, error);
  if (::rename(partial_.c_str(), path_.c_str()) != 0)
    throw_errno(path_, fmt::format("{} cannot be renamed to it", partial_));
  owned_ = false;
}

PartialOutput::~PartialOutput() {
  std::error_code ignored;
  if (owned_) fs::remove_all(partial_, ignored);
  if (lock_ >= 0) ::close(lock_);
}

}  // namespace tilewright
