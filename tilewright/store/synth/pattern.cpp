// The loops over x are free of calls and of 64-bit multiplications, so that compilers vectorise
// them.
#include "tilewright/store/synth/pattern.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "tilewright/base/error.h"

namespace tilewright {
namespace {

// Finalizer of SplitMix64 (Steele, Lea, Flood 2014).
std::uint64_t mix64(std::uint64_t v) {
  v = (v ^ v >> 30) * 0xBF58476D1CE4E5B9u;
  v = (v ^ v >> 27) * 0x94D049BB133111EBu;
  return v ^ v >> 31;
}

// A 32-bit mixer with low bias (Wellons, "hash-prospector", lowbias32).
inline std::uint32_t mix32(std::uint32_t v) {
  v = (v ^ v >> 16) * 0x7FEB352Du;
  v = (v ^ v >> 15) * 0x846CA68Bu;
  return v ^ v >> 16;
}

constexpr Index kSpan = 4096;  // elements that share one 64-bit key

// out[i] = value(hash of seed, row and x + i).
template <class T, class F>
void hashed_row(const Synth& s, std::uint64_t row, Index x, Index count, T* out, F&& value) {
  for (Index i = 0; i < count;) {
    const Index span = (x + i) / kSpan;
    const Index stop = std::min(count, (span + 1) * kSpan - x);
    const std::uint64_t key =
        mix64(mix64(s.seed + 0x9E3779B97F4A7C15u * (row + 1)) + static_cast<std::uint64_t>(span));
    const auto a = static_cast<std::uint32_t>(key);
    const auto b = static_cast<std::uint32_t>(key >> 32);
    auto p = static_cast<std::uint32_t>((x + i) % kSpan);
    const auto n = static_cast<std::uint32_t>(stop - i);
    T* const to = out + i;
    for (std::uint32_t j = 0; j < n; ++j) to[j] = value(mix32((p + j) * 0x9E3779B1u + a) ^ b);
    i = stop;
  }
}

template <class T>
T uniform(std::uint32_t h) {
  if constexpr (std::is_same_v<T, float>)
    return static_cast<float>(static_cast<std::int32_t>(h >> 8)) * 0x1p-24f;
  else if constexpr (std::is_same_v<T, double>)
    return static_cast<double>(h) * 0x1p-32;
  else
    return static_cast<T>(h >> (32 - 8 * static_cast<int>(sizeof(T))));
}

// -4 .. 4, or 0 .. 8 for unsigned types: the high half of a product spreads evenly enough.
template <class T>
T small_integer(std::uint32_t h) {
  const auto v = static_cast<std::int32_t>((h >> 16) * 9 >> 16);
  return static_cast<T>(v - (std::is_signed_v<T> ? 4 : 0));
}

// White: 1 for floating types, else the largest value.
template <class T>
constexpr T white() {
  return std::is_floating_point_v<T> ? T{1} : std::numeric_limits<T>::max();
}

// A ramp; integer types wrap around.
template <class T>
void gradient(Index c, Index y, Index x, Index count, T* out) {
  const Index start = x + y + 16 * c;
  for (Index i = 0; i < count; ++i) out[i] = static_cast<T>(start + i);
}

template <class T>
void checker(const Synth& s, Index y, Index x, Index count, T* out) {
  for (Index i = 0; i < count;) {
    const Index square = (x + i) / s.size;
    const Index stop = std::min(count, (square + 1) * s.size - x);
    std::fill(out + i, out + stop, (square + y / s.size) % 2 == 0 ? T{0} : white<T>());
    i = stop;
  }
}

// Rings whose frequency grows from 0 at the centre to the pixel grid's limit at the edge:
// phase = r^2 mod 2P with P the longer side, exact up to P = 2^33; the wave is a smoothstep.
template <class T>
void zone(const Synth& s, Index y, Index x, Index count, T* out) {
  const Shape& shape = s.spec.shape;
  const auto period = 2 * static_cast<std::uint64_t>(std::max(shape[kY], shape[kX]));
  const auto square = [&](Index v, Index size) {
    const auto d = static_cast<std::uint64_t>(std::abs(v - size / 2)) % period;
    return d * d % period;
  };
  const std::uint64_t dy2 = square(y, shape[kY]);
  for (Index i = 0; i < count; ++i) {
    const std::uint64_t phase = (dy2 + square(x + i, shape[kX])) % period;
    const double w = std::fabs(2.0 * static_cast<double>(phase) / static_cast<double>(period) - 1);
    out[i] = static_cast<T>(w * w * (3 - 2 * w) * static_cast<double>(white<T>()));
  }
}

template <class T>
void impulse(const Synth& s, Index y, Index x, Index count, T* out) {
  std::fill(out, out + count, T{0});
  const Index at = s.spec.shape[kX] / 2 - x;
  if (y == s.spec.shape[kY] / 2 && at >= 0 && at < count) out[at] = T{1};
}

}  // namespace

Pattern parse_pattern(std::string_view name) {
  constexpr std::pair<const char*, Pattern> kNames[] = {
      {"noise", Pattern::kNoise},     {"ints", Pattern::kInts}, {"gradient", Pattern::kGradient},
      {"checker", Pattern::kChecker}, {"zone", Pattern::kZone}, {"impulse", Pattern::kImpulse}};
  for (const auto& [known, pattern] : kNames)
    if (name == known) return pattern;
  throw InvalidArgument(fmt::format(
      "pattern '{}' is not known; choose noise, ints, gradient, checker, zone or impulse", name));
}

void synthesize(const Synth& s, Index n, Index c, Index y, Index x, Index count, void* out) {
  const Shape& shape = s.spec.shape;
  const auto row = static_cast<std::uint64_t>((n * shape[kC] + c) * shape[kY] + y);
  dispatch(s.spec.dtype, [&](auto kind) {
    using T = decltype(kind);
    T* const to = static_cast<T*>(out);
    switch (s.pattern) {
      case Pattern::kNoise:
        return hashed_row(s, row, x, count, to, [](std::uint32_t h) { return uniform<T>(h); });
      case Pattern::kInts:
        return hashed_row(s, row, x, count, to,
                          [](std::uint32_t h) { return small_integer<T>(h); });
      case Pattern::kGradient:
        return gradient(c, y, x, count, to);
      case Pattern::kChecker:
        return checker(s, y, x, count, to);
      case Pattern::kZone:
        return zone(s, y, x, count, to);
      case Pattern::kImpulse:
        return impulse(s, y, x, count, to);
    }
  });
}

}  // namespace tilewright
