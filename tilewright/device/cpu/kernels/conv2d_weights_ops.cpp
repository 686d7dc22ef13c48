// V vectors times F factors: V*F sums in registers, each one chain in the order of the results.
#include "tilewright/device/cpu/kernels/conv2d_weights_ops.h"

#include <algorithm>
#include <utility>

#include "tilewright/device/cpu/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tilewright/device/cpu/kernels/conv2d_weights_ops.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "tilewright/device/cpu/simd_multiply_add-inl.h"

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
template <class T>
using OuterVec = hn::Vec<OuterTag<T> >;
template <class T>
inline constexpr Index kLanes = static_cast<Index>(hn::MaxLanes(OuterTag<T>()));

inline constexpr int kOuterSums = HWY_TARGET == HWY_AVX2 ? 12 : 24;
inline constexpr int kMostPacked = HWY_TARGET == HWY_AVX2 ? 4 : 2;
// With AVX2 each has an address of its own in one of 15 registers.
inline constexpr int kMostPackedFactors = HWY_TARGET == HWY_AVX2 ? 8 : 12;

template <bool Lanewise, class T>
HWY_INLINE OuterVec<T> load_factor(const T* p) {
  const OuterTag<T> d;
  if constexpr (Lanewise)
    return hn::LoadU(d, p);
  else
    return hn::Set(d, *p);
}

// Planes lie far apart, where hardware does not look ahead.
template <class T>
HWY_INLINE void ask_for_next(const OuterJob<T>& job, Index row) {
  if (job.next_count == 0) return;
  constexpr Index kLine = 64 / sizeof(T);
  const Index begin = row * job.next_rows / job.rows, end = (row + 1) * job.next_rows / job.rows;
  for (int i = 0; i < job.next_count; ++i)
    for (Index y = begin; y < end; ++y) {
      const T* const from = job.next[static_cast<std::size_t>(i)] + y * job.next_row;
      for (Index x = 0; x < job.next_columns; x += kLine) __builtin_prefetch(from + x);
    }
}

// The fewer operands are held in registers, the others pass by.
template <bool Lanewise, int V, int F, class T>
HWY_INLINE void add_products(const OuterJob<T>& job, OuterVec<T> (&sum)[F][V]) {
  const OuterTag<T> d;
  for (Index row = 0; row < job.rows; ++row) {
    const T* HWY_RESTRICT vector[V];
    const T* HWY_RESTRICT factor[F];
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v) vector[v] = job.vector[v] + row * job.vector_row;
#pragma GCC unroll 16
    for (int f = 0; f < F; ++f) factor[f] = job.factor[f] + row * job.factor_row;
    ask_for_next(job, row);
    // Few numbers change from result to result: with AVX2 every register counts.
    const Index end = job.columns * job.vector_step, vector_step = job.vector_step;
    const Index factor_step = Lanewise ? kLanes<T> : job.factor_step;
    for (Index at_vector = 0, at_factor = 0; at_vector != end;
         at_vector += vector_step, at_factor += factor_step) {
      if constexpr (V <= F) {
        OuterVec<T> x[V];
#pragma GCC unroll 16
        for (int v = 0; v < V; ++v) x[v] = hn::LoadU(d, vector[v] + at_vector);
#pragma GCC unroll 16
        for (int f = 0; f < F; ++f) {
          const auto w = load_factor<Lanewise>(factor[f] + at_factor);
#pragma GCC unroll 16
          for (int v = 0; v < V; ++v) sum[f][v] = hn::MulAdd(w, x[v], sum[f][v]);
        }
      } else {
        OuterVec<T> w[F];
#pragma GCC unroll 16
        for (int f = 0; f < F; ++f) w[f] = load_factor<Lanewise>(factor[f] + at_factor);
#pragma GCC unroll 16
        for (int v = 0; v < V; ++v) {
          const auto x = hn::LoadU(d, vector[v] + at_vector);
#pragma GCC unroll 16
          for (int f = 0; f < F; ++f) sum[f][v] = hn::MulAdd(w[f], x, sum[f][v]);
        }
      }
    }
  }
}

#if HWY_TARGET == HWY_AVX2

