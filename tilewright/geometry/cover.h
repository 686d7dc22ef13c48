// A cover cuts [0, extent) into consecutive blocks, without storing them unless they are uneven.
#pragma once

#include <vector>

#include "tilewright/geometry/interval.h"

namespace tilewright {

class Cover {
 public:
  Cover() = default;

  /// Blocks of `block` indices, the last one shorter if `block` does not divide `extent`.
  /// Throws InvalidArgument unless extent >= 1 and block >= 1.
  Cover(Index extent, Index block);

  /// Blocks of the given sizes. Throws InvalidArgument unless all are >= 1 and sum to `extent`.
  Cover(Index extent, std::vector<Index> parts);

  Index extent() const { return extent_; }
  /// Size of the largest block.
  Index block() const { return block_; }
  Index count() const { return count_; }
  bool cut() const { return count_ > 1; }
  bool even() const { return bounds_.empty(); }
  /// Block `i`, 0 <= i < count().
  Interval operator[](Index i) const;
  /// Sizes of uneven blocks; empty if the cover is even.
  std::vector<Index> parts() const;
  /// Greatest common divisor of all inner borders, 0 if there is none.
  Index alignment() const;

  bool operator==(const Cover&) const = default;

 private:
  Index extent_ = 1;
  Index block_ = 1;
  Index count_ = 1;
  std::vector<Index> bounds_;  // count_ + 1 borders, only for uneven covers
};

}  // namespace tilewright
