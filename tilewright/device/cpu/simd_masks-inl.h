// Whether memory may be read and written under a mask; included once per target.
#if defined(TILEWRIGHT_SIMD_MASKS) == defined(HWY_TARGET_TOGGLE)
#ifdef TILEWRIGHT_SIMD_MASKS
#undef TILEWRIGHT_SIMD_MASKS
#else
#define TILEWRIGHT_SIMD_MASKS
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tilewright::cpu::HWY_NAMESPACE {

/// hn::MaskedLoad and hn::BlendedStore of f32 and f64 touch no lane outside of the mask. Highway
/// denies it of AVX2 because of smaller elements.
inline constexpr bool kMasksMemory = HWY_TARGET == HWY_AVX2 || !HWY_MEM_OPS_MIGHT_FAULT;

}  // namespace tilewright::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