/// One result; the fewer operands are held in registers, the others pass by.
template <int V, int F, class T>
HWY_INLINE void add_result(const T* vectors, const char* const (&factor)[F], Index at,
                           OuterVec<T> (&sum)[F][V]) {
  const OuterTag<T> d;
  const auto load = [&](int f) HWY_ATTR {
    return hn::Set(d, *reinterpret_cast<const T*>(factor[f] + at));
  };
  if constexpr (V <= F) {
    OuterVec<T> x[V];
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v) x[v] = hn::LoadU(d, vectors + v * kLanes<T>);
#pragma GCC unroll 16
    for (int f = 0; f < F; ++f) {
      const auto w = load(f);
#pragma GCC unroll 16
      for (int v = 0; v < V; ++v) add_in_place(sum[f][v], w, x[v]);
    }
  } else {
    OuterVec<T> w[F];
#pragma GCC unroll 16
    for (int f = 0; f < F; ++f) w[f] = load(f);
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v) {
      const auto x = hn::LoadU(d, vectors + v * kLanes<T>);
#pragma GCC unroll 16
      for (int f = 0; f < F; ++f) add_in_place(sum[f][v], w[f], x);
    }
  }
  asm volatile("" ::: "memory");  // loads that are moved up here would spill sums
}

// Four results at a time, factors by one number that counts up, so that little but multiply-adds is
// left.
template <Index Step, int V, int F, class T>
HWY_INLINE void add_steps(const OuterJob<T>& job, OuterVec<T> (&sum)[F][V]) {
  constexpr Index kAtOnce = 4, kWide = V * kLanes<T>, kStep = Step * Index{sizeof(T)};
  const Index step = Step > 0 ? kStep : job.factor_step * Index{sizeof(T)};
  const Index whole = job.columns - job.columns % kAtOnce, end = whole * step;
  const T* vectors = job.vector[0];
  for (Index row = 0; row < job.rows; ++row) {
    const char* factor[F];
#pragma GCC unroll 16
    for (int f = 0; f < F; ++f)
      factor[f] = reinterpret_cast<const char*>(job.factor[f] + row * job.factor_row) + end;
    ask_for_next(job, row);
    for (Index at = -end; at != 0; at += kAtOnce * step, vectors += kAtOnce * kWide) {
      // Else addresses are computed from each other, or kept for each product.
#pragma GCC unroll 16
      for (int f = 0; f < F; ++f) asm volatile("" : "+r"(factor[f]));
#pragma GCC unroll 4
      for (Index i = 0; i < kAtOnce; ++i)
        add_result(vectors + i * kWide, factor, at + i * step, sum);
    }
    for (Index x = whole; x < job.columns; ++x, vectors += kWide)
      add_result(vectors, factor, (x - whole) * step, sum);
  }
}

template <int V, int F, class T>
HWY_INLINE void add_packed(const OuterJob<T>& job, OuterVec<T> (&sum)[F][V]) {
  if (job.factor_step == 1) return add_steps<1>(job, sum);
  if (job.factor_step == 2) return add_steps<2>(job, sum);
  add_steps<0>(job, sum);
}

#else

template <int V, int F, class T>
HWY_INLINE void add_packed(const OuterJob<T>& job, OuterVec<T> (&sum)[F][V]) {
  add_products<false, V, F>(job, sum);
}

#endif

HWY_INLINE void add_to(double* totals, OuterVec<double> v) {
  const OuterTag<double> d;
  hn::StoreU(hn::Add(hn::LoadU(d, totals), v), d, totals);
}

HWY_INLINE void add_to(double* totals, OuterVec<float> v) {
  const hn::Half<OuterTag<float> > half;
  const hn::Rebind<double, decltype(half)> d;
  const auto low = hn::PromoteTo(d, hn::LowerHalf(half, v));
  const auto high = hn::PromoteTo(d, hn::UpperHalf(half, v));
  double* const upper = totals + kLanes<float> / 2;
  hn::StoreU(hn::Add(hn::LoadU(d, totals), low), d, totals);
  hn::StoreU(hn::Add(hn::LoadU(d, upper), high), d, upper);
}

/// How operands lie.
enum class Operands {
  kApart,     // vectors anywhere, factors that all lanes share
  kPacked,    // vectors side by side, result after result
  kLanewise,  // factors that are vectors themselves
};

