// The format of values: what was written comes back, whatever is wrong is refused with one line.
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "temporary_folder.h"
#include "tilewright/testkit/testkit.h"

namespace tilewright::testkit {
namespace {

NamedTensors sample() {
  return {{"weights", Tensor::from({1, 1, 2, 2}, {1, -2, 0.5f, -0.0f})},
          {"counts", Tensor(DType::kU16, {1, 3, 1, 1})}};
}

// `bytes` with a number written over, under a checksum that fits.
template <class T>
std::string patched(std::string bytes, std::size_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
  const std::uint64_t sum = text_hash(std::string_view(bytes).substr(0, bytes.size() - 8));
  std::memcpy(bytes.data() + bytes.size() - 8, &sum, 8);
  return bytes;
}

std::string refusal(const std::string& bytes) {
  try {
    read_values(bytes, "w.tw");
  } catch (const StoreError& e) {
    EXPECT_EQ(std::string(e.what()).find('\n'), std::string::npos);
    EXPECT_EQ(std::string(e.what()).rfind("w.tw: ", 0), 0u) << e.what();
    return e.what();
  }
  return "accepted";
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

constexpr std::size_t kVersionAt = 8, kCountAt = 12, kNameLengthAt = 16;
constexpr std::size_t kTypeAt = kNameLengthAt + 4 + 7, kShapeAt = kTypeAt + 4;

TEST(Values, ComeBackFromAFile) {
  const TemporaryFolder folder;

  save_values(folder.path("values.tw"), sample());
  const NamedTensors back = load_values(folder.path("values.tw"));

  ASSERT_EQ(back.size(), 2u);
  EXPECT_EQ(back[0].name, "weights");
  EXPECT_EQ(back[1].tensor.spec(), (TensorSpec{DType::kU16, {1, 3, 1, 1}}));
  EXPECT_EQ(write_values(back), write_values(sample()));
}

TEST(Values, AreTheBytesThatTheFormatSays) {
  const std::string bytes = write_values({{"b", Tensor::from({1, 1, 1, 1}, {1})}});

  EXPECT_EQ(bytes.size(), 8u + 4 + 4 + (4 + 1 + 4 + 32 + 4) + 8);
  EXPECT_EQ(bytes.substr(0, 12), std::string("TWVALUES\1\0\0\0", 12));
}

TEST(Values, AreRefusedWhenCutAtAnyLength) {
  const std::string bytes = write_values(sample());

  for (std::size_t length = 0; length < bytes.size(); ++length)
    EXPECT_NE(refusal(bytes.substr(0, length)), "accepted") << length;
  EXPECT_NE(refusal(bytes + "x"), "accepted");
}

TEST(Values, AreRefusedWhenAnyBitIsWrong) {
  const std::string bytes = write_values(sample());

  for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    std::string damaged = bytes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    EXPECT_NE(refusal(damaged), "accepted") << bit;
  }
}

TEST(Values, AreRefusedWithTheReason) {
  const std::string bytes = write_values(sample());

  EXPECT_TRUE(has(refusal(patched(bytes, kVersionAt, std::uint32_t{2})), "version 2 is not 1"));
  EXPECT_TRUE(has(refusal(patched(bytes, kCountAt, std::uint32_t{3})), "end inside a name"));
  EXPECT_TRUE(has(refusal(patched(bytes, kCountAt, std::uint32_t{1})), "follow the last"));
  EXPECT_TRUE(has(refusal(patched(bytes, kNameLengthAt, ~std::uint32_t{0})), "end inside a name"));
  EXPECT_TRUE(has(refusal(patched(bytes, kTypeAt, std::uint32_t{8})), "no element type 8"));
  for (const Index size : {Index{0}, Index{-1}, Index{1} << 40, Index{1} << 62})
    EXPECT_TRUE(has(refusal(patched(bytes, kShapeAt, size)), "a side of")) << size;
  EXPECT_TRUE(has(refusal("not values at all"), "these are no values"));
}

// What StoreError says of a path that cannot be loaded.
std::string load_error(const std::string& path) {
  try {
    load_values(path);
  } catch (const StoreError& e) {
    EXPECT_EQ(std::string(e.what()).rfind(path + ": ", 0), 0u) << e.what();
    return std::string(e.what()).substr(path.size() + 2);
  }
  return "accepted";
}

TEST(Values, OfPathsThatCannotBeRead) {
  const TemporaryFolder folder;
  const std::string empty = folder.path("empty.tw"), closed = folder.path("closed.tw");
  std::ofstream(empty).close();
  save_values(closed, sample());
  std::filesystem::permissions(closed, std::filesystem::perms::none);

  EXPECT_TRUE(has(load_error(folder.path("missing.tw")), "cannot be read"));
  EXPECT_TRUE(has(load_error(folder.path("")), "this is a folder"));
  EXPECT_TRUE(has(load_error(empty + "/below.tw"), "cannot be read"));
  EXPECT_TRUE(has(load_error(empty), "the values end inside their first word"));
  if (!std::ifstream(closed)) {  // an administrator may read it
    EXPECT_TRUE(has(load_error(closed), "cannot be read"));
  }
  // Opens, and then no byte of it can be read.
  if (std::filesystem::exists("/proc/self/mem")) {
    EXPECT_TRUE(has(load_error("/proc/self/mem"), "cannot be read"));
  }
}

TEST(Values, OfAFileThatCannotBeWritten) {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder.path("taken/inside"));

  EXPECT_THROW(save_values("/nonexistent/values.tw", sample()), StoreError);
  EXPECT_THROW(save_values(folder.path("taken"), sample()), StoreError);
  EXPECT_FALSE(std::filesystem::exists(folder.path("taken.partial")));
}

}  // namespace
}  // namespace tilewright::testkit
