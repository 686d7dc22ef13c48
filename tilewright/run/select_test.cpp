// Select against a naive padded picture: every mode, any window, whole tiles and fresh rows only.
#include "tilewright/run/select.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tilewright/run/test_stores.h"
#include "tilewright/tensor/tile.h"

namespace tilewright {
namespace {

using testing::Draw;

struct Case {
  Problem problem;
  Region window;
  PaddingMode mode;
};

Interval random_interval(Draw& d, Index low, Index high) {
  const Index a = d.in(low, high - 1), b = d.in(low, high - 1);
  return {std::min(a, b), std::max(a, b) + 1};
}

Case random_case(Draw& d) {
  const std::array<const char*, 4> modes{"zero", "reflect", "replicate", "circular"};
  const std::array<const char*, 4> types{"", " src:u8", " src:i16", " src:f32"};
  const Index y = d.in(1, 9), x = d.in(1, 9), py = d.in(0, 25), px = d.in(0, 25);
  const std::string mode = modes[static_cast<std::size_t>(d.in(0, 3))];
  std::string line = "conv2d n2 ci3 y" + std::to_string(y) + " x" + std::to_string(x) + " co1 p" +
                     std::to_string(py) + "," + std::to_string(py) + "," + std::to_string(px) +
                     "," + std::to_string(px) + " m:" + mode;
  line += types[static_cast<std::size_t>(d.in(0, 3))];
  if (d.chance(30)) line += " f64";
  Case c{parse_problem(line), {}, parse_padding_mode(mode)};
  c.window = {{random_interval(d, 0, 2), random_interval(d, 0, 3), random_interval(d, -py, y + py),
               random_interval(d, -px, x + px)}};
  return c;
}

// What the padded picture shows at (n, c, y, x).
double shown(const Case& c, const Tensor& src, Index n, Index ch, Index y, Index x) {
  const Shape& s = src.shape();
  const Index row = pad_index(c.mode, y, s[kY]), column = pad_index(c.mode, x, s[kX]);
  if (row < 0 || column < 0) return 0;
  return dispatch(src.dtype(), [&](auto type) {
    return static_cast<double>(*src.view().at<decltype(type)>(n, ch, row, column));
  });
}

// A tile with room to spare, all NaN.
class Tile {
 public:
  explicit Tile(const Case& c) {
    const DType type = c.problem.compute;
    const Shape shape = c.window.shape();
    Shape room = shape;
    room[kY] += 3;
    room[kX] += 5;
    bytes_.assign(static_cast<std::size_t>(tile_bytes(room, type)), std::byte{0xff});
    view = {bytes_.data(), type, shape, tile_strides(room, type)};
  }
  double at(Index n, Index c, Index y, Index x) const {
    if (view.dtype == DType::kF64) return *view.at<double>(n, c, y, x);
    return *view.at<float>(n, c, y, x);
  }
  void poison_rows(const Interval& rows) {
    for (Index n = 0; n < view.shape[0]; ++n)
      for (Index c = 0; c < view.shape[1]; ++c)
        for (Index y = rows.begin; y < rows.end; ++y)
          std::fill_n(view.data + view.offset(n, c, y, 0) * size_of(view.dtype),
                      view.shape[3] * size_of(view.dtype), std::byte{0xff});
  }
  TensorView view;

 private:
  std::vector<std::byte> bytes_;
};

void expect_shown(const Case& c, const Tensor& src, const Tile& tile) {
  const Shape s = c.window.shape();
  for (Index n = 0; n < s[0]; ++n)
    for (Index ch = 0; ch < s[1]; ++ch)
      for (Index y = 0; y < s[2]; ++y)
        for (Index x = 0; x < s[3]; ++x)
          ASSERT_EQ(tile.at(n, ch, y, x),
                    shown(c, src, n + c.window[kN].begin, ch + c.window[kC].begin,
                          y + c.window[kY].begin, x + c.window[kX].begin))
              << "n" << n << " c" << ch << " y" << y << " x" << x;
}

TEST(SelectWindow, ShowsThePaddedPicture) {
  Draw d(5);
  for (int i = 0; i < 3000; ++i) {
    const Case c = random_case(d);
    SCOPED_TRACE(c.problem.line() + ", window " + to_string(c.window));
    const Tensor src = testing::pattern(c.problem.spec(Operand::kSrc));
    MemoryStore store(src.view());
    Tile tile(c);

    select_window(store, *c.problem.layer, c.window, c.window[kY], tile.view);

    expect_shown(c, src, tile);
    if (HasFatalFailure()) return;
  }
}

TEST(SelectWindow, FillsFreshRowsBelowValidOnes) {
  Draw d(6);
  for (int i = 0; i < 3000; ++i) {
    const Case c = random_case(d);
    SCOPED_TRACE(c.problem.line() + ", window " + to_string(c.window));
    const Tensor src = testing::pattern(c.problem.spec(Operand::kSrc));
    MemoryStore store(src.view());
    Tile tile(c);
    select_window(store, *c.problem.layer, c.window, c.window[kY], tile.view);
    const Interval rows{d.in(0, c.window[kY].size()), c.window[kY].size()};
    tile.poison_rows(rows);

    select_window(store, *c.problem.layer, c.window, rows.shifted(c.window[kY].begin), tile.view);

    expect_shown(c, src, tile);
    if (HasFatalFailure()) return;
  }
}

TEST(SelectWindow, ReadsThePictureOnceAndPaddingFromTheTile) {
  for (const char* mode : {"zero", "reflect", "replicate"}) {
    const Problem p = parse_problem(std::string("conv2d y20 x30 ci2 co1 p5,5,5,5 m:") + mode);
    testing::SpyStore store(testing::pattern(p.spec(Operand::kSrc)));
    const Case c{p,
                 {{{Interval{0, 1}, Interval{0, 2}, Interval{-5, 25}, Interval{-5, 35}}}},
                 parse_padding_mode(mode)};
    Tile tile(c);

    const double bytes = select_window(store, *p.layer, c.window, c.window[kY], tile.view);

    EXPECT_EQ(bytes, 20 * 30 * 2 * 4) << mode;
    EXPECT_EQ(store.bytes, 20 * 30 * 2 * 4) << mode;
    EXPECT_EQ(store.calls, 1) << mode;
  }
}

TEST(SelectWeights, TapsAreReversedForTrueConvolution) {
  const Problem p = parse_problem("conv2d ci2 y9 x9 co2 k2x3 flip");
  testing::SpyStore store(testing::pattern(p.spec(Operand::kWeights)));
  Tensor block(DType::kF32, {1, 2, 1, 2});
  const Region region{{{Interval{1, 2}, Interval{0, 2}, Interval{0, 1}, Interval{1, 3}}}};

  const double bytes = select_weights(store, *p.layer, region, block.view());

  EXPECT_EQ(bytes, 16);
  const ConstTensorView w = store.view();
  for (Index ci = 0; ci < 2; ++ci)
    for (Index kx = 0; kx < 2; ++kx)
      EXPECT_EQ(*block.view().at<float>(0, ci, 0, kx), *w.at<float>(1, ci, 1, 2 - (kx + 1)));
}

}  // namespace
}  // namespace tilewright
