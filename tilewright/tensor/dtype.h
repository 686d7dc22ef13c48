// Element types of tensors and stores.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "tilewright/base/checked.h"

namespace tilewright {

enum class DType { kU8, kI8, kU16, kI16, kU32, kI32, kF32, kF64 };

inline constexpr std::array<DType, 8> kDTypes{DType::kU8,  DType::kI8,  DType::kU16, DType::kI16,
                                              DType::kU32, DType::kI32, DType::kF32, DType::kF64};

/// Bytes of one element.
Index size_of(DType type);
/// NumPy's name: "uint8", "float32" …
const char* to_string(DType type);
/// The short name used in problem lines: "u8", "f32" …
const char* short_name(DType type);
/// Accepts both forms of name. Throws InvalidArgument for others.
DType parse_dtype(std::string_view name);
bool is_float(DType type);
/// The least type that computes on `type` without rounding its values: f32, or f64 for the
/// 32-bit integers and f64.
DType compute_dtype(DType type);

/// Calls `f(T{})` with the C++ type of `type`.
template <class F>
decltype(auto) dispatch(DType type, F&& f) {
  switch (type) {
    case DType::kU8:
      return f(std::uint8_t{});
    case DType::kI8:
      return f(std::int8_t{});
    case DType::kU16:
      return f(std::uint16_t{});
    case DType::kI16:
      return f(std::int16_t{});
    case DType::kU32:
      return f(std::uint32_t{});
    case DType::kI32:
      return f(std::int32_t{});
    case DType::kF32:
      return f(float{});
    case DType::kF64:
      return f(double{});
  }
  throw InternalError("unknown element type");
}

/// The DType of a C++ type.
template <class T>
constexpr DType dtype_of();
template <>
constexpr DType dtype_of<std::uint8_t>() {
  return DType::kU8;
}
template <>
constexpr DType dtype_of<std::int8_t>() {
  return DType::kI8;
}
template <>
constexpr DType dtype_of<std::uint16_t>() {
  return DType::kU16;
}
template <>
constexpr DType dtype_of<std::int16_t>() {
  return DType::kI16;
}
template <>
constexpr DType dtype_of<std::uint32_t>() {
  return DType::kU32;
}
template <>
constexpr DType dtype_of<std::int32_t>() {
  return DType::kI32;
}
template <>
constexpr DType dtype_of<float>() {
  return DType::kF32;
}
template <>
constexpr DType dtype_of<double>() {
  return DType::kF64;
}

}  // namespace tilewright
