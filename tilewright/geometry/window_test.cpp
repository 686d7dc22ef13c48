#include "tilewright/geometry/window.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <deque>

namespace tilewright {
namespace {

constexpr std::array<PaddingMode, 4> kAllModes{PaddingMode::kZero, PaddingMode::kReflect,
                                               PaddingMode::kReplicate, PaddingMode::kCircular};

// The real index under each of `before` + extent + `after` positions, made as one makes it by
// hand: one element at a time, looking only at what is there already. -1 stands for zero.
std::vector<Index> pad_by_hand(PaddingMode mode, Index extent, Index before, Index after) {
  std::deque<Index> row;
  for (Index i = 0; i < extent; ++i) row.push_back(i);
  const auto period = static_cast<std::size_t>(mode == PaddingMode::kCircular ? extent
                                               : extent == 1                  ? 1
                                                                              : 2 * (extent - 1));
  // A row that is mirrored once on the right holds a whole period, which then repeats.
  if (mode == PaddingMode::kReflect)
    for (Index i = extent - 2; i > 0; --i) row.push_back(i);
  const auto repeats = mode == PaddingMode::kReflect || mode == PaddingMode::kCircular;
  while (static_cast<Index>(row.size()) < extent + after)
    row.push_back(repeats                      ? row[row.size() - period]
                  : mode == PaddingMode::kZero ? -1
                                               : extent - 1);
  row.resize(static_cast<std::size_t>(std::max(extent + after, static_cast<Index>(period))), -1);
  for (Index i = 0; i < before; ++i)
    row.push_front(repeats ? row[period - 1] : mode == PaddingMode::kZero ? -1 : 0);
  return {row.begin(), row.begin() + before + extent + after};
}

std::vector<Index> pad_by_index(PaddingMode mode, Index extent, Index before, Index after) {
  std::vector<Index> row;
  for (Index i = -before; i < extent + after; ++i) row.push_back(pad_index(mode, i, extent));
  return row;
}

// The real indices that segments show, and whether they follow each other without a gap.
std::vector<Index> expand(const std::vector<PadSegment>& segments, const Interval& padded) {
  std::vector<Index> row;
  Index at = padded.begin;
  for (const PadSegment& s : segments) {
    if (s.padded.begin != at || s.padded.empty()) throw InternalError("segments leave a gap");
    at = s.padded.end;
    for (Index i = 0; i < s.padded.size(); ++i) switch (s.kind) {
        case PadSegment::Kind::kForward:
          row.push_back(s.source.begin + i);
          break;
        case PadSegment::Kind::kBackward:
          row.push_back(s.source.end - 1 - i);
          break;
        case PadSegment::Kind::kConstant:
          row.push_back(s.source.begin);
          break;
        case PadSegment::Kind::kZero:
          row.push_back(-1);
      }
    const bool by_one =
        s.kind == PadSegment::Kind::kForward || s.kind == PadSegment::Kind::kBackward;
    const Index shown = by_one ? s.padded.size() : s.kind == PadSegment::Kind::kConstant;
    if (s.source.size() != shown) throw InternalError("a segment names a wrong source");
  }
  if (at != padded.end && !padded.empty()) throw InternalError("segments end too early");
  return row;
}

Window any_window() {
  Window w;
  w.taps = *rc::gen::inRange(1, 6);
  w.stride = *rc::gen::inRange(1, 6);
  w.dilation = *rc::gen::inRange(1, 5);
  w.pad_begin = *rc::gen::inRange(0, 12);
  w.pad_end = *rc::gen::inRange(0, 12);
  w.mode = *rc::gen::elementOf(kAllModes);
  return w;
}

using Row = std::vector<Index>;

TEST(PadIndex, HandValues) {
  EXPECT_EQ(pad_by_index(PaddingMode::kZero, 3, 2, 2), (Row{-1, -1, 0, 1, 2, -1, -1}));
  EXPECT_EQ(pad_by_index(PaddingMode::kReplicate, 3, 2, 2), (Row{0, 0, 0, 1, 2, 2, 2}));
  EXPECT_EQ(pad_by_index(PaddingMode::kReflect, 3, 2, 2), (Row{2, 1, 0, 1, 2, 1, 0}));
  EXPECT_EQ(pad_by_index(PaddingMode::kCircular, 3, 2, 2), (Row{1, 2, 0, 1, 2, 0, 1}));
}

TEST(PadIndex, PaddingWiderThanTheImageRepeats) {
  EXPECT_EQ(pad_by_index(PaddingMode::kReflect, 2, 3, 3), (Row{1, 0, 1, 0, 1, 0, 1, 0}));
  EXPECT_EQ(pad_by_index(PaddingMode::kReflect, 3, 0, 6), (Row{0, 1, 2, 1, 0, 1, 2, 1, 0}));
  EXPECT_EQ(pad_by_index(PaddingMode::kCircular, 2, 3, 3), (Row{1, 0, 1, 0, 1, 0, 1, 0}));
  EXPECT_EQ(pad_by_index(PaddingMode::kReflect, 1, 2, 2), (Row{0, 0, 0, 0, 0}));
  EXPECT_EQ(pad_by_index(PaddingMode::kCircular, 1, 2, 2), (Row{0, 0, 0, 0, 0}));
}

TEST(PadIndex, EqualsPaddingByHandInEveryMode) {
  for (const PaddingMode mode : kAllModes)
    for (Index extent = 1; extent < 7; ++extent)
      for (Index before = 0; before < 20; ++before)
        for (Index after = 0; after < 20; ++after)
          ASSERT_EQ(pad_by_index(mode, extent, before, after),
                    pad_by_hand(mode, extent, before, after))
              << to_string(mode) << " " << extent << " padded by " << before << "," << after;
}

TEST(PadIndex, FarIndicesStayInTheImage) {
  const Index far = Index{1} << 61;
  for (const PaddingMode mode : {PaddingMode::kReflect, PaddingMode::kCircular})
    for (const Index i : {far, -far, far + 1, -far - 1}) {
      EXPECT_GE(pad_index(mode, i, 7), 0);
      EXPECT_LT(pad_index(mode, i, 7), 7);
    }
}

TEST(PaddingModeName, RoundTripAndError) {
  for (const PaddingMode mode : kAllModes) EXPECT_EQ(parse_padding_mode(to_string(mode)), mode);
  try {
    parse_padding_mode("mirror");
    FAIL();
  } catch (const InvalidArgument& e) {
    EXPECT_NE(std::string(e.what()).find("'mirror'"), std::string::npos);
  }
}

TEST(Window, OutputsByHand) {
  EXPECT_EQ((Window{3, 1, 1, 1, 1}.outputs(5)), 5);
  EXPECT_EQ((Window{3, 2, 1, 1, 1}.outputs(5)), 3);
  EXPECT_EQ((Window{3, 2, 1, 0, 0}.outputs(6)), 2);
  EXPECT_EQ((Window{3, 1, 4, 0, 0}.outputs(9)), 1);
  EXPECT_EQ((Window{1, 7, 1, 0, 0}.outputs(1)), 1);
  EXPECT_EQ((Window{5, 1, 1, 2, 2}.outputs(1)), 1);
  EXPECT_EQ((Window{3, 1, 4}.span()), 9);
}

TEST(Window, NoOutputIsAnError) {
  EXPECT_THROW((Window{3, 1, 4, 0, 0}.outputs(8)), InvalidArgument);
  EXPECT_THROW((Window{3, 1, 1, INT64_MAX, 1}.outputs(8)), InvalidArgument);
  EXPECT_THROW((Window{INT64_MAX, 1, 4, 0, 0}.outputs(8)), InvalidArgument);
}

TEST(Window, DemandByHand) {
  const Window w{3, 2, 2, 1, 1};

  EXPECT_EQ(w.demand({0, 1}), (Interval{-1, 4}));
  EXPECT_EQ(w.demand({1, 3}), (Interval{1, 8}));
  EXPECT_EQ(w.demand({0, 1}, {1, 2}), (Interval{1, 2}));
  EXPECT_TRUE(w.demand({3, 3}).empty());
  EXPECT_TRUE(w.demand({0, 1}, {1, 1}).empty());
}

TEST(Segments, ByHand) {
  using Kind = PadSegment::Kind;
  Window w{3, 1, 1, 2, 2, PaddingMode::kReflect};
  EXPECT_EQ(w.segments({-2, 6}, 4), (std::vector<PadSegment>{{{-2, 0}, {1, 3}, Kind::kBackward},
                                                             {{0, 4}, {0, 4}, Kind::kForward},
                                                             {{4, 6}, {1, 3}, Kind::kBackward}}));

  w.mode = PaddingMode::kReplicate;
  EXPECT_EQ(w.segments({3, 9}, 4), (std::vector<PadSegment>{{{3, 4}, {3, 4}, Kind::kForward},
                                                            {{4, 9}, {3, 4}, Kind::kConstant}}));

  w.mode = PaddingMode::kZero;
  EXPECT_EQ(w.segments({-5, -2}, 4), (std::vector<PadSegment>{{{-5, -2}, {0, 0}, Kind::kZero}}));
  EXPECT_TRUE(w.segments({2, 2}, 4).empty());
}

TEST(Segments, OneElementMakesFewRunsHoweverWideThePadding) {
  for (const PaddingMode mode : kAllModes) {
    const Window w{3, 1, 1, 0, 0, mode};
    EXPECT_EQ(w.segments({-1'000'000'000, 1'000'000'000}, 1).size(), 3u) << to_string(mode);
  }
}

RC_GTEST_PROP(Segments, ShowExactlyWhatPadIndexShows, ()) {
  Window w;
  w.mode = *rc::gen::elementOf(kAllModes);
  const Index extent = *rc::gen::inRange(1, 9);
  const Index begin = *rc::gen::inRange(-30, 30);
  const Interval padded{begin, begin + *rc::gen::inRange(0, 50)};
  Row expected;
  for (Index i = padded.begin; i < padded.end; ++i)
    expected.push_back(pad_index(w.mode, i, extent));
  RC_ASSERT(expand(w.segments(padded, extent), padded) == expected);
}

RC_GTEST_PROP(Window, OutputsEqualTheNaiveCount, ()) {
  const Window w = any_window();
  const Index extent = *rc::gen::inRange(1, 30);
  const Index padded = extent + w.pad_begin + w.pad_end;
  Index count = 0;
  for (Index first = 0; first + w.dilation * (w.taps - 1) < padded; first += w.stride) ++count;
  if (count == 0) {
    RC_ASSERT_THROWS_AS(w.outputs(extent), InvalidArgument);
  } else {
    RC_ASSERT(w.outputs(extent) == count);
  }
}

RC_GTEST_PROP(Window, DemandIsTheHullOfWhatTapsRead, ()) {
  const Window w = any_window();
  const Index o = *rc::gen::inRange(0, 20), k = *rc::gen::inRange<Index>(0, w.taps);
  const Interval out{o, o + *rc::gen::inRange(1, 9)};
  const Interval taps{k, *rc::gen::inRange<Index>(k + 1, w.taps + 1)};
  Index low = INT64_MAX, high = INT64_MIN;
  for (Index i = out.begin; i < out.end; ++i)
    for (Index t = taps.begin; t < taps.end; ++t) {
      const Index input = i * w.stride + t * w.dilation - w.pad_begin;
      low = std::min(low, input);
      high = std::max(high, input + 1);
    }
  RC_ASSERT(w.demand(out, taps) == (Interval{low, high}));
}

TEST(Window, FirstPositionIsTheFirstThatShowsAnIndex) {
  for (const PaddingMode mode :
       {PaddingMode::kZero, PaddingMode::kReflect, PaddingMode::kReplicate, PaddingMode::kCircular})
    for (Index extent = 1; extent < 6; ++extent)
      for (Index pad = 0; pad < 14; ++pad)
        for (Index i = 0; i < extent; ++i) {
          Window w;
          w.mode = mode;
          w.pad_begin = pad;
          Index first = -pad;
          while (pad_index(mode, first, extent) != i) ++first;
          EXPECT_EQ(w.first_position(i, extent), first)
              << to_string(mode) << " extent " << extent << " pad " << pad << " index " << i;
        }
}

}  // namespace
}  // namespace tilewright
