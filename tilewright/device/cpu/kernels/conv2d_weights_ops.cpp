// V vectors times F broadcast factors: V*F sums in registers, each one chain in the order of the
// results.
#include "tilewright/device/cpu/kernels/conv2d_weights_ops.h"

#include <utility>

#include "tilewright/device/cpu/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tilewright/device/cpu/kernels/conv2d_weights_ops.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tilewright::cpu::HWY_NAMESPACE {

#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128

// These emulate MulAdd with two roundings, so they offer nothing.
const OuterOps<float>* outer_f32() { return nullptr; }
const OuterOps<double>* outer_f64() { return nullptr; }

#else

namespace hn = hwy::HWY_NAMESPACE;

template <class T>
using OuterTag = hn::CappedTag<T, 64 / sizeof(T)>;

inline constexpr int kOuterSums = HWY_TARGET == HWY_AVX2 ? 12 : 24;
inline constexpr int kOuterFactors = kOuterSums / 2;

template <int V, int F, class T>
HWY_NOINLINE void outer(const OuterJob<T>& job) {
  const OuterTag<T> d;
  constexpr Index kLanes = static_cast<Index>(hn::MaxLanes(OuterTag<T>()));
  hn::Vec<OuterTag<T> > sum[F][V];
#pragma GCC unroll 16
  for (int f = 0; f < F; ++f)
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v) sum[f][v] = hn::Zero(d);
  for (Index row = 0; row < job.rows; ++row) {
    const T* HWY_RESTRICT vector[V];
    const T* HWY_RESTRICT factor[F];
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v) vector[v] = job.vector[v] + row * job.vector_row;
#pragma GCC unroll 16
    for (int f = 0; f < F; ++f) factor[f] = job.factor[f] + row * job.factor_row;
    Index at_vector = 0, at_factor = 0;
    for (Index column = 0; column < job.columns; ++column) {
      hn::Vec<OuterTag<T> > x[V];
#pragma GCC unroll 16
      for (int v = 0; v < V; ++v) x[v] = hn::LoadU(d, vector[v] + at_vector);
#pragma GCC unroll 16
      for (int f = 0; f < F; ++f) {
        const auto w = hn::Set(d, factor[f][at_factor]);
#pragma GCC unroll 16
        for (int v = 0; v < V; ++v) sum[f][v] = hn::MulAdd(w, x[v], sum[f][v]);
      }
      at_vector += job.vector_step;
      at_factor += job.factor_step;
    }
  }
#pragma GCC unroll 16
  for (int f = 0; f < F; ++f)
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v) hn::StoreU(sum[f][v], d, job.sums + (f * V + v) * kLanes);
}

template <class T>
using OuterFunction = void (*)(const OuterJob<T>&);

template <class T, int V, int... F>
OuterFunction<T> pick_factors(int factors, std::integer_sequence<int, F...>) {
  static constexpr OuterFunction<T> kTable[] = {&outer<V, F + 1, T>...};
  return kTable[factors - 1];
}

template <class T, int V>
OuterFunction<T> pick(int factors) {
  constexpr int kMost = kOuterSums / V < kOuterFactors ? kOuterSums / V : kOuterFactors;
  return pick_factors<T, V>(factors, std::make_integer_sequence<int, kMost>());
}

template <class T>
void run_outer(const OuterJob<T>& job, int vectors, int factors) {
  const auto run = vectors == 1   ? pick<T, 1>(factors)
                   : vectors == 2 ? pick<T, 2>(factors)
                   : vectors == 4 ? pick<T, 4>(factors)
                                  : pick<T, 8>(factors);
  run(job);
}

template <class T>
const OuterOps<T>* outer_ops() {
  static const OuterOps<T> table{static_cast<int>(hn::MaxLanes(OuterTag<T>())), kOuterSums,
                                 kOuterFactors, &run_outer<T>};
  return &table;
}
const OuterOps<float>* outer_f32() { return outer_ops<float>(); }
const OuterOps<double>* outer_f64() { return outer_ops<double>(); }

#endif

}  // namespace tilewright::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tilewright::cpu {

HWY_EXPORT(outer_f32);
HWY_EXPORT(outer_f64);

const OuterOps<float>* outer_ops_f32() { return HWY_DYNAMIC_DISPATCH(outer_f32)(); }
const OuterOps<double>* outer_ops_f64() { return HWY_DYNAMIC_DISPATCH(outer_f64)(); }

}  // namespace tilewright::cpu
#endif
