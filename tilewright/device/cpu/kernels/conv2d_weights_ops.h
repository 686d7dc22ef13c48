// What conv2d_weights asks of the vector unit, compiled once per target: sums of outer products.
#pragma once

#include "tilewright/base/checked.h"

namespace tilewright::cpu {

/// sums[f][v][lane] = sum over rows, then columns, of factor[f] * vector[v][lane], one fused
/// multiply-add each from +0, where operand p of result (row, column) lies at
/// p[row * .._row + column * .._step].
template <class T>
struct OuterJob {
  static constexpr int kMaxVectors = 8;
  static constexpr int kMaxFactors = 12;
  const T* vector[kMaxVectors] = {};
  const T* factor[kMaxFactors] = {};
  Index vector_row = 0, vector_step = 0, factor_row = 0, factor_step = 0;
  Index rows = 0, columns = 0;
  T* sums = nullptr;  // vectors * factors * lanes
};

template <class T>
struct OuterOps {
  int lanes = 0;
  int max_sums = 0;     // vectors * factors
  int max_factors = 0;  // at most OuterJob::kMaxFactors
  /// `vectors` is 1, 2, 4 or 8; vectors * factors <= max_sums.
  void (*run)(const OuterJob<T>& job, int vectors, int factors) = nullptr;
};

/// The operations of the best target of this machine, or null if it has no fused multiply-add.
const OuterOps<float>* outer_ops_f32();
const OuterOps<double>* outer_ops_f64();

}  // namespace tilewright::cpu
