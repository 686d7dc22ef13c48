// Covers of an axis by even or uneven blocks.
#include "tilewright/geometry/cover.h"

#include <fmt/format.h>

#include <numeric>

namespace tilewright {

Cover::Cover(Index extent, Index block) : extent_(extent), block_(std::min(block, extent)) {
  if (extent < 1 || block < 1)
    throw InvalidArgument(fmt::format("cannot cut {} indices into blocks of {}", extent, block));
  count_ = ceil_div(extent_, block_);
}

Cover::Cover(Index extent, std::vector<Index> parts) : extent_(extent), block_(0) {
  bounds_.push_back(0);
  for (const Index p : parts) {
    if (p < 1) throw InvalidArgument(fmt::format("a part of {} indices is not possible", p));
    bounds_.push_back(checked_add(bounds_.back(), p));
    block_ = std::max(block_, p);
  }
  count_ = static_cast<Index>(parts.size());
  if (bounds_.back() != extent || count_ == 0)
    throw InvalidArgument(
        fmt::format("the parts sum to {}, but the axis has {} indices", bounds_.back(), extent));
}

Interval Cover::operator[](Index i) const {
  if (!bounds_.empty()) {
    const auto at = static_cast<std::size_t>(i);
    return {bounds_[at], bounds_[at + 1]};
  }
  return {i * block_, std::min(extent_, (i + 1) * block_)};
}

std::vector<Index> Cover::parts() const {
  std::vector<Index> sizes;
  for (std::size_t i = 0; i + 1 < bounds_.size(); ++i) sizes.push_back(bounds_[i + 1] - bounds_[i]);
  return sizes;
}

Index Cover::alignment() const {
  if (!cut()) return 0;
  if (bounds_.empty()) return block_;
  Index divisor = 0;
  for (std::size_t i = 1; i + 1 < bounds_.size(); ++i) divisor = std::gcd(divisor, bounds_[i]);
  return divisor;
}

}  // namespace tilewright
