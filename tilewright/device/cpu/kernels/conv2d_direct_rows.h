// Blocks of a single output channel with stride 1, where output rows instead of channels share each
// source vector. Padded sources are copied strip by strip, with their zeros; others are read where
// they lie.
#pragma once

#include <span>

#include "tilewright/device/cpu/kernels/conv2d_direct_block.h"

namespace tilewright::cpu {

template <class T>
class RowsRunner {
 public:
  /// `workspace` holds kDirectWindowBytes.
  RowsRunner(const DirectStep<T>& step, const DirectOps<T>& ops, std::byte* workspace);
  /// Whether blocks of this step can be run.
  static bool takes(const DirectStep<T>& step, const DirectOps<T>& ops);
  void run(const OutputBlock& block) const;

 private:
  /// Outputs of one window; `pitch` elements between its rows.
  struct Strip {
    Index rows = 0, columns = 0, pitch = 0;
  };
  static Strip widest(const DirectStep<T>& step, const DirectOps<T>& ops);
  void run_strip(const Interval& row, const Interval& lane, RowsJob<T> job, const T* src) const;
  void copy_window(const Interval& row, const Interval& lane, const T* channel) const;
  RowsJob<T> job_of(const OutputBlock& block) const;

  const DirectStep<T>& step_;
  const DirectOps<T>& ops_;
  T* window_;
  Strip strip_;
};

extern template class RowsRunner<float>;
extern template class RowsRunner<double>;

}  // namespace tilewright::cpu
