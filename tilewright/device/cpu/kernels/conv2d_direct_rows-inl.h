// Several output rows of one channel at once; included once per target.
//
// A source vector is loaded once and added into every output row of the tile that it reaches, so
// big kernels on one channel are bound by arithmetic, not by loads. Each output still meets its
// taps with ky, then kx ascending, because source rows come in ascending order.
#if defined(TILEWRIGHT_CONV2D_DIRECT_ROWS) == defined(HWY_TARGET_TOGGLE)
#ifdef TILEWRIGHT_CONV2D_DIRECT_ROWS
#undef TILEWRIGHT_CONV2D_DIRECT_ROWS
#else
#define TILEWRIGHT_CONV2D_DIRECT_ROWS
#endif

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <cstdlib>

#include "tilewright/device/cpu/kernels/conv2d_direct_ops.h"
#include "tilewright/device/cpu/kernels/conv2d_direct_small-inl.h"
#include "tilewright/device/cpu/kernels/conv2d_direct_tiles-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilewright::cpu::HWY_NAMESPACE {
#if HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128

/// Adds one source row into rows [A, B) of the tile; w[y] is the first weight of row y.
template <int A, int B, int R, int V, class T>
HWY_INLINE void add_row(const T* HWY_RESTRICT src, const T* HWY_RESTRICT w, const RowsJob<T>& job,
                        hn::Vec<Tag<T>> (&sum)[R][V]) {
  const Tag<T> d;
  const Index dilation = job.dilation_x, w_step = job.weights_step, w_row_step = job.weights_row;
  for (Index kx = 0; kx < job.kx; ++kx, src += dilation, w += w_step) {
    hn::Vec<Tag<T>> x[V];
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v) x[v] = hn::LoadU(d, src + v * kLanes<T>);
#pragma GCC unroll 16
    for (int y = A; y < B; ++y) {
      const auto factor = hn::Set(d, w[-y * w_row_step]);
#pragma GCC unroll 16
      for (int v = 0; v < V; ++v) sum[y][v] = hn::MulAdd(factor, x[v], sum[y][v]);
    }
  }
}

/// Source row r reaches output row y with tap ky = r - y if 0 <= ky < KY.
template <int R, int V, class T, int A = 0, int B = R>
HWY_INLINE void add_row_clipped(int a, int b, const T* src, const T* w, const RowsJob<T>& job,
                                hn::Vec<Tag<T>> (&sum)[R][V]) {
  if constexpr (A < B) {
    if (a == A && b == B) return add_row<A, B>(src, w, job, sum);
    if (b < B) return add_row_clipped<R, V, T, A, B - 1>(a, b, src, w, job, sum);
    return add_row_clipped<R, V, T, A + 1, B>(a, b, src, w, job, sum);
  }
}

/// Rows y0, y0 + dilation_y, … of the tile; V vectors from column x on. Unless Whole, lanes of the
/// only vector before `skip` belong to a neighbour.
template <bool Whole, int R, int V, class T>
HWY_NOINLINE void row_tile(const RowsJob<T>& job, Index y0, Index x, int skip) {
  const Tag<T> d;
  const Spot lanes{0, 0, skip, kLanes<T>};
  hn::Vec<Tag<T>> sum[R][V];
  T* const dst = job.dst + y0 * job.dst_row_stride + x;
  const Index dst_step = job.dilation_y * job.dst_row_stride;
  if (job.first) {
#pragma GCC unroll 16
    for (int y = 0; y < R; ++y)
#pragma GCC unroll 16
      for (int v = 0; v < V; ++v) sum[y][v] = hn::Zero(d);
  } else {
    load_rows<Whole>(dst, dst_step, lanes, sum);
  }
  const Index src_step = job.dilation_y * job.src_row_stride;
  for (Index ci = 0; ci < job.ci; ++ci) {
    const T* src = job.src + ci * job.src_channel_stride + y0 * job.src_row_stride + x;
    const T* w = job.weights + ci * job.weights_channel;
    for (Index r = 0; r < job.ky + R - 1; ++r, src += src_step, w += job.weights_row) {
      if (r + 1 >= job.ky)
#pragma GCC unroll 16
        for (int v = 0; v < V; ++v)
          __builtin_prefetch(src + kBlocksAhead * R * std::abs(src_step) + v * kLanes<T>);
      const int a = static_cast<int>(std::max<Index>(0, r - job.ky + 1));
      const int b = static_cast<int>(std::min<Index>(R, r + 1));
      add_row_clipped<R, V, T>(a, b, src, w, job, sum);
    }
  }
  if (job.bias != nullptr) {
    const auto bias = hn::Set(d, *job.bias);
#pragma GCC unroll 16
    for (int y = 0; y < R; ++y)
#pragma GCC unroll 16
      for (int v = 0; v < V; ++v) sum[y][v] = hn::Add(sum[y][v], bias);
  }
  store_rows<Whole>(dst, dst_step, lanes, sum);
}

