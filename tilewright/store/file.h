// Files for stores: an open descriptor whose failures are StoreErrors, batches of scattered reads
// and writes, and outputs that appear under their name only when they are complete.
//
// Everything goes through pread and pwrite: mapped pages would count against the byte budget.
// What the bytes mean is left to the formats.
#pragma once

#include <sys/uio.h>

#include <array>
#include <string>

#include "tilewright/base/checked.h"

namespace tilewright {

/// Throws StoreError "<path>: <what>: <text of errno>".
[[noreturn]] void throw_errno(const std::string& path, const std::string& what);

/// An open file. Movable; closes itself.
class File {
 public:
  enum class Mode { kRead, kUpdate, kUpdateOrCreate, kCreate };

  File() = default;
  /// kCreate makes an empty file or empties an existing one. Throws StoreError.
  File(const std::string& path, Mode mode);
  ~File();
  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;

  bool is_open() const { return fd_ >= 0; }
  int descriptor() const { return fd_; }
  const std::string& path() const { return path_; }
  /// Bytes in the file now.
  Index size() const;
  /// Reads exactly `bytes` at `offset`; throws StoreError if the file ends before.
  void read(Index offset, void* to, Index bytes) const;
  void write(Index offset, const void* from, Index bytes) const;
  /// Sets the size; new bytes are zero.
  void resize(Index bytes) const;
  /// Makes the file at least so long and, where the file system can, claims its place on the disk:
  /// a full disk is known at once, and writes need not look for room.
  void reserve(Index bytes) const;
  /// Closes and reports the errors that only then come to light. The destructor is silent.
  void close();

 private:
  std::string path_;
  int fd_ = -1;
};

/// Collects reads (or writes) of one file and performs neighbouring ones in one system call.
/// Memory handed to add() is in use until flush(). Never allocates.
class IoBatch {
 public:
  enum class Direction { kRead, kWrite };

  IoBatch(const File& file, Direction direction) : file_(file), direction_(direction) {}

  void add(Index offset, const void* memory, Index bytes);
  /// Performs what is pending; throws StoreError unless all of it succeeds.
  void flush();

 private:
  void append(void* memory, Index bytes);

  static constexpr std::size_t kMax = 1024;  // IOV_MAX of Linux
  const File& file_;
  Direction direction_;
  Index begin_ = 0;  // file offset of the first pending byte
  Index end_ = 0;    // and behind the last
  std::size_t count_ = 0;
  std::array<iovec, kMax> vectors_;
};

/// The name under which an output is written, and its way to the final name.
class PartialOutput {
 public:
  /// Checks that `path` can become an output of `needed_bytes` (existing target, folder, another
  /// writer, free space) and removes what an interrupted run left. Throws StoreError.
  PartialOutput(const std::string& path, bool overwrite, Index needed_bytes);
  /// Removes what was written, unless committed.
  ~PartialOutput();
  PartialOutput(const PartialOutput&) = delete;
  PartialOutput& operator=(const PartialOutput&) = delete;

  const std::string& path() const { return path_; }
  const std::string& partial() const { return partial_; }
  /// Gives it the final name, replacing what was there only if that was allowed and still is.
  /// Throws StoreError; a complete result whose name was taken meanwhile is left as partial().
  void commit();

 private:
  void rename_to_free_name();
  void rename_over();
  void release();

  std::string path_;
  std::string partial_;
  int lock_ = -1;
  bool overwrite_ = false;
  bool owned_ = false;
};

}  // namespace tilewright
