#include "tilewright/base/text.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace tilewright {
namespace {

using Texts = std::vector<std::string>;

std::string message_of(Index (*parse)(std::string_view), const char* text) {
  try {
    parse(text);
  } catch (const InvalidArgument& e) {
    return e.what();
  }
  return "accepted";
}

TEST(Text, SplitKeepsEmptyPieces) {
  EXPECT_EQ(split("1,2,,3", ','), (Texts{"1", "2", "", "3"}));
  EXPECT_EQ(split("", ','), (Texts{""}));
  EXPECT_EQ(split(",", ','), (Texts{"", ""}));
}

TEST(Text, WordsDropWhiteSpace) {
  EXPECT_EQ(words("  conv2d\tn1 \r\n ci3 "), (Texts{"conv2d", "n1", "ci3"}));
  EXPECT_TRUE(words(" \t\n").empty());
}

TEST(Text, NumbersAreReadWhole) {
  EXPECT_EQ(parse_index("-12", "size"), -12);
  EXPECT_EQ(parse_index("9223372036854775807", "size"), INT64_MAX);
  EXPECT_DOUBLE_EQ(parse_number("-2.5e3", "sigma"), -2500);
}

TEST(Text, WrongNumbersAreNamed) {
  for (const char* bad : {"", " 1", "1 ", "+1", "1x", "0x10", "1.5", "9223372036854775808"})
    EXPECT_THROW(parse_index(bad, "size"), InvalidArgument) << bad;
  for (const char* bad : {"", "nan", "inf", "1e999", "1,5", "--1"})
    EXPECT_THROW(parse_number(bad, "sigma"), InvalidArgument) << bad;
  try {
    parse_index("12q", "rows");
    FAIL();
  } catch (const InvalidArgument& e) {
    EXPECT_STREQ(e.what(), "rows: '12q' is not a whole number in range");
  }
}

TEST(Text, ByteSizesOfAllUnits) {
  using namespace literals;
  EXPECT_EQ(parse_bytes("4096"), 4096);
  EXPECT_EQ(parse_bytes("7B"), 7);
  EXPECT_EQ(parse_bytes("512MiB"), 512_MiB);
  EXPECT_EQ(parse_bytes("512 M"), 512_MiB);
  EXPECT_EQ(parse_bytes("1.5GiB"), 1536_MiB);
  EXPECT_EQ(parse_bytes("1500MB"), 1'500'000'000);
  EXPECT_EQ(parse_bytes("0"), 0);
  EXPECT_EQ(parse_bytes("9007199254740993"), 9007199254740993);
}

TEST(Text, WrongByteSizesAreNamed) {
  for (const char* bad :
       {"", "MiB", "-1", "1.5.2MiB", "12 parsecs", "1e6", "9000000TiB", ".", "5 "})
    EXPECT_NE(message_of(&parse_bytes, bad).find(bad), std::string::npos) << bad;
}

TEST(Text, SizesAndTimesForPeople) {
  EXPECT_EQ(format_bytes(512), "512 B");
  EXPECT_EQ(format_bytes(1024), "1.0 KiB");
  EXPECT_EQ(format_bytes(386. * 1048576), "386 MiB");
  EXPECT_EQ(format_bytes(8.1 * 1073741824), "8.1 GiB");
  EXPECT_EQ(format_bytes(1048576. * 1023.9), "1.0 GiB");
  EXPECT_EQ(format_seconds(0.0123), "12.3 ms");
  EXPECT_EQ(format_seconds(0.42), "0.42 s");
  EXPECT_EQ(format_seconds(42), "42 s");
  EXPECT_EQ(format_seconds(100), "1 min 40 s");
  EXPECT_EQ(format_seconds(6000), "1 h 40 min");
  EXPECT_EQ(format_seconds(3599.8), "1 h 0 min");
}

TEST(Text, HashIsFnv1a) {
  EXPECT_EQ(hex16(text_hash("")), "cbf29ce484222325");
  EXPECT_EQ(hex16(text_hash("a")), "af63dc4c8601ec8c");
}

RC_GTEST_PROP(Text, EveryWholeNumberIsReadBack, (Index value)) {
  RC_ASSERT(parse_index(std::to_string(value), "value") == value);
}

}  // namespace
}  // namespace tilewright
