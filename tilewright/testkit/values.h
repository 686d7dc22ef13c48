// Values of layers as bytes and files: a list of named tensors with a version and a checksum.
//
// "TWVALUES", version u32, count u32; for each tensor its name (u32 length, bytes), dtype (u32),
// shape (4 x i64) and elements; at the end the 64-bit FNV-1a of everything before. Little-endian.
#pragma once

#include "tilewright/tilewright.h"

namespace tilewright::testkit {

struct NamedTensor {
  std::string name;
  Tensor tensor;
};
using NamedTensors = std::vector<NamedTensor>;

inline constexpr std::uint32_t kValuesVersion = 1;

std::string write_values(const NamedTensors& values);

/// The tensors in `bytes`, read from `from` (for messages). Throws StoreError, one line, for
/// another version, a wrong checksum, and anything too short, too long or impossible; nothing is
/// allocated for sizes that the bytes do not hold.
NamedTensors read_values(const std::string& bytes, const std::string& from);

/// The same to and from a file. Throws StoreError.
void save_values(const std::string& path, const NamedTensors& values);
NamedTensors load_values(const std::string& path);

}  // namespace tilewright::testkit
