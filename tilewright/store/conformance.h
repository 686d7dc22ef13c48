// The suite that the test of every writable format runs: whatever is written comes back, bit for
// bit, through regions, strides and types of any kind, and nothing else is touched.
// A format's test calls `store_conformance(ending, dtypes, rank)` for what it supports.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>

#include "tilewright/base/error.h"
#include "tilewright/store/store.h"
#include "tilewright/tensor/convert.h"

namespace tilewright::testing {

/// A folder that lives as long as the object.
class TestFolder {
 public:
  TestFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "tilewright-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~TestFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  bool holds(const std::string& name) const { return std::filesystem::exists(path_ / name); }

 private:
  std::filesystem::path path_;
};

/// The message of the error of kind E that `f` throws; a test failure if it throws none, or if
/// the message has more than one line.
template <class E>
std::string message_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const E& error) {
    const std::string text = error.what();
    EXPECT_EQ(text.find('\n'), std::string::npos) << text;
    return text;
  }
  ADD_FAILURE() << "no error was thrown";
  return {};
}

/// Values that every byte of which varies; for floats, small numbers.
inline Tensor numbered(const TensorSpec& spec) {
  Tensor t(spec);
  const Index count = spec.volume();
  dispatch(spec.dtype, [&](auto kind) {
    using T = decltype(kind);
    for (Index i = 0; i < count; ++i)
      t.data<T>()[i] = is_float(spec.dtype) ? static_cast<T>(static_cast<double>(i % 4001) * 0.75)
                                            : static_cast<T>(i * 2654435761u >> 3);
  });
  return t;
}

inline Region random_region(const Shape& shape, std::mt19937& random) {
  Region r;
  for (int d = 0; d < 4; ++d) {
    const Index size = shape[static_cast<std::size_t>(d)];
    const Index a = std::uniform_int_distribution<Index>(0, size - 1)(random);
    const Index b = std::uniform_int_distribution<Index>(0, size - 1)(random);
    r[d] = {std::min(a, b), std::max(a, b) + 1};
  }
  return r;
}

/// Memory with gaps between and around the elements of a view, to see what is written where.
class PoisonedView {
 public:
  PoisonedView(DType dtype, const Shape& shape, Index x_step) {
    const Index row = shape[3] * x_step + 3;
    const Index plane = shape[2] * row + 5;
    const Index image = shape[1] * plane + 7;
    const Index size = size_of(dtype);
    bytes_.assign(static_cast<std::size_t>((shape[0] * image + 64) * size), std::byte{0xA5});
    view_ = {bytes_.data() + 32 * size, dtype, shape, {image, plane, row, x_step}};
  }
  const TensorView& view() const { return view_; }

  /// Whether every byte outside the elements still has the poison.
  bool intact() const {
    std::vector<std::byte> copy = bytes_;
    const Index shift = view_.data - bytes_.data();
    const auto size = static_cast<std::size_t>(size_of(view_.dtype));
    const Shape& s = view_.shape;
    for (Index n = 0; n < s[0]; ++n)
      for (Index c = 0; c < s[1]; ++c)
        for (Index y = 0; y < s[2]; ++y)
          for (Index x = 0; x < s[3]; ++x)
            std::memset(copy.data() + shift + view_.offset(n, c, y, x) * size_of(view_.dtype), 0xA5,
                        size);
    return std::all_of(copy.begin(), copy.end(), [](std::byte b) { return b == std::byte{0xA5}; });
  }

 private:
  std::vector<std::byte> bytes_;
  TensorView view_;
};

inline Tensor dense(const ConstTensorView& view) {
  Tensor t(view.dtype, view.shape);
  if (t.spec().volume() > 0) copy(view, t.view());
  return t;
}

inline bool same_bytes(const Tensor& a, const Tensor& b) {
  return a.spec() == b.spec() && std::memcmp(a.data<char>(), b.data<char>(),
                                             static_cast<std::size_t>(a.spec().bytes())) == 0;
}

/// Reads `region` of `store` as `dtype` into a gappy view and compares with `truth`.
inline void expect_region(Store& store, const Tensor& truth, const Region& region, DType dtype,
                          Index x_step) {
  PoisonedView poisoned(dtype, region.shape(), x_step);
  store.read(region, poisoned.view());

  Tensor expected(dtype, region.shape());
  copy(truth.view().slice(region), expected.view());
  EXPECT_TRUE(same_bytes(dense(poisoned.view()), expected))
      << store.describe() << ", region " << to_string(region) << " as " << to_string(dtype)
      << ", x step " << x_step;
  EXPECT_TRUE(poisoned.intact()) << store.describe() << ": wrote outside " << to_string(region);
}

