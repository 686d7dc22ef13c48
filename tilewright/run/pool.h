// One mapping of memory from which all buffers of a run are carved.
#pragma once

#include "tilewright/machine/machine.h"
#include "tilewright/tensor/tensor.h"

namespace tilewright {

class Pool {
 public:
  struct Mapping {
    std::byte* base = nullptr;
    Index size = 0;
  };

  /// Reserves `bytes`, whose content is undefined; pages become resident when touched. Throws
  /// DeviceError if refused.
  explicit Pool(Index bytes);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  /// 64-byte aligned. Throws InternalError if the pool was planned too small.
  std::byte* take(Index bytes);
  Index used() const { return used_; }

 private:
  Index size_ = 0;
  Index used_ = 0;
  Mapping mapping_;
};

}  // namespace tilewright
