// Boxes: volume, intersection and text.
#include "tilewright/geometry/interval.h"

#include <fmt/format.h>

namespace tilewright {

bool Region::empty() const {
  return std::any_of(dims.begin(), dims.end(), [](const Interval& i) { return i.empty(); });
}

Shape Region::shape() const {
  return {dims[0].size(), dims[1].size(), dims[2].size(), dims[3].size()};
}

Index Region::volume() const { return tilewright::volume(shape()); }

bool Region::contains(const Region& other) const {
  if (other.empty()) return true;
  for (int d = 0; d < 4; ++d)
    if (!(*this)[d].contains(other[d])) return false;
  return true;
}

Region whole(const Shape& s) { return {{{{0, s[0]}, {0, s[1]}, {0, s[2]}, {0, s[3]}}}}; }

Index volume(const Shape& s) { return checked_mul(s[0], s[1], s[2], s[3]); }

Region intersect(const Region& a, const Region& b) {
  Region r;
  for (int d = 0; d < 4; ++d) r[d] = intersect(a[d], b[d]);
  return r;
}

std::string to_string(const Region& r) {
  return fmt::format("n{}:{} c{}:{} y{}:{} x{}:{}", r[0].begin, r[0].end, r[1].begin, r[1].end,
                     r[2].begin, r[2].end, r[3].begin, r[3].end);
}

std::string to_string(const Shape& s) { return fmt::format("{}x{}x{}x{}", s[0], s[1], s[2], s[3]); }

}  // namespace tilewright
