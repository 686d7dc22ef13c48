// One suite for every kernel: a table of shapes and random ones, compared bit by bit with the
// definition. A kernel's test calls check_canonical_kernel() and random_steps().
//
// Cases are steps, not problems: padded windows, sums continued from dst, channels cut anywhere.
#pragma once

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "tilewright/device/device.h"
#include "tilewright/layer/conv2d/conv2d.h"

namespace tilewright::conformance {

/// One step on data drawn from `seed`. Channels count inside a group; y and x are outputs.
struct Case {
  Index n = 1, groups = 1, ci = 1, co = 1, y = 1, x = 1, ky = 1, kx = 1;
  Index sy = 1, sx = 1, dy = 1, dx = 1;
  DType dtype = DType::kF32;
  bool bias = false;
  Index split = 0;          // source channels of the first step; the rest follows in a second
  Index pad = 0;            // source positions that do not exist, at the widest border
  bool special = false;     // NaN, infinities, signed zeros and denormals among the values
  bool integers = false;    // instead: small ones, whose sums are exact in any order
  bool magnitudes = false;  // the absolute values of what would be drawn
  int threads = 1;
  unsigned seed = 1;
};

inline std::ostream& operator<<(std::ostream& o, const Case& c) {
  return o << "n" << c.n << " g" << c.groups << " ci" << c.ci << " co" << c.co << " y" << c.y
           << " x" << c.x << " k" << c.ky << "x" << c.kx << " s" << c.sy << "x" << c.sx << " d"
           << c.dy << "x" << c.dx << " " << short_name(c.dtype) << (c.bias ? " bias" : "")
           << " split" << c.split << " pad" << c.pad << (c.special ? " special" : "")
           << (c.integers ? " integers" : "") << " threads" << c.threads << " seed" << c.seed;
}

/// Memory of a tensor whose rows, planes and surroundings are poisoned with NaN.
template <class T>
class PoisonedTensor {
 public:
  PoisonedTensor(const Shape& shape, Index row_gap, Index plane_gap) {
    const Index row = shape[kX] + row_gap, plane = shape[kY] * row + plane_gap;
    data_.assign(static_cast<std::size_t>(shape[kN] * shape[kC] * plane + 2 * kMargin),
                 std::numeric_limits<T>::quiet_NaN());
    view_ = {reinterpret_cast<std::byte*>(data_.data() + kMargin),
             dtype_of<T>(),
             shape,
             {shape[kC] * plane, plane, row, 1}};
  }
  const TensorView& view() const { return view_; }
  const std::vector<T>& memory() const { return data_; }
  template <class F>
  void fill(F&& value) {
    const Shape& s = view_.shape;
    for (Index n = 0; n < s[0]; ++n)
      for (Index c = 0; c < s[1]; ++c)
        for (Index y = 0; y < s[2]; ++y)
          for (Index x = 0; x < s[3]; ++x) *view_.template at<T>(n, c, y, x) = value();
  }

 private:
  static constexpr Index kMargin = 16;
  std::vector<T> data_;
  TensorView view_;
};

/// Equal bits, or both NaN; also between and around the rows, where nothing may be written.
template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!(std::isnan(a[i]) && std::isnan(b[i])) && std::memcmp(&a[i], &b[i], sizeof(T)) != 0)
      return false;
  return a.size() == b.size();
}

template <class T>
class Values {
 public:
  explicit Values(const Case& c) : case_(c), random_(c.seed) {}
  T operator()() {
    const T value = draw();
    return case_.magnitudes ? std::abs(value) : value;
  }

 private:
  T draw() {
    static constexpr T kSpecial[] = {T(0),
                                     T(-0.0),
                                     std::numeric_limits<T>::infinity(),
                                     -std::numeric_limits<T>::infinity(),
                                     std::numeric_limits<T>::quiet_NaN(),
                                     std::numeric_limits<T>::denorm_min(),
                                     std::numeric_limits<T>::max()};
    if (case_.integers) return static_cast<T>(random_() % 7) - 3;
    if (case_.special && random_() % 64 == 0) return kSpecial[random_() % std::size(kSpecial)];
    return std::uniform_real_distribution<T>(-1, 1)(random_);
  }

