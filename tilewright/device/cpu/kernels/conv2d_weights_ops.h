// What conv2d_weights asks of the vector unit, compiled once per target: sums of outer products,
// and the transposition that puts channels side by side.
#pragma once

#include <array>

#include "tilewright/base/checked.h"

namespace tilewright::cpu {

/// sum[f][v][lane] = sum over rows, then columns, of factor[f] * vector[v][lane], one fused
/// multiply-add each, where operand p of result (row, column) lies at
/// p[row * .._row + column * .._step].
template <class T>
struct OuterJob {
  static constexpr int kMaxVectors = 12;
  static constexpr int kMaxFactors = 12;
  const T* vector[kMaxVectors] = {};
  const T* factor[kMaxFactors] = {};
  Index vector_row = 0, vector_step = 0, factor_row = 0, factor_step = 0;
  Index rows = 0, columns = 0;
  /// Sums [f][v][lane] start from `from` (null: +0); then they go to `sums`, or are added to
  /// `totals`.
  const T* from = nullptr;
  T* sums = nullptr;
  double* totals = nullptr;
  /// Memory to come is asked for while rows pass by: `next_rows` rows, next_row apart, of
  /// `next_columns` elements from next[i] on, for i < next_count.
  std::array<const T*, kMaxFactors> next{};
  int next_count = 0;
  Index next_rows = 0, next_row = 0, next_columns = 0;
};

/// to[row * to_row + column * to_step + l] = lane[l][offset + row * row_step + column * step] for
/// all lanes but those that are null, whose places are left as they are.
template <class T>
struct LanesJob {
  static constexpr int kMaxLanes = 64 / sizeof(T);
  std::array<const T*, kMaxLanes> lane{};
  Index offset = 0, row_step = 0, step = 1;
  Index rows = 1, columns = 0;
  T* to = nullptr;
  Index to_row = 0, to_step = 0;
  Index ahead = 0;  // memory so many elements after what is read is asked for
};

/// Numbers of vectors that run() takes.
inline constexpr std::array<int, 7> kOuterVectors{1, 2, 3, 4, 6, 9, 12};
/// Factors that run() takes if they have lanes.
inline constexpr int kMostLanewise = 4;

template <class T>
struct OuterOps {
  int lanes = 0;
  int max_sums = 0;  // vectors * factors
  /// One number per factor, which all lanes share. `vectors` is one of kOuterVectors; `factors` <=
  /// kMaxFactors.
  void (*run)(const OuterJob<T>& job, int vectors, int factors) = nullptr;
  /// The same for vectors that lie side by side, result after result, from vector[0] on: `vectors`
  /// <= max_packed, `factors` <= max_packed_factors.
  int max_packed = 0, max_packed_factors = 0;
  void (*run_packed)(const OuterJob<T>& job, int vectors, int factors) = nullptr;
  /// Factors that are vectors themselves, at most kMostLanewise.
  void (*run_lanewise)(const OuterJob<T>& job, int vectors, int factors) = nullptr;
  void (*side_by_side)(const LanesJob<T>& job) = nullptr;
  /// totals[i] += sums[i] for i < count, a multiple of `lanes`.
  void (*add)(const T* sums, Index count, double* totals) = nullptr;
};

/// The operations of the best target of this machine, or null if it has no fused multiply-add.
const OuterOps<float>* outer_ops_f32();
const OuterOps<double>* outer_ops_f64();

}  // namespace tilewright::cpu
