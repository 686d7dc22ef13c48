#include "tilewright/tensor/fingerprint.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <set>

#include "tilewright/geometry/cover.h"

namespace tilewright {
namespace {

std::string whole_text(const Tensor& t) {
  Fingerprint f(t.spec());
  f.add(whole(t.shape()), t.view());
  return f.text();
}

Tensor mixed(DType dtype, const Shape& shape) {
  Tensor t(dtype, shape);
  dispatch(dtype, [&](auto v) {
    for (Index i = 0; i < volume(shape); ++i)
      t.data<decltype(v)>()[i] = static_cast<decltype(v)>(i * 37 % 101);
  });
  return t;
}

TEST(Fingerprint, SeesEveryChangeOfOneElement) {
  Tensor t = mixed(DType::kF32, {1, 2, 5, 7});
  std::set<std::string> seen{whole_text(t)};

  for (int i = 0; i < 70; ++i) {
    const float before = t.data<float>()[i];
    t.data<float>()[i] = std::nextafter(before, 1e9f);
    EXPECT_TRUE(seen.insert(whole_text(t)).second) << i;
    t.data<float>()[i] = before;
  }
}

TEST(Fingerprint, SeesEverySwapOfTwoElements) {
  for (const DType dtype : {DType::kU8, DType::kF32, DType::kF64}) {
    Tensor t = mixed(dtype, {1, 1, 8, 8});
    const auto size = static_cast<std::size_t>(size_of(dtype));
    std::set<std::string> seen{whole_text(t)};
    for (std::size_t i = 0; i < 64; ++i)
      for (std::size_t j = i + 1; j < 64; ++j) {
        std::byte* data = t.view().data;
        std::swap_ranges(data + i * size, data + (i + 1) * size, data + j * size);
        EXPECT_TRUE(seen.insert(whole_text(t)).second) << to_string(dtype) << i << " " << j;
        std::swap_ranges(data + i * size, data + (i + 1) * size, data + j * size);
      }
  }
}

TEST(Fingerprint, SeesSwapsOfTheHalvesOfF64) {
  Tensor t(DType::kF64, {1, 1, 1, 1});
  const std::uint64_t bits = 0x3ff0000040000000, turned = 0x400000003ff00000;
  std::memcpy(t.view().data, &bits, 8);
  const std::string before = whole_text(t);

  std::memcpy(t.view().data, &turned, 8);

  EXPECT_NE(whole_text(t), before);
}

TEST(Fingerprint, ZeroHasTwoSignsAndNaNOneValue) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  Tensor zero = Tensor::from({1, 1, 1, 1}, {0.0f}), minus = Tensor::from({1, 1, 1, 1}, {-0.0f});
  Tensor a = Tensor::from({1, 1, 1, 1}, {nan}), b = Tensor::from({1, 1, 1, 1}, {-nan});

  EXPECT_NE(whole_text(zero), whole_text(minus));
  EXPECT_EQ(whole_text(a), whole_text(b));
  EXPECT_NE(whole_text(a), whole_text(zero));
}

TEST(Fingerprint, DependsOnShapeAndType) {
  std::set<std::string> seen;
  for (const DType dtype : kDTypes)
    for (const Shape& shape : {Shape{1, 1, 2, 6}, Shape{1, 1, 6, 2}, Shape{1, 2, 2, 3}})
      EXPECT_TRUE(seen.insert(whole_text(Tensor(dtype, shape))).second) << to_string(dtype);
}

// The positions of these rows differ by 2^32 elements, so only their high halves differ.
TEST(Fingerprint, PositionsPast32BitsCount) {
  const TensorSpec big{DType::kU8, {1, 2, Index{1} << 20, Index{1} << 12}};
  const Tensor row = mixed(DType::kU8, {1, 1, 1, 100});
  Fingerprint first(big), second(big);

  first.add({{{{0, 1}, {0, 1}, {5, 6}, {0, 100}}}}, row.view());
  second.add({{{{0, 1}, {1, 2}, {5, 6}, {0, 100}}}}, row.view());

  EXPECT_NE(first.text(), second.text());
}

TEST(Fingerprint, RowsAcross32BitsEqualTheirParts) {
  const Index edge = Index{1} << 32;
  const TensorSpec big{DType::kU8, {1, 1, 1, edge + 200}};
  const Tensor row = mixed(DType::kU8, {1, 1, 1, 200});
  Fingerprint at_once(big), in_parts(big);

  at_once.add({{{{0, 1}, {0, 1}, {0, 1}, {edge - 50, edge + 150}}}}, row.view());
  for (const Interval part : {Interval{0, 50}, Interval{50, 200}})
    in_parts.add({{{{0, 1}, {0, 1}, {0, 1}, part.shifted(edge - 50)}}},
                 row.view().slice({{{{0, 1}, {0, 1}, {0, 1}, part}}}));

  EXPECT_EQ(at_once.text(), in_parts.text());
}

TEST(Fingerprint, AViewThatDoesNotMatchIsAnError) {
  const Tensor t(DType::kF32, {1, 1, 2, 2});
  Fingerprint f(t.spec()), g({DType::kF64, {1, 1, 2, 2}});

  EXPECT_THROW(f.add(whole({1, 1, 2, 1}), t.view()), InternalError);
  EXPECT_THROW(g.add(whole(t.shape()), t.view()), InternalError);
}

RC_GTEST_PROP(Fingerprint, DoesNotDependOnTheOrderOfRegions, ()) {
  const DType dtype = *rc::gen::elementOf(kDTypes);
  const Tensor t = mixed(dtype, {2, 3, *rc::gen::inRange(1, 12), *rc::gen::inRange(1, 12)});
  std::vector<Region> tiles;
  const Cover ys(t.shape()[2], *rc::gen::inRange(1, 12)),
      xs(t.shape()[3], *rc::gen::inRange(1, 12));
  for (Index n = 0; n < 2; ++n)
    for (Index y = 0; y < ys.count(); ++y)
      for (Index x = 0; x < xs.count(); ++x)
        tiles.push_back({{{{n, n + 1}, {0, 3}, ys[y], xs[x]}}});
  std::rotate(tiles.begin(), tiles.begin() + *rc::gen::inRange<Index>(0, std::ssize(tiles)),
              tiles.end());
  Fingerprint in_tiles(t.spec());
  for (const Region& tile : tiles) in_tiles.add(tile, t.view().slice(tile));
  RC_ASSERT(in_tiles.text() == whole_text(t));
}

}  // namespace
}  // namespace tilewright