inline void expect_random_regions(Store& store, const Tensor& truth, int count, unsigned seed) {
  std::mt19937 random(seed);
  expect_region(store, truth, whole(truth.shape()), truth.dtype(), 1);
  for (int i = 0; i < count; ++i) {
    const Region region = random_region(truth.shape(), random);
    const DType dtype = i % 2 == 0 ? truth.dtype() : kDTypes[random() % kDTypes.size()];
    expect_region(store, truth, region, dtype, i % 5 == 4 ? 2 : 1);
  }
}

/// Writes `truth` in uneven blocks, in an order that jumps, from dense and from strided memory.
inline void write_in_pieces(Store& store, const Tensor& truth) {
  const Shape& s = truth.shape();
  const Shape block{1, std::max<Index>(1, s[1] / 2), 7, 19};
  std::vector<Region> pieces;
  for (Index n = 0; n < s[0]; n += block[0])
    for (Index c = 0; c < s[1]; c += block[1])
      for (Index y = 0; y < s[2]; y += block[2])
        for (Index x = 0; x < s[3]; x += block[3])
          pieces.push_back(intersect(
              whole(s),
              Region{
                  {{{n, n + block[0]}, {c, c + block[1]}, {y, y + block[2]}, {x, x + block[3]}}}}));
  std::shuffle(pieces.begin(), pieces.end(), std::mt19937(5));
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    PoisonedView from(truth.dtype(), pieces[i].shape(), 1 + static_cast<Index>(i % 3 == 2));
    copy(truth.view().slice(pieces[i]), from.view());
    store.write(pieces[i], from.view());
  }
}

inline void expect_round_trip(const std::string& path, const TensorSpec& spec, int rank) {
  const Tensor truth = numbered(spec);
  CreateOptions options{.spec = spec, .rank = rank, .metadata = {}, .block = {1, 1, 32, 48}};

  {
    const auto store = create_store(path, options);
    write_in_pieces(*store, truth);
    EXPECT_FALSE(std::filesystem::exists(path));
    store->commit();
  }

  const auto store = open_store(path);
  EXPECT_EQ(store->spec(), spec);
  EXPECT_EQ(store->rank(), rank);
  EXPECT_FALSE(std::filesystem::exists(path + ".partial"));
  expect_random_regions(*store, truth, 40, 1);
}

/// What every writable store refuses, and how.
inline void expect_refusals(const std::string& path) {
  const CreateOptions options{.spec = {DType::kF32, {1, 1, 20, 30}}, .rank = 2, .metadata = {}};
  Tensor pixels(options.spec);

  { create_store(path, options)->write(whole(pixels.shape()), pixels.view()); }
  EXPECT_FALSE(std::filesystem::exists(path)) << "an uncommitted output appeared";
  EXPECT_FALSE(std::filesystem::exists(path + ".partial")) << "a partial output was left";

  const auto store = create_store(path, options);
  const Region outside{{{{0, 1}, {0, 1}, {0, 21}, {0, 30}}}};
  message_of<InvalidArgument>([&] {
    store->write(outside, Tensor(DType::kF32, {1, 1, 21, 30}).view());
  });
  message_of<InvalidArgument>(
      [&] { store->write(whole(pixels.shape()), Tensor(DType::kU8, pixels.shape()).view()); });
  EXPECT_NE(message_of<StoreError>([&] { create_store(path, options); }).find("already"),
            std::string::npos);
  store->commit();
  EXPECT_NE(message_of<StoreError>([&] { create_store(path, options); }).find("--overwrite"),
            std::string::npos);
  const auto opened = open_store(path);
  message_of<InvalidArgument>([&] {
    opened->read(outside, Tensor(DType::kF32, {1, 1, 21, 30}).view());
  });
  message_of<Unsupported>([&] { opened->write(whole(pixels.shape()), pixels.view()); });

  CreateOptions again = options;
  again.overwrite = true;
  const auto second = create_store(path, again);
  EXPECT_TRUE(std::filesystem::exists(path)) << "the old output must stay until commit";
  second->commit();
}

/// Round trips of `dtypes` at the ranks up to `max_rank`, and refusals, in a fresh folder.
inline void store_conformance(const std::string& ending, const std::vector<DType>& dtypes,
                              int max_rank) {
  const TestFolder folder;
  for (const DType dtype : dtypes) {
    const std::string path = folder / (std::string(to_string(dtype)) + ending);
    SCOPED_TRACE(path);
    expect_round_trip(path, {dtype, {1, 3, 61, 117}}, 3);
    expect_round_trip(folder / ("flat" + path.substr(path.rfind('/') + 1)), {dtype, {1, 1, 70, 33}},
                      2);
  }
  if (max_rank == 4)
    expect_round_trip(folder / ("batch" + ending), {DType::kF32, {2, 3, 17, 40}}, 4);
  expect_round_trip(folder / ("row" + ending), {DType::kU16, {1, 1, 1, 300}}, 2);
  expect_round_trip(folder / ("column" + ending), {DType::kF64, {1, 1, 300, 1}}, 2);
  expect_refusals(folder / ("refused" + ending));
}

}  // namespace tilewright::testing
