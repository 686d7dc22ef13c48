// Real blocks are transformed along y first, 16 columns as real and the next 16 as imaginary parts
// of one complex transform; what they give is told apart afterwards. The rows of frequency 0 and
// ny/2, which are real, go on as one complex row. Along x lanes are rows, so tiles are turned in
// between. Every lane goes through the same operations in the same order, whatever the target.
//
// A spectrum holds, for 16 rows at a time and every x in the order that the stages leave, real
// parts and imaginary parts. The first lane of all shares two spectra: frequency y 0 at x and
// frequency ny/2 at nx - x; a last group holds their frequencies nx/2.
#include "tilewright/device/cpu/kernels/conv2d_fft_ops.h"

#include <algorithm>

#include "tilewright/device/cpu/kernels/conv2d_fft_tables.h"
#include "tilewright/device/cpu/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tilewright/device/cpu/kernels/conv2d_fft_ops.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tilewright::cpu::HWY_NAMESPACE {

#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128

const FftOps* fft_target_ops() { return nullptr; }

#else

namespace hn = hwy::HWY_NAMESPACE;
using Tag = hn::CappedTag<float, kFftGroup>;
using Vec = hn::Vec<Tag>;
constexpr Index kLanes = static_cast<Index>(hn::MaxLanes(Tag()));
// Floats from one complex group to the next.
constexpr Index kStep = 2 * kFftGroup;
constexpr float kRootHalf = 0.70710678118654752f;

// Four elements to their four sums; odd ones are turned by -i.
HWY_INLINE void sums(Vec (&re)[4], Vec (&im)[4]) {
  const Vec a_re = hn::Add(re[0], re[2]), a_im = hn::Add(im[0], im[2]);
  const Vec b_re = hn::Sub(re[0], re[2]), b_im = hn::Sub(im[0], im[2]);
  const Vec c_re = hn::Add(re[1], re[3]), c_im = hn::Add(im[1], im[3]);
  const Vec d_re = hn::Sub(re[1], re[3]), d_im = hn::Sub(im[1], im[3]);
  re[0] = hn::Add(a_re, c_re), im[0] = hn::Add(a_im, c_im);
  re[1] = hn::Add(b_re, d_im), im[1] = hn::Sub(b_im, d_re);
  re[2] = hn::Sub(a_re, c_re), im[2] = hn::Sub(a_im, c_im);
  re[3] = hn::Sub(b_re, d_im), im[3] = hn::Add(b_im, d_re);
}

HWY_INLINE void sums(Vec (&re)[8], Vec (&im)[8]) {
  const Tag t;
  Vec even_re[4], even_im[4], odd_re[4], odd_im[4];
#pragma GCC unroll 4
  for (int q = 0; q < 4; ++q) {
    even_re[q] = hn::Add(re[q], re[q + 4]), even_im[q] = hn::Add(im[q], im[q + 4]);
    odd_re[q] = hn::Sub(re[q], re[q + 4]), odd_im[q] = hn::Sub(im[q], im[q + 4]);
  }
  const Vec half = hn::Set(t, kRootHalf);
  const Vec p = hn::Mul(half, hn::Add(odd_re[1], odd_im[1]));
  odd_im[1] = hn::Mul(half, hn::Sub(odd_im[1], odd_re[1]));
  odd_re[1] = p;
  const Vec q = odd_re[2];
  odd_re[2] = odd_im[2];
  odd_im[2] = hn::Neg(q);
  const Vec r = hn::Mul(half, hn::Sub(odd_im[3], odd_re[3]));
  odd_im[3] = hn::Neg(hn::Mul(half, hn::Add(odd_im[3], odd_re[3])));
  odd_re[3] = r;
  sums(even_re, even_im);
  sums(odd_re, odd_im);
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    re[2 * i] = even_re[i], im[2 * i] = even_im[i];
    re[2 * i + 1] = odd_re[i], im[2 * i + 1] = odd_im[i];
  }
}