  Case case_;
  std::mt19937 random_;
};

/// Zero padding of a source: there for kernels that want it, poison for those that know where the
/// image ends.
template <class T>
void pad_source(const Case& c, const Kernel& kernel, const PoisonedTensor<T>& src, StepArgs& a) {
  if (c.pad == 0) return;
  const TensorView& v = src.view();
  const auto real = [](Index extent, Index before, Index after) {
    const Index begin = std::min(before, extent);
    return Interval{begin, std::max(begin, extent - after)};
  };
  const Interval y = real(v.shape[kY], c.pad, c.pad / 2), x = real(v.shape[kX], c.pad / 2, c.pad);
  const T outside = kernel.in_place ? std::numeric_limits<T>::quiet_NaN() : T(0);
  for (Index n = 0; n < v.shape[0]; ++n)
    for (Index ch = 0; ch < v.shape[1]; ++ch)
      for (Index i = 0; i < v.shape[2]; ++i)
        for (Index j = 0; j < v.shape[3]; ++j)
          if (!y.contains(i) || !x.contains(j)) *v.template at<T>(n, ch, i, j) = outside;
  if (kernel.in_place) a.real_y = y, a.real_x = x;
}

/// What a plan would reserve for steps of `inputs` and `outputs` channels, and nothing more.
class Workspace {
 public:
  Workspace(const Kernel& kernel, const Case& c, Index inputs, Index outputs) {
    Block step;
    for (const Axis a : kAxes) step[a] = {0, 1};
    step[Axis::kN] = {0, c.n}, step[Axis::kG] = {0, c.groups};
    step[Axis::kCi] = {0, inputs}, step[Axis::kCo] = {0, outputs};
    step[Axis::kY] = {0, c.y}, step[Axis::kX] = {0, c.x};
    step[Axis::kKy] = {0, c.ky}, step[Axis::kKx] = {0, c.kx};
    size_ = workspace_bytes(kernel, step, c.threads);
    bytes_.assign(static_cast<std::size_t>(size_ + 128), std::byte{255});
  }
  std::byte* aligned() {
    return reinterpret_cast<std::byte*>((reinterpret_cast<std::uintptr_t>(bytes_.data()) + 63) /
                                        64 * 64);
  }
  /// Whether nothing was written behind it.
  bool intact() {
    const std::byte* end = bytes_.data() + bytes_.size();
    return std::all_of(const_cast<const std::byte*>(aligned()) + size_, end,
                       [](std::byte b) { return b == std::byte{255}; });
  }

 private:
  Index size_ = 0;
  std::vector<std::byte> bytes_;
};

