// Copies between views of any dtype and strides, and conversion of single values.
#pragma once

#include <cmath>
#include <limits>
#include <type_traits>

#include "tilewright/tensor/tensor.h"

namespace tilewright {

/// `value` as To. To an integer type: rounded to nearest, ties to even, clamped to the range of
/// To; NaN gives 0. To f32: rounded to nearest.
template <class To, class From>
inline To convert_value(From value) {
  if constexpr (std::is_same_v<To, From> || std::is_floating_point_v<To>) {
    return static_cast<To>(value);
  } else if constexpr (std::is_floating_point_v<From>) {
    constexpr auto low = static_cast<double>(std::numeric_limits<To>::min());
    constexpr auto high = static_cast<double>(std::numeric_limits<To>::max());
    const double v = static_cast<double>(value);
    if (!(v == v)) return 0;
    const double r = std::nearbyint(v < low ? low : v > high ? high : v);
    return static_cast<To>(r);
  } else {
    const auto v = static_cast<std::int64_t>(value);
    constexpr auto low = static_cast<std::int64_t>(std::numeric_limits<To>::min());
    constexpr auto high = static_cast<std::int64_t>(std::numeric_limits<To>::max());
    return static_cast<To>(v < low ? low : v > high ? high : v);
  }
}

/// Converts `count` consecutive elements. `src` and `dst` may be the same address if the
/// destination type is not wider.
void convert_row(const void* src, DType src_type, void* dst, DType dst_type, Index count);

/// Copies all elements; shapes must be equal. Throws InternalError if they are not.
void copy(const ConstTensorView& src, const TensorView& dst);

/// Sets every byte-pattern element of `dst` to zero.
void fill_zero(const TensorView& dst);

}  // namespace tilewright
