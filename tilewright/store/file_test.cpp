#include <numeric>

#include "tilewright/store/conformance.h"
#include "tilewright/store/file.h"

namespace tilewright {
namespace {

using testing::TestFolder;

// Sizes on both sides of what one system call writes, in memory that lies apart.
TEST(IoBatch, writes_every_byte_of_long_and_short_parts) {
  constexpr Index kGapAt = 4, kGap = 1000;
  const TestFolder folder;
  const std::vector<std::size_t> sizes{10, 700'000, 3, 524'288, 524'289, 100, 1 << 20, 1};
  std::vector<std::vector<unsigned char>> parts;
  std::vector<unsigned char> expected;
  for (const std::size_t size : sizes) {
    if (std::ssize(parts) == kGapAt) expected.resize(expected.size() + kGap);
    std::vector<unsigned char> part(size);
    std::iota(part.begin(), part.end(), static_cast<unsigned char>(7 * parts.size()));
    expected.insert(expected.end(), part.begin(), part.end());
    parts.push_back(std::move(part));
  }
  const File file(folder / "parts", File::Mode::kCreate);
  file.reserve(std::ssize(expected));
  ASSERT_EQ(file.size(), std::ssize(expected));
  for (const Index less : {0, 10}) file.reserve(less);
  ASSERT_EQ(file.size(), std::ssize(expected));

  IoBatch batch(file, IoBatch::Direction::kWrite);
  Index offset = 0;
  for (Index i = 0; i < std::ssize(parts); ++i) {
    if (i == kGapAt) offset += kGap;
    const auto& part = parts[static_cast<std::size_t>(i)];
    batch.add(offset, part.data(), std::ssize(part));
    offset += std::ssize(part);
  }
  batch.flush();

  std::vector<unsigned char> found(expected.size());
  file.read(0, found.data(), std::ssize(found));
  EXPECT_EQ(found, expected);
}

}  // namespace
}  // namespace tilewright