/// The sums of `c` by `kernel`, in one step or two.
template <class T>
std::vector<T> run_case(const Case& c, const Kernel& kernel) {
  const Index in_y = (c.y - 1) * c.sy + (c.ky - 1) * c.dy + 1;
  const Index in_x = (c.x - 1) * c.sx + (c.kx - 1) * c.dx + 1;
  const Shape src_shape{c.n, c.groups * c.ci, in_y, in_x};
  const Shape weights_shape{c.groups * c.co, c.ci, c.ky, c.kx};
  PoisonedTensor<T> src(src_shape, c.seed % 3, c.seed % 5), weights(weights_shape, 0, 0),
      bias({1, c.groups * c.co, 1, 1}, 0, 0),
      dst({c.n, c.groups * c.co, c.y, c.x}, c.seed % 4, c.seed % 7);
  Values<T> values(c);
  src.fill(values), weights.fill(values), bias.fill(values);
  Conv2dOptions options{{c.sy, c.sx}, {c.dy, c.dx}, {}, PaddingMode::kZero, c.groups, false};
  const auto layer = Conv2d::make(src_shape, weights_shape, c.bias, options);
  Workspace workspace(kernel, c, c.ci, c.co);
  StepArgs a;
  pad_source(c, kernel, src, a);
  // A chain of steps needs each group's channels apart, so only one group is cut.
  const Index split = c.groups == 1 ? std::min(c.split, c.ci - 1) : 0;
  for (const Interval part : {Interval{0, split}, Interval{split, c.ci}}) {
    if (part.empty()) continue;
    PoisonedTensor<T> taps({c.groups * c.co, part.size(), c.ky, c.kx}, 0, 0);
    const ConstTensorView slice =
        ConstTensorView(weights.view())
            .slice({{Interval{0, c.groups * c.co}, part, Interval{0, c.ky}, Interval{0, c.kx}}});
    Index i = 0;
    taps.fill([&] {
      const Index kx = i % c.kx, ky = i / c.kx % c.ky, ci = i / (c.kx * c.ky) % part.size();
      const Index co = i++ / (c.kx * c.ky * part.size());
      return *slice.at<T>(co, ci, ky, kx);
    });
    a.layer = layer.get();
    a.src = src.view();
    if (c.groups == 1)
      a.src = a.src.slice({{Interval{0, c.n}, part, Interval{0, in_y}, Interval{0, in_x}}});
    a.weights = taps.view();
    if (c.seed % 2 == 0 && kernel.pack != nullptr)
      a.packed = kernel.pack(taps.view(), c.groups, workspace.aligned(), c.threads);
    if (c.bias && part.end == c.ci) a.bias = bias.view();
    a.dst = dst.view();
    a.groups = c.groups;
    a.first = part.begin == 0;
    a.workspace = workspace.aligned();
    a.threads = c.threads;
    kernel.run(a);
  }
  EXPECT_TRUE(workspace.intact()) << kernel.name << " " << c;
  return dst.memory();
}

inline bool agrees(const Case& c, const Kernel& kernel) {
  const Kernel& definition = find_kernel("reference", "conv2d/definition");
  if (c.dtype == DType::kF64)
    return same_bits(run_case<double>(c, kernel), run_case<double>(c, definition));
  return same_bits(run_case<float>(c, kernel), run_case<float>(c, definition));
}