template <int kRadix>
HWY_INLINE void turn(Vec (&re)[kRadix], Vec (&im)[kRadix], const float* factors) {
  const Tag t;
#pragma GCC unroll 8
  for (int q = 1; q < kRadix; ++q) {
    const Vec c = hn::Set(t, factors[2 * q - 2]), s = hn::Set(t, factors[2 * q - 1]);
    const Vec x = re[q];
    re[q] = hn::NegMulAdd(im[q], s, hn::Mul(x, c));
    im[q] = hn::MulAdd(x, s, hn::Mul(im[q], c));
  }
}

// One stage on complex groups from `v` on, whose imaginary parts lie `imaginary` behind the real
// ones: sums and turns. With kBack the turns come first, as the inverse needs it.
template <int kRadix, bool kBack>
void stage(float* v, Index imaginary, Index length, const FftTable::Stage& s) {
  const Tag t;
  const Index apart = s.run / kRadix, step = apart * kStep;
  for (Index j = 0; j < apart; ++j) {
    const float* const factors = s.factors.data() + j * 2 * (kRadix - 1);
    for (Index begin = j; begin < length; begin += s.run) {
      float* const at = v + begin * kStep;
      Vec re[kRadix], im[kRadix];
#pragma GCC unroll 8
      for (int q = 0; q < kRadix; ++q) {
        re[q] = hn::Load(t, at + q * step);
        im[q] = hn::Load(t, at + q * step + imaginary);
      }
      if (kBack && j > 0) turn<kRadix>(re, im, factors);
      sums(re, im);
      if (!kBack && j > 0) turn<kRadix>(re, im, factors);
#pragma GCC unroll 8
      for (int q = 0; q < kRadix; ++q) {
        hn::Store(re[q], t, at + q * step);
        hn::Store(im[q], t, at + q * step + imaginary);
      }
    }
  }
}

// In place, to the order of table.position.
void forward(float* v, const FftTable& table) {
  for (const FftTable::Stage& s : table.stages)
    (s.radix == 8 ? stage<8, false> : stage<4, false>)(v, kFftGroup, table.length, s);
}

// Back, without division: the same on real and imaginary parts exchanged.
void inverse(float* v, const FftTable& table) {
  for (auto s = table.stages.rbegin(); s != table.stages.rend(); ++s)
    (s->radix == 8 ? stage<8, true> : stage<4, true>)(v + kFftGroup, -kFftGroup, table.length, *s);
}

// kLanes vectors as a matrix, transposed: bit after bit of the lane changes place with that of the
// vector.
HWY_INLINE void transpose(Vec (&v)[kLanes]) {
  const Tag t;
#pragma GCC unroll 4
  for (Index bit = 1; bit < kLanes; bit *= 2)
#pragma GCC unroll 16
    for (Index i = 0; i < kLanes; ++i)
      if ((i & bit) == 0) {
        const Vec a = v[i], b = v[i + bit];
        v[i] = hn::ConcatEven(t, b, a);
        v[i + bit] = hn::ConcatOdd(t, b, a);
      }
}

HWY_INLINE void transpose_tile(const float* from, Index from_step, float* to, Index to_step) {
  const Tag t;
  Vec v[kLanes];
#pragma GCC unroll 16
  for (Index i = 0; i < kLanes; ++i) v[i] = hn::Load(t, from + i * from_step);
  transpose(v);
#pragma GCC unroll 16
  for (Index i = 0; i < kLanes; ++i) hn::Store(v[i], t, to + i * to_step);
}

/// Rows of half a transform: real parts of all, then imaginary parts. An odd number of cache lines
/// apart.
struct Rows {
  Rows(const FftBlock& b, float* at)
      : pitch(b.nx + kFftGroup), re(at), im(at + b.ny / 2 * pitch), next(im + b.ny / 2 * pitch) {}
  Index pitch;
  float *re, *im, *next;
};

