// Matrix products of OpenBLAS for either type, on the calling thread alone.
#pragma once

#include <cblas.h>

#include <mutex>

#include "tilewright/base/checked.h"

namespace tilewright::cpu {

/// While one lives, OpenBLAS starts no threads of its own: steps are dealt out by
/// parallel_ranges(), so that no sum depends on the number of threads. The setting belongs to the
/// process; the last one to go restores what the first one found.
class BlasOnThisThread {
 public:
  BlasOnThisThread() {
    const std::lock_guard lock(mutex_);
    if (users_++ > 0) return;
    before_ = openblas_get_num_threads();
    openblas_set_num_threads(1);
  }
  ~BlasOnThisThread() {
    const std::lock_guard lock(mutex_);
    if (--users_ == 0) openblas_set_num_threads(before_);
  }
  BlasOnThisThread(const BlasOnThisThread&) = delete;
  BlasOnThisThread& operator=(const BlasOnThisThread&) = delete;

 private:
  static inline std::mutex mutex_;
  static inline int users_ = 0, before_ = 1;
};

/// A matrix by rows, `step` elements apart.
template <class T>
struct Matrix {
  T* data = nullptr;
  Index step = 0;
};

/// result [rows, columns] = a [rows, depth] b [depth, columns] (+ result, if `add`); with
/// `b_turned`, b is [columns, depth].
template <class T>
void multiply(Index rows, Index columns, Index depth, Matrix<const T> a, Matrix<const T> b,
              bool b_turned, bool add, Matrix<T> result) {
  const auto whole = [](Index i) { return static_cast<blasint>(i); };
  const auto gemm = [&](auto function) {
    function(CblasRowMajor, CblasNoTrans, b_turned ? CblasTrans : CblasNoTrans, whole(rows),
             whole(columns), whole(depth), T(1), a.data, whole(a.step), b.data, whole(b.step),
             T(add), result.data, whole(result.step));
  };
  if constexpr (std::is_same_v<T, float>)
    gemm(&cblas_sgemm);
  else
    gemm(&cblas_dgemm);
}

}  // namespace tilewright::cpu