/// Shapes that have broken kernels before, or that take a path of their own.
inline std::vector<Case> table() {
  std::vector<Case> cases{
      {},
      {.ci = 3, .co = 64, .y = 20, .x = 33, .ky = 7, .kx = 7, .sy = 2, .sx = 2},
      {.ci = 64, .co = 64, .y = 7, .x = 7, .ky = 3, .kx = 3},
      {.ci = 130, .co = 67, .y = 6, .x = 70, .ky = 3, .kx = 3, .bias = true, .split = 51},
      {.ci = 256, .co = 256, .y = 5, .x = 16},
      {.ci = 50, .co = 7, .y = 40, .x = 90, .ky = 3, .kx = 3},  // partial sums of several parts
      {.ci = 100, .co = 5, .y = 45, .x = 47, .ky = 3, .kx = 3, .sy = 2, .sx = 2},
      {.ci = 40, .co = 5, .y = 30, .x = 90, .ky = 3, .kx = 3, .dy = 2, .dx = 2},
      {.n = 2, .groups = 16, .y = 30, .x = 31, .ky = 3, .kx = 3, .bias = true},
      {.groups = 3, .y = 32, .x = 40, .ky = 3, .kx = 3},  // whole tiles at all edges
      {.n = 2, .groups = 8, .ci = 2, .co = 3, .y = 9, .x = 31, .ky = 5, .kx = 3},
      {.y = 70, .x = 75, .ky = 31, .kx = 31},
      {.y = 3, .x = 9, .ky = 101, .kx = 203},
      {.co = 2, .y = 3, .x = 9, .ky = 2, .kx = 801, .sx = 3},
      {.co = 3, .y = 40, .x = 9, .ky = 33, .kx = 33, .sy = 2, .sx = 2, .dy = 3},
      {.y = 1, .x = 5000, .kx = 3},
      {.y = 5000, .x = 1, .ky = 3},
      {.ci = 5, .co = 7, .y = 600, .x = 3, .ky = 3, .kx = 3, .sy = 3, .dx = 2},
      {.ci = 2, .co = 2, .y = 9, .x = 40, .ky = 2, .kx = 2, .sy = 100, .sx = 100},
      {.ci = 2, .co = 2, .y = 9, .x = 40, .ky = 3, .kx = 3, .sx = 2, .dy = 50, .dx = 101},
      {.co = 3, .y = 300, .x = 310, .ky = 5, .kx = 5},
      {.ci = 9, .co = 9, .y = 100, .x = 105, .ky = 3, .kx = 3},
      {.n = 2, .ci = 2, .co = 8, .y = 9, .x = 40, .ky = 2, .kx = 19},
      {.ci = 6, .co = 6, .y = 9, .x = 75, .ky = 2, .kx = 11},
      {.ci = 6, .co = 12, .y = 9, .x = 75, .ky = 2, .kx = 13, .sx = 2},
      {.ci = 3, .co = 12, .y = 9, .x = 75, .ky = 2, .kx = 11, .sx = 2},
      {.groups = 2, .y = 40, .x = 70, .ky = 3, .kx = 3, .pad = 20},
      {.ci = 2, .co = 4, .y = 16, .ky = 2, .dy = 3, .seed = 3},  // one column of dense rows
  };
  const std::size_t count = cases.size();
  for (std::size_t i = 0; i < count; ++i)
    for (const int variant : {1, 2, 3}) {
      Case c = cases[i];
      c.seed = static_cast<unsigned>(i) + 10;
      c.threads = variant;
      c.dtype = variant == 2 ? DType::kF64 : DType::kF32;
      c.special = variant == 3;
      c.split = std::max(c.split, c.ci / variant);
      c.pad = std::max<Index>(c.pad, variant - 1);
      c.bias = c.bias || variant == 1;
      cases.push_back(c);
    }
  return cases;
}

/// Whether a kernel gives the bits of the definition on a case.
using Agrees = bool (*)(const Case&, const Kernel&);

inline void check_canonical_kernel(const Kernel& kernel, Agrees agree = &agrees) {
  ASSERT_EQ(kernel.order, Order::kCanonical);
  for (const Case& c : table()) EXPECT_TRUE(agree(c, kernel)) << kernel.name << " " << c;
}

inline rc::Gen<Case> any_case() {
  const auto size = rc::gen::inRange<Index>(1, 41);
  const auto taps = rc::gen::inRange<Index>(1, 8);
  const auto few = rc::gen::inRange<Index>(1, 5);
  const auto axis = rc::gen::inRange<Index>(1, 4);
  const auto flag = rc::gen::arbitrary<bool>();
  return rc::gen::exec([=] {
    Case c;
    c.n = *rc::gen::inRange<Index>(1, 3);
    c.groups = *rc::gen::oneOf(rc::gen::just<Index>(1), few);
    c.ci = *rc::gen::oneOf(few, size), c.co = *rc::gen::oneOf(few, size);
    c.y = *size, c.x = *size, c.ky = *taps, c.kx = *taps;
    c.sy = *few, c.sx = *few, c.dy = *axis, c.dx = *axis;
    c.dtype = *flag ? DType::kF32 : DType::kF64;
    c.bias = *flag, c.special = *flag;
    c.split = *rc::gen::inRange<Index>(0, c.ci);
    c.pad = *rc::gen::oneOf(rc::gen::just<Index>(0), few, size);
    c.threads = static_cast<int>(*axis);
    c.seed = *rc::gen::inRange(1u, 100000u);
    return c;
  });
}

/// Random steps; a failure prints its case.
inline void check_random_steps(const Kernel& kernel, Agrees agree = &agrees) {
  EXPECT_TRUE(rc::check(kernel.name, [&] {
    const Case c = *any_case();
    RC_LOG() << c;
    RC_ASSERT(agree(c, kernel));
  }));
}

}  // namespace tilewright::conformance