// Columns [at, at + lanes) of a row of the source.
HWY_INLINE Vec load_row(const FftSource& job, const float* row, Index at) {
  const Tag t;
  const Interval some = intersect(job.x, {at, at + kLanes});
  if (some.size() == kLanes && job.column == 1) return hn::LoadU(t, row + at);
  HWY_ALIGN float lanes[kLanes] = {};
  for (Index x = some.begin; x < some.end; ++x) lanes[x - at] = row[x * job.column];
  return hn::Load(t, lanes);
}

// The columns [x, x + lanes) and [x + 16, x + 16 + lanes) of the source to rows of frequencies,
// twice as large as they should be.
void source_columns(const FftSource& job, const FftTable& table, Index x, const Rows& rows) {
  const Tag t;
  float* const v = rows.next;
  const Index ny = job.block.ny;
  for (Index y = 0; y < ny; ++y) {
    Vec re = hn::Zero(t), im = hn::Zero(t);
    if (job.y.contains(y)) {
      const float* const row = job.src + y * job.row;
      re = load_row(job, row, x), im = load_row(job, row, x + kFftGroup);
    }
    hn::Store(re, t, v + y * kStep);
    hn::Store(im, t, v + y * kStep + kFftGroup);
  }
  forward(v, table);
  const auto split = [&](Index k, float* first_re, float* first_im) {
    const float* const z = v + table.position[static_cast<std::size_t>(k)] * kStep;
    const float* const w = v + table.position[static_cast<std::size_t>((ny - k) % ny)] * kStep;
    const Vec z_re = hn::Load(t, z), z_im = hn::Load(t, z + kFftGroup);
    const Vec w_re = hn::Load(t, w), w_im = hn::Load(t, w + kFftGroup);
    hn::Store(hn::Add(z_re, w_re), t, first_re);
    hn::Store(hn::Add(z_im, w_im), t, first_re + kFftGroup);
    if (first_im == nullptr) return;
    hn::Store(hn::Sub(z_im, w_im), t, first_im);
    hn::Store(hn::Sub(w_re, z_re), t, first_im + kFftGroup);
  };
  split(0, rows.re + x, nullptr);
  split(ny / 2, rows.im + x, nullptr);
  for (Index k = 1; k < ny / 2; ++k)
    split(k, rows.re + k * rows.pitch + x, rows.im + k * rows.pitch + x);
}

// The two real rows that share the first lane, told apart, and put together again.
void split_first_lane(float* v, float* last, const FftTable& table) {
  const auto at = [&](Index k) { return v + table.position[static_cast<std::size_t>(k)] * kStep; };
  std::fill(last, last + kStep, 0.0f);
  float* const middle = at(table.length / 2);
  last[0] = middle[0], last[1] = middle[kFftGroup];
  middle[0] = v[kFftGroup], middle[kFftGroup] = 0;
  v[kFftGroup] = 0;
  for (Index k = 1; k < table.length / 2; ++k) {
    float *const z = at(k), *const w = at(table.length - k);
    const float z_re = z[0], z_im = z[kFftGroup], w_re = w[0], w_im = w[kFftGroup];
    z[0] = 0.5f * (z_re + w_re), z[kFftGroup] = 0.5f * (z_im - w_im);
    w[0] = 0.5f * (z_im + w_im), w[kFftGroup] = 0.5f * (w_re - z_re);
  }
}

void join_first_lane(float* v, const float* last, const FftTable& table) {
  const auto at = [&](Index k) { return v + table.position[static_cast<std::size_t>(k)] * kStep; };
  float* const middle = at(table.length / 2);
  v[kFftGroup] = middle[0];
  middle[0] = last[0], middle[kFftGroup] = last[1];
  for (Index k = 1; k < table.length / 2; ++k) {
    float *const z = at(k), *const w = at(table.length - k);
    const float a_re = z[0], a_im = z[kFftGroup], b_re = w[0], b_im = w[kFftGroup];
    z[0] = a_re - b_im, z[kFftGroup] = a_im + b_re;
    w[0] = a_re + b_im, w[kFftGroup] = b_re - a_im;
  }
}