template <Operands Kind, int V, int F, class T>
HWY_NOINLINE void outer(const OuterJob<T>& job) {
  const OuterTag<T> d;
  OuterVec<T> sum[F][V];
#pragma GCC unroll 16
  for (int f = 0; f < F; ++f)
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v)
      sum[f][v] =
          job.from == nullptr ? hn::Zero(d) : hn::LoadU(d, job.from + (f * V + v) * kLanes<T>);
  if constexpr (Kind == Operands::kPacked)
    add_packed(job, sum);
  else
    add_products<Kind == Operands::kLanewise, V, F>(job, sum);
  if (job.totals == nullptr) {
#pragma GCC unroll 16
    for (int f = 0; f < F; ++f)
#pragma GCC unroll 16
      for (int v = 0; v < V; ++v) hn::StoreU(sum[f][v], d, job.sums + (f * V + v) * kLanes<T>);
    return;
  }
#pragma GCC unroll 16
  for (int f = 0; f < F; ++f)
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v) add_to(job.totals + (f * V + v) * kLanes<T>, sum[f][v]);
}

template <class T>
using OuterFunction = void (*)(const OuterJob<T>&);

template <class T, Operands Kind, int V, int... F>
OuterFunction<T> pick_factors(int factors, std::integer_sequence<int, F...>) {
  static constexpr OuterFunction<T> kTable[] = {&outer<Kind, V, F + 1, T>...};
  return kTable[factors - 1];
}

template <class T, Operands Kind, int V>
OuterFunction<T> pick(int factors) {
  constexpr int kAtMost = Kind == Operands::kLanewise ? kMostLanewise
                          : Kind == Operands::kPacked ? kMostPackedFactors
                                                      : OuterJob<T>::kMaxFactors;
  constexpr int kMost = kOuterSums / V < kAtMost ? kOuterSums / V : kAtMost;
  return pick_factors<T, Kind, V>(factors, std::make_integer_sequence<int, kMost>());
}

template <class T, Operands Kind, std::size_t... I>
OuterFunction<T> pick_vectors(int vectors, int factors, std::index_sequence<I...>) {
  OuterFunction<T> found = nullptr;
  ((kOuterVectors[I] == vectors ? void(found = pick<T, Kind, kOuterVectors[I]>(factors)) : void()),
   ...);
  return found;
}

template <class T, Operands Kind>
void run_outer(const OuterJob<T>& job, int vectors, int factors) {
  constexpr std::size_t kCount =
      Kind == Operands::kPacked ? std::size_t{kMostPacked} : kOuterVectors.size();
  pick_vectors<T, Kind>(vectors, factors, std::make_index_sequence<kCount>())(job);
}

// A block of 16 bytes: so many elements of a row, or so many rows.
template <class T>
inline constexpr Index kBlock = 16 / static_cast<Index>(sizeof(T));

// The blocks of `v` go to places `step` apart, in order.
template <class V>
HWY_INLINE void store_blocks(V v, hn::TFromV<V>* to, Index step) {
  const hn::DFromV<V> d;
  if constexpr (hn::MaxLanes(hn::DFromV<V>()) * sizeof(hn::TFromV<V>) <= 16) {
    hn::StoreU(v, d, to);
  } else {
    const hn::Half<decltype(d)> half;
    constexpr Index kHalf = static_cast<Index>(hn::MaxLanes(half)) / kBlock<hn::TFromV<V> >;
    store_blocks(hn::LowerHalf(half, v), to, step);
    store_blocks(hn::UpperHalf(half, v), to + kHalf * kBlock<hn::TFromV<V> > * step, step);
  }
}

// Blocks of kBlock rows and columns, turned over: vector i has the columns i of all blocks.
HWY_INLINE void turn(OuterVec<float> (&r)[4]) {
  const OuterTag<float> d;
  const hn::RepartitionToWide<OuterTag<float> > pairs;
  const auto low01 = hn::BitCast(pairs, hn::InterleaveLower(d, r[0], r[1]));
  const auto low23 = hn::BitCast(pairs, hn::InterleaveLower(d, r[2], r[3]));
  const auto high01 = hn::BitCast(pairs, hn::InterleaveUpper(d, r[0], r[1]));
  const auto high23 = hn::BitCast(pairs, hn::InterleaveUpper(d, r[2], r[3]));
  r[0] = hn::BitCast(d, hn::InterleaveLower(pairs, low01, low23));
  r[1] = hn::BitCast(d, hn::InterleaveUpper(pairs, low01, low23));
  r[2] = hn::BitCast(d, hn::InterleaveLower(pairs, high01, high23));
  r[3] = hn::BitCast(d, hn::InterleaveUpper(pairs, high01, high23));
}

