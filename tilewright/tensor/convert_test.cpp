#include "tilewright/tensor/convert.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <cstring>

namespace tilewright {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

// Element (n, c, y, x) of any view, as f64.
double value(const ConstTensorView& v, Index n, Index c, Index y, Index x) {
  return dispatch(v.dtype,
                  [&](auto t) { return static_cast<double>(*v.at<decltype(t)>(n, c, y, x)); });
}

Tensor counted(DType dtype, const Shape& shape) {
  Tensor t(dtype, shape);
  dispatch(dtype, [&](auto v) {
    for (Index i = 0; i < volume(shape); ++i)
      t.data<decltype(v)>()[i] = static_cast<decltype(v)>(i % 100);
  });
  return t;
}

TEST(ConvertValue, RoundsToNearestEven) {
  EXPECT_EQ(convert_value<std::uint8_t>(0.5f), 0);
  EXPECT_EQ(convert_value<std::uint8_t>(1.5f), 2);
  EXPECT_EQ(convert_value<std::uint8_t>(2.5), 2);
  EXPECT_EQ(convert_value<std::uint8_t>(2.5000001), 3);
  EXPECT_EQ(convert_value<std::int16_t>(-0.5f), 0);
  EXPECT_EQ(convert_value<std::int16_t>(-1.5f), -2);
  EXPECT_EQ(convert_value<std::uint8_t>(0.49999997f), 0);
}

TEST(ConvertValue, ClampsToTheRange) {
  EXPECT_EQ(convert_value<std::uint8_t>(255.5f), 255);
  EXPECT_EQ(convert_value<std::uint8_t>(-0.6f), 0);
  EXPECT_EQ(convert_value<std::int8_t>(-1e30), -128);
  EXPECT_EQ(convert_value<std::uint32_t>(4294967295.0), 4294967295u);
  EXPECT_EQ(convert_value<std::uint32_t>(5e9f), 4294967295u);
  EXPECT_EQ(convert_value<std::int32_t>(2147483648.0f), 2147483647);
  EXPECT_EQ(convert_value<std::int32_t>(-kInf), std::numeric_limits<std::int32_t>::min());
  EXPECT_EQ(convert_value<std::uint16_t>(kInf), 65535);
}

TEST(ConvertValue, BetweenIntegersClamps) {
  EXPECT_EQ(convert_value<std::uint8_t>(std::int16_t{-3}), 0);
  EXPECT_EQ(convert_value<std::uint8_t>(std::int32_t{300}), 255);
  EXPECT_EQ(convert_value<std::int32_t>(std::uint32_t{4000000000u}), 2147483647);
  EXPECT_EQ(convert_value<std::uint32_t>(std::int8_t{-1}), 0u);
}

TEST(ConvertValue, NaNGivesZeroAsAnIntegerAndStaysAsAFloat) {
  EXPECT_EQ(convert_value<std::int32_t>(kNaN), 0);
  EXPECT_EQ(convert_value<std::uint8_t>(static_cast<float>(kNaN)), 0);
  EXPECT_TRUE(std::isnan(convert_value<float>(kNaN)));
  EXPECT_EQ(convert_value<float>(kInf), std::numeric_limits<float>::infinity());
}

TEST(ConvertRow, NarrowsInPlace) {
  std::vector<double> row(1000);
  for (std::size_t i = 0; i < row.size(); ++i) row[i] = static_cast<double>(i) + 0.25;

  convert_row(row.data(), DType::kF64, row.data(), DType::kU16, 1000);

  for (std::size_t i = 0; i < row.size(); ++i) {
    std::uint16_t v;
    std::memcpy(&v, reinterpret_cast<const char*>(row.data()) + i * 2, 2);
    ASSERT_EQ(v, i);
  }
}

TEST(Copy, BetweenTransposedAndSteppedViews) {
  const Tensor src = counted(DType::kU8, {1, 2, 3, 4});
  Tensor dst(DType::kF32, {1, 2, 3, 8});
  // The source seen with x and y exchanged; the destination written at every second column.
  const ConstTensorView turned(src.view().data, DType::kU8, {1, 2, 4, 3}, {24, 12, 1, 4});
  const TensorView stepped(dst.view().data, DType::kF32, {1, 2, 3, 4}, {48, 24, 8, 2});

  copy(src.view(), stepped);
  EXPECT_EQ(dst.data<float>()[24 + 8 + 4], 12 + 4 + 2);
  EXPECT_EQ(dst.data<float>()[1], 0);

  Tensor upright(DType::kI32, {1, 2, 4, 3});
  copy(turned, upright.view());
  EXPECT_EQ(value(upright.view(), 0, 1, 3, 2), value(src.view(), 0, 1, 2, 3));
}

TEST(Copy, WithNegativeStridesReverses) {
  const Tensor src = counted(DType::kF64, {1, 1, 1, 5});
  Tensor dst(DType::kF64, {1, 1, 1, 5});
  const ConstTensorView reversed(src.view().data + 4 * 8, DType::kF64, {1, 1, 1, 5}, {5, 5, 5, -1});

  copy(reversed, dst.view());

  for (int i = 0; i < 5; ++i) EXPECT_EQ(dst.data<double>()[i], 4 - i);
}

TEST(Copy, OfDifferentShapesIsAnError) {
  Tensor a(DType::kF32, {1, 1, 2, 3}), b(DType::kF32, {1, 1, 3, 2});

  EXPECT_THROW(copy(a.view(), b.view()), InternalError);
}

TEST(FillZero, TouchesOnlyTheView) {
  Tensor t = Tensor::from({1, 1, 2, 4}, {1, 2, 3, 4, 5, 6, 7, 8});

  fill_zero(t.view().slice({{{{0, 1}, {0, 1}, {1, 2}, {1, 3}}}}));
  fill_zero(TensorView(t.view().data, DType::kF32, {1, 1, 1, 2}, {8, 8, 4, 3}));

  const std::vector<float> expected{0, 2, 3, 0, 5, 0, 0, 8};
  EXPECT_EQ(std::vector<float>(t.data<float>(), t.data<float>() + 8), expected);
}

// Counted values are exact in every type, so a copy there and back changes nothing.
RC_GTEST_PROP(Copy, ThereAndBackInAnyTypesKeepsValues, ()) {
  const DType from = *rc::gen::elementOf(kDTypes), to = *rc::gen::elementOf(kDTypes);
  const Shape shape{*rc::gen::inRange(1, 3), *rc::gen::inRange(1, 3), *rc::gen::inRange(1, 4),
                    *rc::gen::inRange(1, 600)};
  const Tensor src = counted(from, shape);
  Tensor there(to, shape), back(from, shape);
  copy(src.view(), there.view());
  copy(ConstTensorView(there.view()), back.view());
  const auto bytes = static_cast<std::size_t>(src.spec().bytes());
  RC_ASSERT(std::memcmp(src.view().data, back.view().data, bytes) == 0);
  RC_ASSERT(value(there.view(), 0, 0, 0, shape[3] - 1) == value(src.view(), 0, 0, 0, shape[3] - 1));
}

}  // namespace
}  // namespace tilewright
