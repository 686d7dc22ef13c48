// Multilinear mixing in 32-bit lanes. The loops are plain; they are compiled once per target, since
// without vector multiplications a fingerprint takes longer than writing the values to a file.
#include "tilewright/tensor/fingerprint.h"

#include <fmt/format.h>

#include <cstring>

#include "tilewright/base/text.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tilewright/tensor/fingerprint.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tilewright::HWY_NAMESPACE {

inline std::uint32_t mix(std::uint32_t v) {
  v = (v ^ (v >> 15)) * 0x85ebca6bu;
  v = (v ^ (v >> 13)) * 0xc2b2ae35u;
  return v ^ (v >> 16);
}

// One 32-bit word at position `low` of the row whose key is `key`.
inline std::uint64_t term(std::uint32_t value, std::uint32_t low, std::uint32_t key) {
  const std::uint32_t place = (low * 0x9e3779b1u) ^ key;
  const std::uint32_t a = mix(value ^ place);
  const std::uint32_t b = (place ^ (place >> 14)) * 0x27d4eb2fu;
  return static_cast<std::uint64_t>(a) * (b | 1u);
}

inline std::uint32_t word_of(float v) {
  std::uint32_t bits;
  std::memcpy(&bits, &v, sizeof bits);
  return v == v ? bits : 0x7fc00000u;
}

template <class T>
inline std::uint32_t word_of(T v) {
  return static_cast<std::uint32_t>(v);
}

inline std::uint64_t bits_of(double v) {
  std::uint64_t bits;
  std::memcpy(&bits, &v, sizeof bits);
  return v == v ? bits : 0x7ff8000000000000u;
}

// `position` is the row-major index of the first element; a row is split where its low 32 bits
// would wrap, so that the key is constant inside the loop.
template <class T>
std::uint64_t row_sum(const T* row, std::uint64_t position, Index count) {
  std::uint64_t sum = 0;
  for (Index done = 0; done < count;) {
    const std::uint64_t at = position + static_cast<std::uint64_t>(done);
    const auto low = static_cast<std::uint32_t>(at);
    const std::uint32_t key = mix(static_cast<std::uint32_t>(at >> 32) + 0x51ed270bu);
    const auto room = static_cast<Index>((std::uint64_t{1} << 32) - low);
    const Index n = std::min(count - done, room);
    for (Index i = 0; i < n; ++i) {
      const std::uint32_t place = low + static_cast<std::uint32_t>(i);
      if constexpr (std::is_same_v<T, double>) {
        const std::uint64_t bits = bits_of(row[done + i]);
        sum += term(static_cast<std::uint32_t>(bits), place, key);
        sum += term(static_cast<std::uint32_t>(bits >> 32), place, ~key);
      } else {
        sum += term(word_of(row[done + i]), place, key);
      }
    }
    done += n;
  }
  return sum;
}

std::uint64_t sum_of_row(DType dtype, const std::byte* row, std::uint64_t position, Index count) {
  return dispatch(dtype, [&](auto t) HWY_ATTR {
    return row_sum(reinterpret_cast<const decltype(t)*>(row), position, count);
  });
}

}  // namespace tilewright::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tilewright {

HWY_EXPORT(sum_of_row);

void Fingerprint::add(const Region& where, const ConstTensorView& v) {
  if (v.dtype != spec_.dtype || v.shape != where.shape() || (v.strides[3] != 1 && v.shape[3] > 1))
    throw InternalError("fingerprint of a view that does not match its region");
  const Shape full = dense_strides(spec_.shape);
  const auto row_sum = HWY_DYNAMIC_DISPATCH(sum_of_row);
  for (Index n = 0; n < v.shape[0]; ++n)
    for (Index c = 0; c < v.shape[1]; ++c)
      for (Index y = 0; y < v.shape[2]; ++y) {
        const Index position = (where[0].begin + n) * full[0] + (where[1].begin + c) * full[1] +
                               (where[2].begin + y) * full[2] + where[3].begin;
        const std::byte* const row = v.data + v.offset(n, c, y, 0) * size_of(v.dtype);
        sum_ += row_sum(v.dtype, row, static_cast<std::uint64_t>(position), v.shape[3]);
      }
}

std::string Fingerprint::text() const {
  const std::string header = fmt::format("{} {}", to_string(spec_.dtype), to_string(spec_.shape));
  return hex16(sum_ ^ text_hash(header));
}

}  // namespace tilewright
#endif
