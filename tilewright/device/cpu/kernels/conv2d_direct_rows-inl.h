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
#include "tilewright/device/cpu/kernels/conv2d_direct_tiles-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilewright::cpu::HWY_NAMESPACE {
#if HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128

/// Compilers would rather load a source vector again for each row than keep it.
template <class V>
HWY_INLINE void keep_loaded(V& v) {
#if HWY_ARCH_X86
  asm volatile("" : "+v"(v.raw));
#endif
}

/// Tiles below for which memory is asked early.
inline constexpr int kBlocksAhead = 2;

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

/// Whether the source of a small_tile lies inside the image.
enum class Edge { kInside, kPadded };

/// Lanes of a vector that begins at column `x` of the source and lie inside the image.
template <class T>
HWY_INLINE auto real_lanes(const RowsJob<T>& job, Index x) {
  const Tag<T> d;
  const auto first = [d](Index n) {
    return hn::FirstN(d, static_cast<std::size_t>(std::clamp<Index>(n, 0, kLanes<T>)));
  };
  return hn::AndNot(first(job.real_x.begin - x), first(job.real_x.end - x));
}

/// The same for one channel and K x K neighbouring taps, whose weights stay in registers. Of
/// several vectors only the first and the last may reach over the edges of the image.
template <bool Whole, Edge E, int K, int R, int V, class T>
HWY_NOINLINE void small_tile(const RowsJob<T>& job, Index y0, Index x, int skip) {
  const Tag<T> d;
  const Spot lanes{0, 0, skip, kLanes<T>};
  const Index src_step = job.src_row_stride, dst_step = job.dst_row_stride, dx = job.dilation_x;
  hn::Vec<Tag<T>> factor[K][K], sum[R][V];
#pragma GCC unroll 16
  for (int i = 0; i < K; ++i)
#pragma GCC unroll 16
    for (int j = 0; j < K; ++j)
      factor[i][j] = hn::Set(d, job.weights[i * job.weights_row + j * job.weights_step]);
  T* const dst = job.dst + y0 * dst_step + x;
  if (job.first) {
#pragma GCC unroll 16
    for (int y = 0; y < R; ++y)
#pragma GCC unroll 16
      for (int v = 0; v < V; ++v) sum[y][v] = hn::Zero(d);
  } else {
    load_rows<Whole>(dst, dst_step, lanes, sum);
  }
  const T* src = job.src + y0 * src_step + x;
  hn::Mask<Tag<T>> left[K], right[K];
  if constexpr (E == Edge::kPadded)
#pragma GCC unroll 16
    for (int j = 0; j < K; ++j) {
      left[j] = real_lanes(job, x + j * dx);
      right[j] = real_lanes(job, x + j * dx + (V - 1) * kLanes<T>);
    }
#pragma GCC unroll 16
  for (int r = 0; r < K + R - 1; ++r, src += src_step) {
    const bool real = E == Edge::kInside || job.real_y.contains(y0 + r);
    if (r + 1 >= K)
#pragma GCC unroll 16
      for (int v = 0; v < V; ++v) __builtin_prefetch(src + job.ahead + v * kLanes<T>);
#pragma GCC unroll 16
    for (int kx = 0; kx < K; ++kx) {
      hn::Vec<Tag<T>> s[V];
#pragma GCC unroll 16
      for (int v = 0; v < V; ++v) {
        const T* from = src + kx * dx + v * kLanes<T>;
        if (E == Edge::kInside)
          s[v] = hn::LoadU(d, from);
        else if (!real)
          s[v] = hn::Zero(d);
        else if (v == 0 || v == V - 1)
          s[v] = hn::MaskedLoad(v == 0 ? left[kx] : right[kx], d, from);
        else
          s[v] = hn::LoadU(d, from);
        keep_loaded(s[v]);
      }
#pragma GCC unroll 16
      for (int y = std::max(0, r - K + 1); y < std::min(R, r + 1); ++y)
#pragma GCC unroll 16
        for (int v = 0; v < V; ++v) sum[y][v] = hn::MulAdd(factor[r - y][kx], s[v], sum[y][v]);
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

template <bool Whole, int K, int R, int V, class T>
HWY_INLINE void small_tile_anywhere(const RowsJob<T>& job, Index y0, Index x, int skip) {
#if !HWY_MEM_OPS_MIGHT_FAULT
  const Interval reach = job.dilation_x > 0 ? Interval{x, x + V * kLanes<T> + K - 1}
                                            : Interval{x - K + 1, x + V * kLanes<T>};
  if (!job.real_x.contains(reach) || !job.real_y.contains(Interval{y0, y0 + R + K - 1}))
    return small_tile<Whole, Edge::kPadded, K, R, V>(job, y0, x, skip);
#endif
  small_tile<Whole, Edge::kInside, K, R, V>(job, y0, x, skip);
}

/// R rows, all columns.
template <int K, int R, class T>
void small_block(const RowsJob<T>& job, Index y0) {
  constexpr int kVectors = kSums >= 24 ? 4 : 2;
  Index x = 0;
  for (; x + kVectors * kLanes<T> <= job.columns; x += kVectors * kLanes<T>)
    small_tile_anywhere<true, K, R, kVectors>(job, y0, x, 0);
  if (x + 2 * kLanes<T> <= job.columns) {
    small_tile_anywhere<true, K, R, 2>(job, y0, x, 0);
    x += 2 * kLanes<T>;
  }
  if (x + kLanes<T> <= job.columns) {
    small_tile_anywhere<true, K, R, 1>(job, y0, x, 0);
    x += kLanes<T>;
  }
  if (x == job.columns) return;
  const Index last = job.columns - kLanes<T>;
  small_tile_anywhere<false, K, R, 1>(job, y0, last, static_cast<int>(x - last));
}

/// The same past the caches, in long runs. Loads wait for stores on their way to memory that lie at
/// the same place of a page, as those of the tile to the left do where src and dst are alike.
template <int K, int R, class T>
void streamed_block(const RowsJob<T>& job, Index y0) {
  constexpr Index kWaiting = 2048 / sizeof(T);  // columns that stay in the first cache
  const Tag<T> d;
  HWY_ALIGN T waiting[R * kWaiting];
  for (Index x = 0; x < job.columns;) {
    const Index left = job.columns - x;
    // A rest narrower than a vector would not do.
    const Index wide = left <= kWaiting              ? left
                       : left < kWaiting + kLanes<T> ? kWaiting - kLanes<T>
                                                     : kWaiting;
    RowsJob<T> part = job;
    part.src += y0 * job.src_row_stride + x;
    part.real_y = job.real_y.shifted(-y0), part.real_x = job.real_x.shifted(-x);
    part.dst = waiting, part.dst_row_stride = kWaiting;
    part.columns = wide;
    small_block<K, R>(part, 0);
    for (int y = 0; y < R; ++y) {
      const T* const from = waiting + y * kWaiting;
      T* const to = job.dst + (y0 + y) * job.dst_row_stride + x;
      Index i = 0;
      for (; i + kLanes<T> <= wide; i += kLanes<T>) hn::Stream(hn::Load(d, from + i), d, to + i);
      std::copy(from + i, from + wide, to + i);
    }
    x += wide;
  }
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
  return !HWY_MEM_OPS_MIGHT_FAULT && small(job);
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
  if (job.next == 0 || step < 0 || beyond < 0) return kBlocksAhead * R * std::abs(step);
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
