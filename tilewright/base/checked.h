// Signed 64-bit arithmetic that throws instead of wrapping. All sizes and offsets go through it
// where they are computed from outside values.
#pragma once

#include <cstdint>
#include <string>

#include "tilewright/base/error.h"

namespace tilewright {

using Index = std::int64_t;

[[noreturn]] inline void throw_overflow(const char* operation, Index a, Index b) {
  throw InvalidArgument("size overflow: " + std::to_string(a) + " " + operation + " " +
                        std::to_string(b) + " does not fit in 63 bits; use smaller sizes");
}

inline Index checked_add(Index a, Index b) {
  Index r;
  if (__builtin_add_overflow(a, b, &r)) throw_overflow("+", a, b);
  return r;
}

inline Index checked_sub(Index a, Index b) {
  Index r;
  if (__builtin_sub_overflow(a, b, &r)) throw_overflow("-", a, b);
  return r;
}

inline Index checked_mul(Index a, Index b) {
  Index r;
  if (__builtin_mul_overflow(a, b, &r)) throw_overflow("*", a, b);
  return r;
}

/// Product of any number of factors.
template <class... Rest>
Index checked_mul(Index a, Index b, Index c, Rest... rest) {
  return checked_mul(checked_mul(a, b), c, rest...);
}

/// Quotient rounded towards +infinity; `a` >= 0, `b` > 0.
constexpr Index ceil_div(Index a, Index b) { return a / b + (a % b != 0); }

/// The smallest multiple of `b` that is >= `a`; `a` >= 0, `b` > 0.
inline Index round_up(Index a, Index b) { return checked_mul(ceil_div(a, b), b); }

/// Quotient rounded towards -infinity; `b` > 0.
constexpr Index floor_div(Index a, Index b) { return a / b - (a % b != 0 && a < 0); }

/// Remainder in [0, b); `b` > 0.
constexpr Index floor_mod(Index a, Index b) { return a - floor_div(a, b) * b; }

}  // namespace tilewright
