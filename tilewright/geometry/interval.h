// Half-open intervals of 64-bit indices, and boxes of four of them.
#pragma once

#include <algorithm>
#include <array>
#include <string>

#include "tilewright/base/checked.h"

namespace tilewright {

/// The indices i with begin <= i < end; empty if end <= begin.
struct Interval {
  Index begin = 0;
  Index end = 0;

  Index size() const { return end > begin ? end - begin : 0; }
  bool empty() const { return end <= begin; }
  bool contains(Index i) const { return begin <= i && i < end; }
  bool contains(const Interval& o) const { return o.empty() || (begin <= o.begin && o.end <= end); }
  Interval shifted(Index by) const { return {checked_add(begin, by), checked_add(end, by)}; }
  bool operator==(const Interval&) const = default;
};

inline Interval intersect(const Interval& a, const Interval& b) {
  const Interval r{std::max(a.begin, b.begin), std::min(a.end, b.end)};
  return r.empty() ? Interval{r.begin, r.begin} : r;
}

/// Sizes of the four axes, in the order n, c, y, x. Weights use it as co, ci/g, ky, kx.
using Shape = std::array<Index, 4>;

enum Dim : int { kN = 0, kC = 1, kY = 2, kX = 3 };

/// A box [n) x [c) x [y) x [x).
struct Region {
  std::array<Interval, 4> dims;

  const Interval& operator[](int d) const { return dims[static_cast<std::size_t>(d)]; }
  Interval& operator[](int d) { return dims[static_cast<std::size_t>(d)]; }
  bool empty() const;
  Shape shape() const;
  /// Number of elements. Throws InvalidArgument if it does not fit.
  Index volume() const;
  bool contains(const Region& other) const;
  bool operator==(const Region&) const = default;
};

/// The box from the origin to `shape`.
Region whole(const Shape& shape);

/// Number of elements of `shape`. Throws InvalidArgument if it does not fit in 63 bits.
Index volume(const Shape& shape);

Region intersect(const Region& a, const Region& b);

/// "n0:1 c0:64 y0:128 x0:128"
std::string to_string(const Region& region);

/// "1x64x128x128"
std::string to_string(const Shape& shape);

}  // namespace tilewright