/// Steps that small_block takes.
template <class T>
bool small(const RowsJob<T>& job) {
  return job.ci == 1 && job.ky == 3 && job.kx == 3 && job.dilation_y == 1 &&
         std::abs(job.dilation_x) == 1;
}

/// Whether rows() makes the zeros outside real_y and real_x.
template <class T>
bool rows_pad(const RowsJob<T>& job) {
  return kMasksMemory && small(job);
}

/// One block of R rows, all columns.
template <int R, class T>
void row_block(const RowsJob<T>& job, Index y0) {
  if (small(job)) return job.stream ? streamed_block<3, R>(job, y0) : small_block<3, R>(job, y0);
  constexpr int kVectors = kSums / R < 3 ? kSums / R : 3;
  constexpr Index kWide = kVectors * kLanes<T>;
  Index x = 0;
  for (; x + kWide <= job.columns; x += kWide) row_tile<true, R, kVectors>(job, y0, x, 0);
  for (; x + kLanes<T> <= job.columns; x += kLanes<T>) row_tile<true, R, 1>(job, y0, x, 0);
  if (x == job.columns) return;
  const Index last = job.columns - kLanes<T>;
  row_tile<false, R, 1>(job, y0, last, static_cast<int>(x - last));
}

/// How far from block `b` of R rows, of `blocks`, the source lies that is asked for early: blocks
/// below, then those that the job names as next.
template <int R, class T>
Index ahead(const RowsJob<T>& job, Index b, Index blocks) {
  const Index step = job.src_row_stride, beyond = b + kBlocksAhead - blocks;
  // Rows that go down share what they read with the block above them.
  if (step < 0) return (kBlocksAhead * R + job.ky - 1) * -step;
  if (job.next == 0 || beyond < 0) return kBlocksAhead * R * step;
  return job.next + ((beyond - b) * R - (job.ky - 1)) * step;
}

template <class T>
void rows(const RowsJob<T>& whole) {
  constexpr Index kRows = 4;
  constexpr auto kBytes = static_cast<std::uintptr_t>(kLanes<T>) * sizeof(T);
  RowsJob<T> job = whole;
  job.stream = job.stream && job.first && reinterpret_cast<std::uintptr_t>(job.dst) % kBytes == 0 &&
               job.dst_row_stride % kLanes<T> == 0;
  const Index d = job.dilation_y;
  for (Index phase = 0; phase < std::min(d, job.rows); ++phase) {
    // Output rows phase, phase + d, … share their source rows.
    const Index count = (job.rows - phase + d - 1) / d;
    const Index blocks = count / kRows;
    const auto block = [&](Index b) {
      job.ahead = ahead<kRows>(job, b, blocks);
      row_block<kRows>(job, phase + b * kRows * d);
    };
    // Blocks go up in memory, whichever way their rows do.
    if (job.src_row_stride > 0)
      for (Index b = 0; b < blocks; ++b) block(b);
    job.ahead = kBlocksAhead * std::abs(job.src_row_stride);
    for (Index i = blocks * kRows; i < count; ++i) row_block<1>(job, phase + i * d);
    if (job.src_row_stride <= 0)
      for (Index b = blocks; b-- > 0;) block(b);
  }
  if (job.stream) hwy::FlushStream();
}

#endif
}  // namespace tilewright::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
