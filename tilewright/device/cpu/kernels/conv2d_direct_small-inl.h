// Several output rows of one channel by a small window of neighbouring taps: all weights stay in
// registers, and so do the sums of a tile; included once per target.
//
// Vectors of the source that lie inside the image go through a loop without a branch; those that
// reach over its edges are loaded under a mask, and rows outside of it are zeros.
#if defined(TILEWRIGHT_CONV2D_DIRECT_SMALL) == defined(HWY_TARGET_TOGGLE)
#ifdef TILEWRIGHT_CONV2D_DIRECT_SMALL
#undef TILEWRIGHT_CONV2D_DIRECT_SMALL
#else
#define TILEWRIGHT_CONV2D_DIRECT_SMALL
#endif

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cstdlib>

#include "tilewright/device/cpu/kernels/conv2d_direct_ops.h"
#include "tilewright/device/cpu/kernels/conv2d_direct_tiles-inl.h"
#include "tilewright/device/cpu/simd_masks-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilewright::cpu::HWY_NAMESPACE {
#if HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128

/// Compilers would rather load a source vector again for each row than keep it.
template <class V>
HWY_INLINE void keep_loaded([[maybe_unused]] V& v) {
#if HWY_ARCH_X86
  asm volatile("" : "+v"(v.raw));
#endif
}

/// Tiles below for which memory is asked early.
inline constexpr int kBlocksAhead = 2;

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

/// K x K weights of one channel.
template <int K, class T>
HWY_INLINE void load_factors(const RowsJob<T>& job, hn::Vec<Tag<T>> (&factor)[K][K]) {
  const Tag<T> d;
#pragma GCC unroll 16
  for (int i = 0; i < K; ++i)
#pragma GCC unroll 16
    for (int j = 0; j < K; ++j)
      factor[i][j] = hn::Set(d, job.weights[i * job.weights_row + j * job.weights_step]);
}

/// Source row r through the taps of column kx, into all output rows that it reaches.
template <int K, int R, int V, class Vec>
HWY_INLINE void add_small(int r, int kx, Vec (&s)[V], const Vec (&factor)[K][K], Vec (&sum)[R][V]) {
#pragma GCC unroll 16
  for (int v = 0; v < V; ++v) keep_loaded(s[v]);
#pragma GCC unroll 16
  for (int y = std::max(0, r - K + 1); y < std::min(R, r + 1); ++y)
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v) sum[y][v] = hn::MulAdd(factor[r - y][kx], s[v], sum[y][v]);
}

template <int R, int V, class T>
HWY_INLINE void add_bias(const T* bias, hn::Vec<Tag<T>> (&sum)[R][V]) {
  if (bias == nullptr) return;
  const auto b = hn::Set(Tag<T>(), *bias);
#pragma GCC unroll 16
  for (int y = 0; y < R; ++y)
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v) sum[y][v] = hn::Add(sum[y][v], b);
}

/// What the results of a step are. Plain: sums from +0, without a bias.
enum class Small { kPlain, kOther };

/// Lanes of vectors that begin at column `x` of the source, and Step columns further for each entry
/// of `lanes`, that lie inside the image.
template <int Step, int K, class T>
HWY_INLINE void real_lanes(const RowsJob<T>& job, Index x, hn::Mask<Tag<T>> (&lanes)[K]) {
  const Tag<T> d;
  const hn::RebindToSigned<Tag<T>> i;
  using Lane = hn::TFromD<decltype(i)>;
  constexpr Index kBeyond = kLanes<T> + K;
  const auto bound = [&](Index at) {
    return static_cast<Lane>(std::clamp(at - x, -kBeyond, kBeyond));
  };
  const auto before = hn::Set(i, static_cast<Lane>(bound(job.real_x.begin) - 1));
  const auto end = hn::Set(i, bound(job.real_x.end));
#pragma GCC unroll 16
  for (int j = 0; j < K; ++j) {
    const auto at = hn::Iota(i, static_cast<Lane>(j * Step));
    lanes[j] = hn::RebindMask(d, hn::And(hn::Gt(at, before), hn::Lt(at, end)));
  }
}

/// The source row of a block that does not exist, if any.
enum class Missing { kNone, kFirst, kLast };

