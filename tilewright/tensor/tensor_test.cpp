#include "tilewright/tensor/tensor.h"

#include <gtest/gtest.h>

namespace tilewright {
namespace {

TEST(DType, NamesRoundTrip) {
  for (const DType t : kDTypes) {
    EXPECT_EQ(parse_dtype(to_string(t)), t);
    EXPECT_EQ(parse_dtype(short_name(t)), t);
    EXPECT_EQ(dispatch(t, [](auto v) { return dtype_of<decltype(v)>(); }), t);
    EXPECT_EQ(dispatch(t, [](auto v) { return static_cast<Index>(sizeof v); }), size_of(t));
  }
  EXPECT_THROW(parse_dtype("float16"), InvalidArgument);
  EXPECT_THROW(parse_dtype(""), InvalidArgument);
}

TEST(DType, ComputeTypeHoldsEveryValue) {
  for (const DType t : {DType::kU8, DType::kI8, DType::kU16, DType::kI16, DType::kF32})
    EXPECT_EQ(compute_dtype(t), DType::kF32) << to_string(t);
  for (const DType t : {DType::kU32, DType::kI32, DType::kF64})
    EXPECT_EQ(compute_dtype(t), DType::kF64) << to_string(t);
}

TEST(TensorSpec, BytesAreChecked) {
  EXPECT_EQ((TensorSpec{DType::kF64, {1, 2, 3, 4}}.bytes()), 192);
  EXPECT_THROW((TensorSpec{DType::kF64, {1, 1, 1, Index{1} << 60}}.bytes()), InvalidArgument);
}

TEST(Tensor, IsZeroedAndAligned) {
  const Tensor t(DType::kI16, {2, 3, 4, 5});

  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(t.data<std::int16_t>()) % 64, 0u);
  for (int i = 0; i < 120; ++i) EXPECT_EQ(t.data<std::int16_t>()[i], 0);
}

TEST(Tensor, CopiesAreDeep) {
  Tensor a = Tensor::from({1, 1, 1, 3}, {1, 2, 3});
  Tensor b = a;
  Tensor none;

  b.data<float>()[1] = 7;
  none = a;

  EXPECT_EQ(a.data<float>()[1], 2);
  EXPECT_EQ(b.data<float>()[1], 7);
  EXPECT_EQ(none.data<float>()[2], 3);
  EXPECT_TRUE(Tensor(Tensor()).empty());
}

TEST(Tensor, WrongShapesAreRefused) {
  EXPECT_THROW(Tensor(DType::kF32, {1, 1, -1, 4}), InvalidArgument);
  EXPECT_THROW(Tensor(DType::kF32, {1 << 30, 1 << 30, 1 << 30, 1}), InvalidArgument);
  EXPECT_THROW(Tensor(DType::kU8, {1 << 15, 1 << 15, 1 << 16, 1 << 15}), InvalidArgument);
  EXPECT_THROW(Tensor::from({1, 1, 2, 2}, {1, 2, 3}), InvalidArgument);
}

TEST(TensorView, SliceKeepsStrides) {
  Tensor t(DType::kF32, {1, 2, 3, 4});
  for (int i = 0; i < 24; ++i) t.data<float>()[i] = static_cast<float>(i);

  const ConstTensorView part = t.view().slice({{{{0, 1}, {1, 2}, {1, 3}, {2, 4}}}});

  EXPECT_EQ(part.shape, (Shape{1, 1, 2, 2}));
  EXPECT_EQ(*part.at<float>(0, 0, 0, 0), 12 + 4 + 2);
  EXPECT_EQ(*part.at<float>(0, 0, 1, 1), 12 + 8 + 3);
}

}  // namespace
}  // namespace tilewright
