// The one-dimensional transforms of Winograd's tiles, on vectors; included once per target.
#if defined(TILEWRIGHT_CONV2D_WINOGRAD_TRANSFORMS) == defined(HWY_TARGET_TOGGLE)
#ifdef TILEWRIGHT_CONV2D_WINOGRAD_TRANSFORMS
#undef TILEWRIGHT_CONV2D_WINOGRAD_TRANSFORMS
#else
#define TILEWRIGHT_CONV2D_WINOGRAD_TRANSFORMS
#endif

#include <hwy/highway.h>

#include "tilewright/device/cpu/kernels/conv2d_winograd_rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilewright::cpu::HWY_NAMESPACE {
#if HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128
constexpr float kA = 0.70710678118654752f;  // sqrt(1/2)
constexpr float kB = 1.41421356237309505f;  // sqrt(2)

// Six inputs of a tile to six factors, in place.
HWY_INLINE void transform_source(Vec (&d)[6]) {
  const Tag t;
  const Vec outer = hn::Set(t, -2.5f);
  const Vec u0 = hn::MulAdd(outer, d[2], hn::Add(d[0], d[4]));
  const Vec u5 = hn::MulAdd(outer, d[3], hn::Add(d[1], d[5]));
  const Vec even_a = hn::MulAdd(hn::Set(t, -2.0f), d[2], d[4]);
  const Vec even_b = hn::MulAdd(hn::Set(t, -0.5f), d[2], d[4]);
  const Vec a = hn::Set(t, kA), b = hn::Set(t, kB);
  const Vec odd_a = hn::NegMulAdd(b, d[1], hn::Mul(a, d[3]));
  const Vec odd_b = hn::NegMulAdd(a, d[1], hn::Mul(b, d[3]));
  d[0] = u0;
  d[1] = hn::Add(even_a, odd_a);
  d[2] = hn::Sub(even_a, odd_a);
  d[3] = hn::Add(even_b, odd_b);
  d[4] = hn::Sub(even_b, odd_b);
  d[5] = u5;
}

// Six products of a tile to its results, to the last of which the last product belongs.
template <int Out>
HWY_INLINE void transform_result(const Vec (&m)[6], Vec (&out)[Out]) {
  const Tag t;
  const Vec a = hn::Set(t, kA), b = hn::Set(t, kB), half = hn::Set(t, 0.5f), two = hn::Set(t, 2.0f);
  const Vec sum_a = hn::Add(m[1], m[2]), gap_a = hn::Sub(m[1], m[2]);
  const Vec sum_b = hn::Add(m[3], m[4]), gap_b = hn::Sub(m[3], m[4]);
  out[0] = hn::Add(hn::Add(m[0], sum_a), sum_b);
  if constexpr (Out == 2) out[1] = hn::MulAdd(a, gap_a, hn::MulAdd(b, gap_b, m[5]));
  if constexpr (Out > 2) out[1] = hn::MulAdd(a, gap_a, hn::Mul(b, gap_b));
  if constexpr (Out == 3) out[2] = hn::MulAdd(half, sum_a, hn::MulAdd(two, sum_b, m[5]));
  if constexpr (Out > 3) {
    out[2] = hn::MulAdd(half, sum_a, hn::Mul(two, sum_b));
    out[3] =
        hn::MulAdd(hn::Set(t, 0.5f * kA), gap_a, hn::MulAdd(hn::Set(t, 2.0f * kB), gap_b, m[5]));
  }
}

// The taps to six factors.
template <int Taps>
HWY_INLINE void transform_taps(const Vec64 (&g)[Taps], Vec64 (&u)[6]) {
  const Tag64 t;
  constexpr double kRootHalf = 0.70710678118654752440, kRootTwo = 1.41421356237309504880;
  Vec64 odd_a = hn::Mul(hn::Set(t, kRootHalf), g[1]);
  Vec64 odd_b = hn::Mul(hn::Set(t, kRootTwo), g[1]);
  Vec64 even_a = hn::MulAdd(hn::Set(t, 0.5), g[2], g[0]);
  Vec64 even_b = hn::MulAdd(hn::Set(t, 2.0), g[2], g[0]);
  if constexpr (Taps > 3) {
    odd_a = hn::MulAdd(hn::Set(t, 0.5 * kRootHalf), g[3], odd_a);
    odd_b = hn::MulAdd(hn::Set(t, 2.0 * kRootTwo), g[3], odd_b);
  }
  if constexpr (Taps > 4) {
    even_a = hn::MulAdd(hn::Set(t, 0.25), g[4], even_a);
    even_b = hn::MulAdd(hn::Set(t, 4.0), g[4], even_b);
  }
  const Vec64 a = hn::Set(t, -2.0 / 3), b = hn::Set(t, 1.0 / 6);
  u[0] = g[0];
  u[1] = hn::Mul(a, hn::Add(even_a, odd_a));
  u[2] = hn::Mul(a, hn::Sub(even_a, odd_a));
  u[3] = hn::Mul(b, hn::Add(even_b, odd_b));
  u[4] = hn::Mul(b, hn::Sub(even_b, odd_b));
  u[5] = g[Taps - 1];
}

// Four gradients of results to six factors.
HWY_INLINE void spread_result(const Vec (&g)[4], Vec (&u)[6]) {
  const Tag t;
  const Vec a = hn::Set(t, kA), b = hn::Set(t, kB);
  const Vec even_a = hn::MulAdd(hn::Set(t, 0.5f), g[2], g[0]);
  const Vec even_b = hn::MulAdd(hn::Set(t, 2.0f), g[2], g[0]);
  const Vec odd_a = hn::Mul(a, hn::MulAdd(hn::Set(t, 0.5f), g[3], g[1]));
  const Vec odd_b = hn::Mul(b, hn::MulAdd(hn::Set(t, 2.0f), g[3], g[1]));
  u[0] = g[0];
  u[1] = hn::Add(even_a, odd_a);
  u[2] = hn::Sub(even_a, odd_a);
  u[3] = hn::Add(even_b, odd_b);
  u[4] = hn::Sub(even_b, odd_b);
  u[5] = g[3];
}

// Six products to three taps.
HWY_INLINE void gather_taps(const Vec (&u)[6], Vec (&g)[3]) {
  const Tag t;
  const Vec a = hn::Set(t, -2.0f / 3), b = hn::Set(t, 1.0f / 6);
  const Vec sum_a = hn::Mul(a, hn::Add(u[1], u[2])), gap_a = hn::Mul(a, hn::Sub(u[1], u[2]));
  const Vec sum_b = hn::Mul(b, hn::Add(u[3], u[4])), gap_b = hn::Mul(b, hn::Sub(u[3], u[4]));
  g[0] = hn::Add(hn::Add(u[0], sum_a), sum_b);
  g[1] = hn::MulAdd(hn::Set(t, kA), gap_a, hn::Mul(hn::Set(t, kB), gap_b));
  g[2] = hn::MulAdd(hn::Set(t, 0.5f), sum_a, hn::MulAdd(hn::Set(t, 2.0f), sum_b, u[5]));
}

#endif
}  // namespace tilewright::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