/// R rows from y0 on; tiles of V vectors that begin at columns `begin` up to before `end`. All
/// source exists of those inside `inside`, of others what real_x contains; of several vectors only
/// the first and the last may reach over the edges of the image. Mirrored: taps go down in memory.
template <Small S, bool Mirrored, Missing M, int K, int R, int V, class T>
HWY_NOINLINE void small_run(const RowsJob<T>& job, Index y0, Index begin, Index end,
                            const Interval& inside) {
  const Tag<T> d;
  constexpr Index kWide = V * kLanes<T>;
  constexpr Index kLine = 64 / static_cast<Index>(sizeof(T));
  constexpr int kTiles = kWide < kLine ? 2 : 1, kStep = Mirrored ? -1 : 1;
  const Spot all{0, 0, 0, kLanes<T>};
  hn::Vec<Tag<T>> factor[K][K];
  load_factors(job, factor);
  const T* src[K + R - 1];
  T* dst[R];
#pragma GCC unroll 16
  for (int r = 0; r < K + R - 1; ++r) src[r] = job.src + (y0 + r) * job.src_row_stride;
#pragma GCC unroll 16
  for (int y = 0; y < R; ++y) dst[y] = job.dst + (y0 + y) * job.dst_row_stride;
  const Index dst_step = job.dst_row_stride;
  const auto tile = [&](Index x, auto load) HWY_ATTR {
    hn::Vec<Tag<T>> sum[R][V];
    if (S != Small::kOther || job.first) {
#pragma GCC unroll 16
      for (int y = 0; y < R; ++y)
#pragma GCC unroll 16
        for (int v = 0; v < V; ++v) sum[y][v] = hn::Zero(d);
    } else {
      load_rows<true>(dst[0] + x, dst_step, all, sum);
    }
#pragma GCC unroll 16
    for (int r = 0; r < K + R - 1; ++r) {
      const bool missing =
          (M == Missing::kFirst && r == 0) || (M == Missing::kLast && r == K + R - 2);
#pragma GCC unroll 16
      for (int kx = 0; kx < K; ++kx) {
        hn::Vec<Tag<T>> s[V];
#pragma GCC unroll 16
        for (int v = 0; v < V; ++v)
          s[v] = missing ? hn::Zero(d) : load(src[r] + x + kx * kStep + v * kLanes<T>, kx, v);
        add_small(r, kx, s, factor, sum);
      }
    }
    if (S == Small::kOther) add_bias(job.bias, sum);
#pragma GCC unroll 16
    for (int y = 0; y < R; ++y)
#pragma GCC unroll 16
      for (int v = 0; v < V; ++v) hn::StoreU(sum[y][v], d, dst[y] + x + v * kLanes<T>);
  };
  const auto whole = [&](Index x) HWY_ATTR {
    tile(x, [&](const T* p, int, int) HWY_ATTR { return hn::LoadU(d, p); });
  };
  const auto edge = [&](Index x) HWY_ATTR {
    hn::Mask<Tag<T>> left[K], right[K];
    real_lanes<kStep>(job, x, left);
    if constexpr (V > 1) real_lanes<kStep>(job, x + (V - 1) * kLanes<T>, right);
    tile(x, [&](const T* p, int kx, int v) HWY_ATTR {
      if (v == 0) return hn::MaskedLoad(left[kx], d, p);
      if (v == V - 1) return hn::MaskedLoad(right[kx], d, p);
      return hn::LoadU(d, p);
    });
  };
  Index x = begin;
  for (; x < std::min(end, inside.begin); x += kWide) edge(x);
  for (const Index stop = std::min(end, inside.end); x < stop;) {
#pragma GCC unroll 16
    for (int r = K - 1; r < K + R - 1; ++r)
#pragma GCC unroll 16
      for (Index line = 0; line < kWide; line += kLine)
        __builtin_prefetch(src[r] + x + job.ahead + line);
    whole(x);
    x += kWide;
    if (kTiles == 1 || x >= stop) continue;
    whole(x);
    x += kWide;
  }
  for (; x < end; x += kWide) edge(x);
}

