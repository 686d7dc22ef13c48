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

#include <hwy/highway.h>

#include "tilewright/device/cpu/kernels/conv2d_direct_ops.h"
#include "tilewright/device/cpu/kernels/conv2d_direct_tiles-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilewright::cpu::HWY_NAMESPACE {
#if HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128

/// Adds one source row into rows [A, B) of the tile; w[y] is the first weight of row y.
template <int A, int B, int R, int V, class T>
HWY_INLINE void add_row(const T* HWY_RESTRICT src, const T* HWY_RESTRICT w, Index w_row_step,
                        Index taps, Index dilation, hn::Vec<Tag<T>> (&sum)[R][V]) {
  const Tag<T> d;
  for (Index kx = 0; kx < taps; ++kx, src += dilation, ++w) {
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
    if (a == A && b == B) return add_row<A, B>(src, w, job.kx, job.kx, job.dilation_x, sum);
    if (b < B) return add_row_clipped<R, V, T, A, B - 1>(a, b, src, w, job, sum);
    return add_row_clipped<R, V, T, A + 1, B>(a, b, src, w, job, sum);
  }
}

template <bool Whole, int R, int V, class T>
HWY_INLINE void load_rows(const T* dst, Index step, const Spot& lanes,
                          hn::Vec<Tag<T>> (&sum)[R][V]) {
#pragma GCC unroll 16
  for (int y = 0; y < R; ++y)
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v)
      sum[y][v] = load_lanes<Whole>(dst + y * step + v * kLanes<T>, 1, lanes);
}

template <bool Whole, int R, int V, class T>
HWY_INLINE void store_rows(T* dst, Index step, const Spot& lanes,
                           const hn::Vec<Tag<T>> (&sum)[R][V]) {
#pragma GCC unroll 16
  for (int y = 0; y < R; ++y)
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v)
      store_lanes<Whole>(sum[y][v], dst + y * step + v * kLanes<T>, 1, lanes);
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
    const T* w = job.weights + ci * job.ky * job.kx;
    for (Index r = 0; r < job.ky + R - 1; ++r, src += src_step, w += job.kx) {
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

/// One block of R rows, all columns.
template <int R, class T>
void row_block(const RowsJob<T>& job, Index y0) {
  constexpr int kVectors = kSums / R < 3 ? kSums / R : 3;
  constexpr Index kWide = kVectors * kLanes<T>;
  Index x = 0;
  for (; x + kWide <= job.columns; x += kWide) row_tile<true, R, kVectors>(job, y0, x, 0);
  for (; x + kLanes<T> <= job.columns; x += kLanes<T>) row_tile<true, R, 1>(job, y0, x, 0);
  if (x == job.columns) return;
  const Index last = job.columns - kLanes<T>;
  row_tile<false, R, 1>(job, y0, last, static_cast<int>(x - last));
}

template <class T>
void rows(const RowsJob<T>& job) {
  constexpr Index kRows = 4;
  const Index d = job.dilation_y;
  for (Index phase = 0; phase < std::min(d, job.rows); ++phase) {
    // Output rows phase, phase + d, … share their source rows.
    const Index count = (job.rows - phase + d - 1) / d;
    Index i = 0;
    for (; i + kRows <= count; i += kRows) row_block<kRows>(job, phase + i * d);
    for (; i < count; ++i) row_block<1>(job, phase + i * d);
  }
}

#endif
}  // namespace tilewright::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
