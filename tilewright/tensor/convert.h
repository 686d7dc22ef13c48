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
    // Adding and taking away a number whose last digit is worth 1 rounds as nearbyint does, and in
    // vectors.
    constexpr bool narrow = std::is_same_v<From, float> && sizeof(To) <= 2;
    using Wide = std::conditional_t<narrow, float, double>;
    constexpr Wide shift = narrow ? Wide(0x1.8p23) : Wide(0x1.8p52);
    constexpr auto low = static_cast<Wide>(std::numeric_limits<To>::min());
    constexpr auto high = static_cast<Wide>(std::numeric_limits<To>::max());
    static_assert(sizeof(To) <= 4);
    Wide v = value == value ? static_cast<Wide>(value) : Wide(0);
    v = v < low ? low : v;
    v = v > high ? high : v;
    const Wide r = (v + shift) - shift;
    return static_cast<To>(static_cast<std::conditional_t<narrow, int, std::int64_t>>(r));
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