/// One tile anywhere. Of several vectors only the first and the last may reach over the edges of
/// the image. Unless Whole, lanes of the only vector before `skip` belong to a neighbour.
template <bool Whole, int K, int R, int V, class T>
HWY_NOINLINE void small_padded(const RowsJob<T>& job, Index y0, Index x, int skip) {
  const Tag<T> d;
  const Spot lanes{0, 0, skip, kLanes<T>};
  const Index dst_step = job.dst_row_stride, dx = job.dilation_x;
  hn::Vec<Tag<T>> factor[K][K], sum[R][V];
  load_factors(job, factor);
  T* const dst = job.dst + y0 * dst_step + x;
  if (job.first) {
#pragma GCC unroll 16
    for (int y = 0; y < R; ++y)
#pragma GCC unroll 16
      for (int v = 0; v < V; ++v) sum[y][v] = hn::Zero(d);
  } else {
    load_rows<Whole>(dst, dst_step, lanes, sum);
  }
  const T* src = job.src + y0 * job.src_row_stride + x;
  hn::Mask<Tag<T>> left[K], right[K];
  if constexpr (kMasksMemory) {
    dx < 0 ? real_lanes<-1>(job, x, left) : real_lanes<1>(job, x, left);
    const Index last = x + (V - 1) * kLanes<T>;
    dx < 0 ? real_lanes<-1>(job, last, right) : real_lanes<1>(job, last, right);
  }
#pragma GCC unroll 16
  for (int r = 0; r < K + R - 1; ++r, src += job.src_row_stride) {
    const bool real = job.real_y.contains(y0 + r);
#pragma GCC unroll 16
    for (int kx = 0; kx < K; ++kx) {
      hn::Vec<Tag<T>> s[V];
#pragma GCC unroll 16
      for (int v = 0; v < V; ++v) {
        const T* from = src + kx * dx + v * kLanes<T>;
        if (!real)
          s[v] = hn::Zero(d);
        else if (kMasksMemory && (v == 0 || v == V - 1))
          s[v] = hn::MaskedLoad(v == 0 ? left[kx] : right[kx], d, from);
        else
          s[v] = hn::LoadU(d, from);
      }
      add_small(r, kx, s, factor, sum);
    }
  }
  add_bias(job.bias, sum);
  store_rows<Whole>(dst, dst_step, lanes, sum);
}

/// Where tiles of `wide` columns may begin whose source columns all exist.
template <int K, class T>
Interval inside_columns(const RowsJob<T>& job, Index wide) {
  if (!kMasksMemory) return {0, job.columns};
  const Index first = job.dilation_x < 0 ? K - 1 : 0;
  return {job.real_x.begin + first, job.real_x.end - wide - K + 2 + first};
}

/// R rows, from column `x` on, as many whole tiles of V vectors as there are; returns their end.
template <Small S, bool Mirrored, int K, int R, int V, class T>
Index small_tiles(const RowsJob<T>& job, Index y0, Index x) {
  constexpr Index kWide = V * kLanes<T>;
  const Index end = x + (job.columns - x) / kWide * kWide;
  if (x == end) return end;
  if constexpr (V > 2 && kMasksMemory) {
    // Only the first and the last vector of a tile are masked.
    constexpr Index kFirst = Mirrored ? K - 1 : 0, kOne = kLanes<T>;
    if (!job.real_x.contains(Interval{x + kOne - kFirst, end - kOne + K - 1 - kFirst})) return x;
  }
  const Interval inside = inside_columns<K>(job, kWide), rows{y0, y0 + K + R - 1};
  const auto exist = [&](Index first, Index last) {
    return !kMasksMemory || job.real_y.contains(Interval{rows.begin + first, rows.end - last});
  };
  const auto run = [&]<Missing M>() {
    small_run<S, Mirrored, M, K, R, V>(job, y0, x, end, inside);
  };
  if (exist(0, 0)) {
    run.template operator()<Missing::kNone>();
    return end;
  }
  if constexpr (S == Small::kPlain && kMasksMemory) {  // others would double the code for less
    if (exist(1, 0) || exist(0, 1)) {
      exist(1, 0) ? run.template operator()<Missing::kFirst>()
                  : run.template operator()<Missing::kLast>();
      return end;
    }
  }
  for (; x < end; x += kWide) small_padded<true, K, R, V>(job, y0, x, 0);
  return end;
}

/// R rows, all columns.
template <Small S, bool Mirrored, int K, int R, class T>
void small_block(const RowsJob<T>& job, Index y0) {
  Index x = 0;
  if constexpr (kSums >= 24) {
    x = small_tiles<S, Mirrored, K, R, 4>(job, y0, x);
    x = small_tiles<S, Mirrored, K, R, 2>(job, y0, x);
  }
  x = small_tiles<S, Mirrored, K, R, 1>(job, y0, x);
  if (x == job.columns) return;
  const Index last = job.columns - kLanes<T>;
  small_padded<false, K, R, 1>(job, y0, last, static_cast<int>(x - last));
}

template <int K, int R, class T>
void small_block(const RowsJob<T>& job, Index y0) {
  const bool plain = job.first && job.bias == nullptr;
  const auto run = [&]<bool Mirrored>() {
    if constexpr (R > 1) {
      if (plain) return small_block<Small::kPlain, Mirrored, K, R>(job, y0);
    }
    small_block<Small::kOther, Mirrored, K, R>(job, y0);
  };
  job.dilation_x < 0 ? run.template operator()<true>() : run.template operator()<false>();
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

#endif
}  // namespace tilewright::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
