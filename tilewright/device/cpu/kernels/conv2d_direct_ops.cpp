// The register tiles and packing of conv2d_direct, compiled once per target that has a fused
// multiply-add.
//
// A register tile holds V spots times C channels of sums: per product it loads V source vectors,
// broadcasts C weights and issues V*C multiply-adds.
#include "tilewright/device/cpu/kernels/conv2d_direct_ops.h"

#include <algorithm>
#include <cmath>

#include "tilewright/device/cpu/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tilewright/device/cpu/kernels/conv2d_direct_ops.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "tilewright/device/cpu/kernels/conv2d_direct_pack-inl.h"
#include "tilewright/device/cpu/kernels/conv2d_direct_tiles-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilewright::cpu::HWY_NAMESPACE {

#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128

// These emulate MulAdd with two roundings, so they offer nothing.
const DirectOps<float>* ops_f32() { return nullptr; }
const DirectOps<double>* ops_f64() { return nullptr; }

#else

// Of this target, in conv2d_direct_rows_ops.cpp.
template <class T>
void rows(const RowsJob<T>& job);
template <class T>
bool rows_pad(const RowsJob<T>& job);

template <class T>
void copy_strided(const T* HWY_RESTRICT from, Index step, Index count, T* HWY_RESTRICT to) {
  const Tag<T> d;
  if (step == 1 && count >= kLanes<T>) {
    for (Index i = 0; i + kLanes<T> < count; i += kLanes<T>) {
      hn::StoreU(hn::LoadU(d, from + i), d, to + i);
      asm volatile("" ::: "memory");  // rows are short: a call of memmove would cost more
    }
    const Index last = count - kLanes<T>;
    hn::StoreU(hn::LoadU(d, from + last), d, to + last);
  } else if (step == 2) {
    Index i = 0;
    for (; i + kLanes<T> < count; i += kLanes<T>) {
      hn::Vec<Tag<T> > even, odd;
      hn::LoadInterleaved2(d, from + 2 * i, even, odd);
      hn::StoreU(even, d, to + i);
    }
    for (; i < count; ++i) to[i] = from[2 * i];
  } else {
    for (Index i = 0; i < count; ++i) to[i] = from[step * i];
  }
}

template <class T>
T dot(const T* weights, const T* src, const Index* offsets, Index depth, T sum) {
  for (Index k = 0; k < depth; ++k) sum = std::fma(weights[k], src[offsets[k]], sum);
  return sum;
}

template <class T>
const DirectOps<T>* ops() {
  static const DirectOps<T> table{kLanes<T>,    kMaxChannels,    &tiles<T>,        &rows<T>,
                                  &rows_pad<T>, &pack_panels<T>, &copy_strided<T>, &dot<T>};
  return &table;
}
const DirectOps<float>* ops_f32() { return ops<float>(); }
const DirectOps<double>* ops_f64() { return ops<double>(); }

#endif

}  // namespace tilewright::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tilewright::cpu {

HWY_EXPORT(ops_f32);
HWY_EXPORT(ops_f64);

const DirectOps<float>* direct_ops_f32() { return HWY_DYNAMIC_DISPATCH(ops_f32)(); }
const DirectOps<double>* direct_ops_f64() { return HWY_DYNAMIC_DISPATCH(ops_f64)(); }

}  // namespace tilewright::cpu
#endif
