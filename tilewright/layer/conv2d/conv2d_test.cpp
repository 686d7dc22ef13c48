#include "tilewright/layer/conv2d/conv2d.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace tilewright {
namespace {

Conv2dOptions options_with(const Padding& padding) {
  Conv2dOptions o;
  o.padding = padding;
  return o;
}

std::string refusal(const Shape& src, const Shape& weights, const Conv2dOptions& options) {
  try {
    Conv2d::make(src, weights, false, options);
  } catch (const InvalidArgument& e) {
    return e.what();
  }
  return "accepted";
}

void expect_refusal(const std::string& part, const Shape& src, const Shape& weights,
                    const Conv2dOptions& options = {}) {
  const std::string message = refusal(src, weights, options);
  EXPECT_NE(message.find(part), std::string::npos) << message;
}

TEST(Conv2d, ShapesByHand) {
  Conv2dOptions o;
  o.stride = {2, 1};
  o.dilation = {1, 2};
  o.padding = Padding::sides(1, 0, 2, 3);
  o.groups = 2;
  const Shape src{3, 4, 9, 10};
  const auto layer = Conv2d::make(src, {6, 2, 3, 2}, true, o);

  EXPECT_EQ(layer->shape(Operand::kSrc, src), src);
  EXPECT_EQ(layer->shape(Operand::kWeights, src), (Shape{6, 2, 3, 2}));
  EXPECT_EQ(layer->shape(Operand::kBias, src), (Shape{1, 6, 1, 1}));
  EXPECT_EQ(layer->shape(Operand::kDst, src), (Shape{3, 6, 4, 13}));
  const Extents e = layer->extents(src);
  EXPECT_EQ(e.values, (std::array<Index, 8>{3, 2, 3, 2, 4, 13, 3, 2}));
  EXPECT_EQ(layer->words(), "co6 k3x2 s2x1 d1x2 p1,0,2,3 g2 bias");
  EXPECT_EQ(layer->flop(whole(e)), 2.0 * 3 * 2 * 3 * 2 * 4 * 13 * 3 * 2);
}

TEST(Conv2d, WithoutBiasTheOperandIsEmpty) {
  const auto layer = Conv2d::make({1, 1, 5, 5}, {1, 1, 3, 3}, false, {});

  EXPECT_EQ(layer->shape(Operand::kBias, {1, 1, 5, 5}), (Shape{0, 0, 0, 0}));
}

TEST(Conv2d, RolesFollowTheTable) {
  const auto layer = Conv2d::make({1, 1, 5, 5}, {1, 1, 3, 3}, false, {});

  for (const Axis a : {Axis::kN, Axis::kG, Axis::kCo})
    EXPECT_EQ(layer->role(a), Role::kIndependent) << to_string(a);
  for (const Axis a : {Axis::kY, Axis::kX}) EXPECT_EQ(layer->role(a), Role::kHalo) << to_string(a);
  for (const Axis a : {Axis::kCi, Axis::kKy, Axis::kKx})
    EXPECT_EQ(layer->role(a), Role::kReduce) << to_string(a);
}

TEST(Conv2d, RegionsOfABlockInsideOneGroup) {
  const Shape src{1, 8, 20, 20};
  Conv2dOptions o = options_with(Padding::sides(1, 1, 1, 1));
  o.groups = 2;
  const auto layer = Conv2d::make(src, {6, 4, 3, 3}, true, o);
  Block b = whole(layer->extents(src));
  b[Axis::kG] = {1, 2};
  b[Axis::kCo] = {0, 2};
  b[Axis::kCi] = {2, 4};
  b[Axis::kY] = {0, 5};
  b[Axis::kX] = {10, 20};
  b[Axis::kKy] = {1, 3};

  EXPECT_EQ(layer->region(Operand::kSrc, b), (Region{{{{0, 1}, {6, 8}, {0, 6}, {9, 21}}}}));
  EXPECT_EQ(layer->region(Operand::kWeights, b), (Region{{{{3, 5}, {2, 4}, {1, 3}, {0, 3}}}}));
  EXPECT_EQ(layer->region(Operand::kBias, b), (Region{{{{0, 1}, {3, 5}, {0, 1}, {0, 1}}}}));
  EXPECT_EQ(layer->region(Operand::kDst, b), (Region{{{{0, 1}, {3, 5}, {0, 5}, {10, 20}}}}));
}

TEST(Conv2d, RegionsOfABlockOfWholeGroups) {
  const Shape src{1, 9, 4, 4};
  Conv2dOptions o;
  o.groups = 9;
  const auto layer = Conv2d::make(src, {18, 1, 1, 1}, false, o);
  Block b = whole(layer->extents(src));
  b[Axis::kG] = {2, 5};

  EXPECT_EQ(layer->region(Operand::kSrc, b)[kC], (Interval{2, 5}));
  EXPECT_EQ(layer->region(Operand::kDst, b)[kC], (Interval{4, 10}));
  EXPECT_EQ(layer->region(Operand::kWeights, b)[0], (Interval{4, 10}));
}

// TensorFlow's rule: total = max((ceil(in/stride) - 1)*stride + span - in, 0), the extra element
// after the image.
TEST(Conv2d, SamePaddingByHand) {
  const auto pads = [](Index in, Index taps, Index stride, Index dilation) {
    Conv2dOptions o = options_with(Padding::same());
    o.stride = {stride, 1};
    o.dilation = {dilation, 1};
    const auto layer = Conv2d::make({1, 1, in, 1}, {1, 1, taps, 1}, false, o);
    return std::pair{layer->window(kY).pad_begin, layer->window(kY).pad_end};
  };

  EXPECT_EQ(pads(5, 3, 1, 1), (std::pair<Index, Index>{1, 1}));
  EXPECT_EQ(pads(5, 2, 1, 1), (std::pair<Index, Index>{0, 1}));
  EXPECT_EQ(pads(6, 3, 2, 1), (std::pair<Index, Index>{0, 1}));
  EXPECT_EQ(pads(7, 3, 2, 1), (std::pair<Index, Index>{1, 1}));
  EXPECT_EQ(pads(224, 7, 2, 1), (std::pair<Index, Index>{2, 3}));
  EXPECT_EQ(pads(5, 3, 1, 2), (std::pair<Index, Index>{2, 2}));
  EXPECT_EQ(pads(10, 1, 3, 1), (std::pair<Index, Index>{0, 0}));
  EXPECT_EQ(pads(1, 31, 1, 1), (std::pair<Index, Index>{15, 15}));
}

TEST(Conv2d, BadShapesAreRefusedWithTheirValues) {
  const Shape src{1, 4, 8, 8}, weights{2, 4, 3, 3};
  expect_refusal("0 source", {1, 0, 8, 8}, {2, 0, 3, 3});
  expect_refusal("1x4x0x8", {1, 4, 0, 8}, weights);
  expect_refusal("0x4x8x8", {0, 4, 8, 8}, weights);
  expect_refusal("-1x4x8x8", {-1, 4, 8, 8}, weights);
  expect_refusal("expect 3 source channels", src, {2, 3, 3, 3});
  expect_refusal("0 destination", src, {0, 4, 3, 3});
  expect_refusal("along y kernel 0", src, {2, 4, 0, 3});
  expect_refusal("along x kernel -3", src, {2, 4, 3, -3});
  expect_refusal("spans 9 elements", src, {2, 4, 9, 3});
}

TEST(Conv2d, BadOptionsAreRefusedWithTheirValues) {
  const Shape src{1, 4, 8, 8}, weights{2, 4, 3, 3};
  Conv2dOptions o;
  o.stride = {0, 1};
  expect_refusal("along y kernel 3, stride 0", src, weights, o);
  o = {};
  o.dilation = {1, -2};
  expect_refusal("dilation -2", src, weights, o);
  o = {};
  o.dilation = {1, INT64_MAX};
  expect_refusal("overflow", src, weights, o);
  expect_refusal("padding -1,0", src, weights, options_with(Padding::sides(-1, 0, 0, 0)));
  expect_refusal("overflow", src, weights, options_with(Padding::sides(INT64_MAX, 1, 0, 0)));
  o = {};
  o.groups = 3;
  expect_refusal("3 groups", src, weights, o);
  o.groups = 0;
  expect_refusal("0 groups", src, weights, o);
  o.groups = 4;
  expect_refusal("4 groups must divide 4 source and 2", src, {2, 1, 3, 3}, o);
}

RC_GTEST_PROP(Conv2d, ExtentsEqualTheNaiveCount, ()) {
  const Shape src{1, 1, *rc::gen::inRange(1, 20), *rc::gen::inRange(1, 20)};
  const Shape weights{1, 1, *rc::gen::inRange(1, 6), *rc::gen::inRange(1, 6)};
  Conv2dOptions o;
  o.stride = {*rc::gen::inRange(1, 5), *rc::gen::inRange(1, 5)};
  o.dilation = {*rc::gen::inRange(1, 4), *rc::gen::inRange(1, 4)};
  const auto side = rc::gen::inRange<Index>(0, 9);
  o.padding = Padding::sides(*side, *side, *side, *side);
  const auto count = [](Index in, Index taps, Index stride, Index dilation) {
    Index n = 0;
    while (n * stride + (taps - 1) * dilation < in) ++n;
    return n;
  };
  const Index y =
      count(src[kY] + o.padding.top + o.padding.bottom, weights[2], o.stride.y, o.dilation.y);
  const Index x =
      count(src[kX] + o.padding.left + o.padding.right, weights[3], o.stride.x, o.dilation.x);
  if (y == 0 || x == 0) {
    RC_ASSERT_THROWS_AS(Conv2d::make(src, weights, false, o), InvalidArgument);
    return;
  }
  const auto layer = Conv2d::make(src, weights, false, o);
  RC_ASSERT(layer->shape(Operand::kDst, src) == (Shape{1, 1, y, x}));
}

RC_GTEST_PROP(Conv2d, SamePaddingGivesTheCeilingOfSizeOverStride, ()) {
  Conv2dOptions o = options_with(Padding::same());
  o.stride = {*rc::gen::inRange(1, 7), *rc::gen::inRange(1, 7)};
  o.dilation = {*rc::gen::inRange(1, 4), *rc::gen::inRange(1, 4)};
  const Shape src{1, 1, *rc::gen::inRange(1, 50), *rc::gen::inRange(1, 50)};
  const auto layer =
      Conv2d::make(src, {1, 1, *rc::gen::inRange(1, 8), *rc::gen::inRange(1, 8)}, false, o);
  RC_ASSERT(layer->shape(Operand::kDst, src) ==
            (Shape{1, 1, ceil_div(src[kY], o.stride.y), ceil_div(src[kX], o.stride.x)}));
  for (const Dim d : {kY, kX}) {
    const Window& w = layer->window(d);
    RC_ASSERT(w.pad_end - w.pad_begin >= 0);
    RC_ASSERT(w.pad_end - w.pad_begin <= 1);
  }
}

}  // namespace
}  // namespace tilewright