void conjugate(const FftSource& job, Index size) {
  const Tag t;
  // Both spectra of a product are twice as large as they should be.
  const float scale = 0.25f / static_cast<float>(job.block.ny * job.block.nx);
  const Vec re = hn::Set(t, scale), im = hn::Set(t, -scale);
  for (Index i = 0; i < size; i += kStep)
    for (Index l = 0; l < kFftGroup; l += kLanes) {
      float* const at = job.dst + i + l;
      hn::Store(hn::Mul(re, hn::Load(t, at)), t, at);
      hn::Store(hn::Mul(im, hn::Load(t, at + kFftGroup)), t, at + kFftGroup);
    }
}

Index spectrum(const FftBlock& b) { return b.ny * b.nx + kStep; }

Index scratch(const FftBlock& b) { return b.ny * (b.nx + kFftGroup) + b.ny * kStep; }

void source(const FftSource& job) {
  const FftTable& down = fft_table(job.block.ny);
  const FftTable& across = fft_table(job.block.nx);
  const Rows rows(job.block, job.scratch);
  const Index nx = job.block.nx;
  const Index used = std::min(nx, (job.x.end + kStep - 1) / kStep * kStep);
  for (Index x = 0; x < used; x += kStep)
    for (Index l = 0; l < kFftGroup; l += kLanes) source_columns(job, down, x + l, rows);
  for (Index group = 0; group < job.block.ny / 2; group += kFftGroup) {
    float* const v = job.dst + group * nx * 2;
    for (Index l = 0; l < kFftGroup; l += kLanes) {
      const Index row = (group + l) * rows.pitch;
      for (Index x = 0; x < used; x += kLanes) {
        transpose_tile(rows.re + row + x, rows.pitch, v + x * kStep + l, kStep);
        transpose_tile(rows.im + row + x, rows.pitch, v + x * kStep + kFftGroup + l, kStep);
      }
    }
    std::fill(v + used * kStep, v + nx * kStep, 0.0f);
    for (Index l = 0; l < kFftGroup; l += kLanes) forward(v + l, across);
    if (group == 0) split_first_lane(v, job.dst + job.block.ny * nx, across);
  }
  if (job.conjugate) conjugate(job, spectrum(job.block));
}

HWY_INLINE void put(const Vec value, const FftResult& job, Index y, Index x) {
  const Tag t;
  const Index count = std::min(kLanes, job.width - x);
  if (count <= 0) return;
  float* const to = job.dst + y * job.row + x;
  if (count == kLanes) {
    Vec v = value;
    if (!job.first) v = hn::Add(hn::LoadU(t, to), v);
    if (job.bias != nullptr) v = hn::Add(v, hn::Set(t, *job.bias));
    hn::StoreU(v, t, to);
    return;
  }
  HWY_ALIGN float lanes[kLanes];
  hn::Store(value, t, lanes);
  for (Index i = 0; i < count; ++i) {
    float v = lanes[i];
    if (!job.first) v = to[i] + v;
    to[i] = job.bias != nullptr ? v + *job.bias : v;
  }
}

// source_columns, back.
void result_columns(const FftResult& job, const FftTable& table, Index x, const Rows& rows) {
  const Tag t;
  float* const v = rows.next;
  const Index ny = job.block.ny;
  const auto at = [&](Index k) { return v + table.position[static_cast<std::size_t>(k)] * kStep; };
  const auto join_real = [&](Index k, const float* from) {
    hn::Store(hn::Load(t, from), t, at(k));
    hn::Store(hn::Load(t, from + kFftGroup), t, at(k) + kFftGroup);
  };
  join_real(0, rows.re + x);
  join_real(ny / 2, rows.im + x);
  for (Index k = 1; k < ny / 2; ++k) {
    const float* const re = rows.re + k * rows.pitch + x;
    const float* const im = rows.im + k * rows.pitch + x;
    const Vec a_re = hn::Load(t, re), b_re = hn::Load(t, re + kFftGroup);
    const Vec a_im = hn::Load(t, im), b_im = hn::Load(t, im + kFftGroup);
    float *const z = at(k), *const w = at(ny - k);
    hn::Store(hn::Sub(a_re, b_im), t, z);
    hn::Store(hn::Add(a_im, b_re), t, z + kFftGroup);
    hn::Store(hn::Add(a_re, b_im), t, w);
    hn::Store(hn::Sub(b_re, a_im), t, w + kFftGroup);
  }
  inverse(v, table);
  for (Index y = 0; y < job.height; ++y) {
    put(hn::Load(t, v + y * kStep), job, y, x);
    put(hn::Load(t, v + y * kStep + kFftGroup), job, y, x + kFftGroup);
  }
}

