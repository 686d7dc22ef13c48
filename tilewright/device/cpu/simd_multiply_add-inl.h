// Multiply-add that stays where the sum is; included once per target.
#if defined(TILEWRIGHT_SIMD_MULTIPLY_ADD) == defined(HWY_TARGET_TOGGLE)
#ifdef TILEWRIGHT_SIMD_MULTIPLY_ADD
#undef TILEWRIGHT_SIMD_MULTIPLY_ADD
#else
#define TILEWRIGHT_SIMD_MULTIPLY_ADD
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tilewright::cpu::HWY_NAMESPACE {
#if HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128

/// sum += a * b, rounded once, in the register in which the sum is: in unrolled loops compilers
/// would copy sums around.
template <class Vec>
HWY_INLINE void add_in_place(Vec& sum, Vec a, Vec b) {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2  // the better a target, the lower its number
  if constexpr (sizeof(hwy::HWY_NAMESPACE::TFromV<Vec>) == sizeof(float))
    asm("vfmadd231ps %2, %1, %0" : "+v"(sum.raw) : "v"(a.raw), "v"(b.raw));
  else
    asm("vfmadd231pd %2, %1, %0" : "+v"(sum.raw) : "v"(a.raw), "v"(b.raw));
#else
  sum = hwy::HWY_NAMESPACE::MulAdd(a, b, sum);
#endif
}

#endif
}  // namespace tilewright::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
