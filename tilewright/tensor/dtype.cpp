// The table of element types.
#include "tilewright/tensor/dtype.h"

#include <fmt/format.h>

namespace tilewright {
namespace {

struct Row {
  DType type;
  const char* name;
  const char* short_name;
  Index bytes;
  DType compute;
};

constexpr std::array<Row, 8> kRows{{
    {DType::kU8, "uint8", "u8", 1, DType::kF32},
    {DType::kI8, "int8", "i8", 1, DType::kF32},
    {DType::kU16, "uint16", "u16", 2, DType::kF32},
    {DType::kI16, "int16", "i16", 2, DType::kF32},
    {DType::kU32, "uint32", "u32", 4, DType::kF64},
    {DType::kI32, "int32", "i32", 4, DType::kF64},
    {DType::kF32, "float32", "f32", 4, DType::kF32},
    {DType::kF64, "float64", "f64", 8, DType::kF64},
}};

const Row& row(DType type) { return kRows[static_cast<std::size_t>(type)]; }

}  // namespace

Index size_of(DType type) { return row(type).bytes; }
const char* to_string(DType type) { return row(type).name; }
const char* short_name(DType type) { return row(type).short_name; }
bool is_float(DType type) { return type == DType::kF32 || type == DType::kF64; }
DType compute_dtype(DType type) { return row(type).compute; }

DType parse_dtype(std::string_view name) {
  for (const Row& r : kRows)
    if (name == r.name || name == r.short_name) return r.type;
  throw InvalidArgument(fmt::format(
      "element type '{}' is not known; choose uint8, int8, uint16, int16, uint32, int32, float32 "
      "or float64",
      name));
}

}  // namespace tilewright