void result(const FftResult& job) {
  const FftTable& down = fft_table(job.block.ny);
  const FftTable& across = fft_table(job.block.nx);
  const Rows rows(job.block, job.scratch);
  const Index nx = job.block.nx;
  const Index used = std::min(nx, (job.width + kStep - 1) / kStep * kStep);
  for (Index group = 0; group < job.block.ny / 2; group += kFftGroup) {
    float* const v = job.src + group * nx * 2;
    if (group == 0) join_first_lane(v, job.src + job.block.ny * nx, across);
    for (Index l = 0; l < kFftGroup; l += kLanes) {
      inverse(v + l, across);
      const Index row = (group + l) * rows.pitch;
      for (Index x = 0; x < used; x += kLanes) {
        transpose_tile(v + x * kStep + l, kStep, rows.re + row + x, rows.pitch);
        transpose_tile(v + x * kStep + kFftGroup + l, kStep, rows.im + row + x, rows.pitch);
      }
    }
  }
  for (Index x = 0; x < used; x += kStep)
    for (Index l = 0; l < kFftGroup; l += kLanes) result_columns(job, down, x + l, rows);
}

// kOutputs outputs share the loads of the source.
template <int kOutputs>
void some_products(const FftProducts& job, Index first) {
  const Tag t;
  const float* const weights = job.weights + first * job.weights_output;
  float* const dst = job.dst + first * job.dst_step;
  for (Index group = 0; group < job.size; group += kStep)
    for (Index at = group; at < group + kFftGroup; at += kLanes) {
      Vec re[kOutputs], im[kOutputs];
#pragma GCC unroll 4
      for (int c = 0; c < kOutputs; ++c) re[c] = im[c] = hn::Zero(t);
      for (Index k = 0; k < job.depth; ++k) {
        const float* const s = job.source + k * job.source_step + at;
        const Vec s_re = hn::Load(t, s), s_im = hn::Load(t, s + kFftGroup);
#pragma GCC unroll 4
        for (int c = 0; c < kOutputs; ++c) {
          const float* const w = weights + c * job.weights_output + k * job.weights_step + at;
          const Vec w_re = hn::Load(t, w), w_im = hn::Load(t, w + kFftGroup);
          re[c] = hn::NegMulAdd(s_im, w_im, hn::MulAdd(s_re, w_re, re[c]));
          im[c] = hn::MulAdd(s_im, w_re, hn::MulAdd(s_re, w_im, im[c]));
        }
      }
#pragma GCC unroll 4
      for (int c = 0; c < kOutputs; ++c) {
        hn::Store(re[c], t, dst + c * job.dst_step + at);
        hn::Store(im[c], t, dst + c * job.dst_step + at + kFftGroup);
      }
    }
}

void products(const FftProducts& job) {
  Index c = 0;
  for (; c + 4 <= job.outputs; c += 4) some_products<4>(job, c);
  for (; c + 2 <= job.outputs; c += 2) some_products<2>(job, c);
  for (; c < job.outputs; ++c) some_products<1>(job, c);
}

const FftOps* fft_target_ops() {
  static const FftOps table{&spectrum, &scratch, &source, &result, &products};
  return &table;
}

#endif

}  // namespace tilewright::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tilewright::cpu {

HWY_EXPORT(fft_target_ops);

const FftOps* fft_ops() { return HWY_DYNAMIC_DISPATCH(fft_target_ops)(); }

}  // namespace tilewright::cpu
#endif