HWY_INLINE void turn(OuterVec<double> (&r)[2]) {
  const OuterTag<double> d;
  const auto low = hn::InterleaveLower(d, r[0], r[1]);
  r[1] = hn::InterleaveUpper(d, r[0], r[1]);
  r[0] = low;
}

// kLanes columns from `from` on of all lanes, to + column * step.
template <class T>
HWY_INLINE void turn_columns(const T* const (&lane)[kLanes<T>], Index from, T* to, Index step) {
  const OuterTag<T> d;
  constexpr Index kRows = kBlock<T>;
  if constexpr (kLanes<T> == 2 * kRows) {
    // Two lanes share each vector from the start: whole vectors come out.
    const hn::Half<OuterTag<T> > half;
#pragma GCC unroll 2
    for (Index x = 0; x < kLanes<T>; x += kRows) {
      OuterVec<T> r[kRows];
#pragma GCC unroll 4
      for (Index l = 0; l < kRows; ++l)
        r[l] = hn::Combine(d, hn::LoadU(half, lane[l + kRows] + from + x),
                           hn::LoadU(half, lane[l] + from + x));
      turn(r);
#pragma GCC unroll 4
      for (Index i = 0; i < kRows; ++i) hn::StoreU(r[i], d, to + (x + i) * step);
    }
  } else {
#pragma GCC unroll 4
    for (Index first = 0; first < kLanes<T>; first += kRows) {
      OuterVec<T> r[kRows];
#pragma GCC unroll 4
      for (Index l = 0; l < kRows; ++l) r[l] = hn::LoadU(d, lane[first + l] + from);
      turn(r);
#pragma GCC unroll 4
      for (Index i = 0; i < kRows; ++i) store_blocks(r[i], to + first + i * step, step);
    }
  }
}

// Whole vectors of columns, all lanes of each before the next: what is written comes to whole cache
// lines. The last vector ends with the row and may repeat columns.
template <class T>
void side_by_side(const LanesJob<T>& job) {
  constexpr Index kLine = 64 / static_cast<Index>(sizeof(T));
  const T* lane[kLanes<T>];
  bool vectors = job.step == 1 && job.columns >= kLanes<T>;
  for (Index l = 0; l < kLanes<T>; ++l) {
    lane[l] = job.lane[static_cast<std::size_t>(l)];
    vectors &= lane[l] != nullptr;
  }
  const Index columns = job.columns, step = job.to_step, ahead = job.ahead;
  for (Index y = 0; y < job.rows; ++y) {
    const Index from = job.offset + y * job.row_step;
    T* const row = job.to + y * job.to_row;
    if (!vectors) {
      for (Index l = 0; l < kLanes<T>; ++l)
        if (lane[l] != nullptr)
          for (Index i = 0; i < columns; ++i) row[i * step + l] = lane[l][from + i * job.step];
      continue;
    }
    for (Index x = 0; x < columns; x += kLanes<T>) {
      const Index begin = std::min(x, columns - kLanes<T>);
      turn_columns(lane, from + begin, row + begin * step, step);
      if (x % kLine != 0) continue;
#pragma GCC unroll 16
      for (Index l = 0; l < kLanes<T>; ++l) __builtin_prefetch(lane[l] + from + x + ahead);
    }
  }
}

template <class T>
void add(const T* sums, Index count, double* totals) {
  const OuterTag<T> d;
  for (Index i = 0; i < count; i += kLanes<T>) add_to(totals + i, hn::LoadU(d, sums + i));
}

template <class T>
const OuterOps<T>* outer_ops() {
  static const OuterOps<T> table{static_cast<int>(kLanes<T>),
                                 kOuterSums,
                                 &run_outer<T, Operands::kApart>,
                                 kMostPacked,
                                 kMostPackedFactors,
                                 &run_outer<T, Operands::kPacked>,
                                 &run_outer<T, Operands::kLanewise>,
                                 &side_by_side<T>,
                                 &add<T>};
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
