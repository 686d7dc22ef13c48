// The kit itself is tested: a right layer passes every check, and every wrong one is caught. What
// catches what is the table in docs/testkit.md, which has to be the one found here.
#include <gtest/gtest.h>

#include <fstream>

#include "tiled_conv.h"

namespace tilewright::testkit {
namespace {

struct Trial {
  Conv2dOptions options;
  Case c;
};

Case sized(const char* name, const Shape& src, const Shape& weights, DType dtype = DType::kF32) {
  Case c{.name = name, .shapes = {src, weights, {1, weights[0], 1, 1}}};
  c.dtype = dtype;
  return c;
}

// Small enough to follow on paper. The source of the second case is tenfold in its second channel.
Case by_hand() {
  Case c = sized("by hand", {1, 1, 4, 2}, {1, 1, 3, 2});
  c.inputs = {Tensor::from({1, 1, 4, 2}, {1, 2, 3, 4, 5, 6, 7, 8}),
              Tensor::from({1, 1, 3, 2}, {1, 0, 0, 10, 0, 0}), Tensor::from({1, 1, 1, 1}, {100})};
  c.expected = Tensor::from({1, 1, 2, 1}, {141, 163});
  c.gradient = Tensor::from({1, 1, 2, 1}, {1, 2});
  c.expected_gradients = {Tensor::from({1, 1, 4, 2}, {1, 0, 2, 10, 0, 20, 0, 0}),
                          Tensor::from({1, 1, 3, 2}, {7, 10, 13, 16, 19, 22}),
                          Tensor::from({1, 1, 1, 1}, {3})};
  return c;
}

Case padded_by_hand() {
  Case c = sized("padded, by hand", {1, 2, 3, 4}, {2, 1, 2, 2});
  c.inputs = {Tensor::from({1, 2, 3, 4}, {1,  2,  3,  4,  5,  6,  7,  8,  9,  10,  11,  12,
                                          10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120}),
              Tensor::from({2, 1, 2, 2}, {1, 2, 0, 3, 0, 1, 1, 0}),
              Tensor::from({1, 2, 1, 1}, {1, -1})};
  c.expected = Tensor::from(
      {1, 2, 2, 5}, {1, 4, 7, 10, 13, 1, 38, 48, 54, 60, -1, -1, 9, 19, 29, -1, 49, 149, 169, 189});
  c.gradient =
      Tensor::from({1, 2, 2, 5}, {0, 1, 2, -1, 0, 1, 2, -1, 0, 1, 2, -1, 0, 1, 2, -1, 0, 1, 2, -1});
  c.expected_gradients = {Tensor::from({1, 2, 3, 4}, {3, 6, -3, 0, 3, -2, 1, 2,  6, -3, 0,  3,
                                                      0, 1, 2,  0, 0, 1,  2, -1, 1, 2,  -1, 0}),
                          Tensor::from({2, 1, 2, 2}, {2, 12, 2, 22, 100, 120, 260, 300}),
                          Tensor::from({1, 2, 1, 1}, {5, 5})};
  return c;
}

std::vector<Trial> trials() {
  Case learned = sized("learned", {1, 1, 5, 4}, {2, 1, 3, 3});
  learned.learns = {"src", "weights", "bias"};
  const auto sides = [](Index t, Index b, Index l, Index r) { return Padding::sides(t, b, l, r); };
  return {
      {{}, by_hand()},
      {{.stride = {2, 1}, .padding = sides(1, 1, 2, 0), .groups = 2}, padded_by_hand()},
      {{.padding = sides(1, 1, 1, 1)}, learned},
      {{.stride = {2, 1}, .padding = sides(1, 2, 0, 1)},
       sized("strides", {2, 2, 9, 6}, {2, 2, 3, 2})},
      {{.dilation = {2, 1}, .padding = sides(1, 1, 0, 2)},
       sized("dilation", {1, 2, 8, 6}, {2, 2, 2, 3})},
      {{.padding = sides(2, 1, 1, 1), .padding_mode = PaddingMode::kReflect, .groups = 2},
       sized("groups, reflected", {2, 4, 5, 5}, {2, 2, 3, 3})},
      {{.padding = sides(1, 1, 2, 0), .padding_mode = PaddingMode::kCircular},
       sized("circular", {1, 1, 5, 6}, {2, 1, 3, 3}, DType::kF64)},
  };
}

/// Names of the checks that `bug` fails in any trial, in the order of the table.
std::string caught_by(Bug bug, std::string* text = nullptr) {
  Report report;
  for (const Trial& t : trials()) report += check_layer(TiledConv(t.options, bug), {t.c});
  std::string names;
  for (const Check& check : check_table())
    for (const Finding& f : report.findings)
      if (f.failed() && f.check == check.name) {
        names += (names.empty() ? "" : ", ") + f.check;
        break;
      }
  if (text != nullptr) *text = report.text();
  return names;
}

TEST(Mutation, TheRightLayerPassesEveryCheck) {
  std::string text;

  EXPECT_EQ(caught_by(Bug::kNone, &text), "") << text;
}

TEST(Mutation, EveryMutantIsCaughtAndTheManualSaysByWhat) {
  std::ifstream file(TILEWRIGHT_SOURCE "/docs/testkit.md");
  const std::string manual{std::istreambuf_iterator<char>(file), {}};
  ASSERT_GE(mutants().size(), 20u);

  for (const Mutant& m : mutants()) {
    const std::string checks = caught_by(m.bug);
    const std::string row = std::string("| ") + m.name + " | " + checks + " |";
    std::printf("%s\n", row.c_str());

    EXPECT_NE(checks, "") << m.name << " is not caught";
    EXPECT_NE(manual.find(row + "\n"), std::string::npos) << "docs/testkit.md lacks the row\n"
                                                          << row;
  }
}

}  // namespace
}  // namespace tilewright::testkit
