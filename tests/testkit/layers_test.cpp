// The library's own layers pass every check of the kit.
#include <gtest/gtest.h>

#include "temporary_folder.h"
#include "tilewright/testkit/testkit.h"

namespace tilewright::testkit {
namespace {

Conv2dOptions options_of(Conv2dOptions::Pair stride, Conv2dOptions::Pair dilation, Padding padding,
                         PaddingMode mode = PaddingMode::kZero, Index groups = 1,
                         bool flip = false) {
  return {stride, dilation, padding, mode, groups, flip};
}

struct Row {
  Conv2dOptions options;
  Shape src, weights;
  DType dtype = DType::kF32;
  std::vector<std::string> learns{};
};

const Row kRows[] = {
    {options_of({1, 1}, {1, 1}, Padding::sides(1, 1, 1, 1)),
     {1, 2, 6, 5},
     {3, 2, 3, 3},
     DType::kF32,
     {"src", "weights", "bias"}},
    {options_of({2, 1}, {1, 2}, Padding::sides(0, 2, 1, 3)), {2, 2, 7, 6}, {2, 2, 3, 2}},
    {options_of({1, 2}, {1, 1}, Padding::sides(2, 1, 0, 1), PaddingMode::kReflect, 2),
     {2, 4, 5, 6},
     {4, 2, 2, 3},
     DType::kF64},
    {options_of({1, 1}, {2, 1}, Padding::sides(2, 2, 1, 1), PaddingMode::kCircular, 1, true),
     {1, 2, 6, 4},
     {2, 2, 3, 3}},
    {options_of({3, 2}, {1, 1}, Padding::sides(1, 1, 2, 2), PaddingMode::kReplicate),
     {1, 1, 8, 7},
     {2, 1, 3, 3}},
    {options_of({1, 1}, {1, 1}, Padding::same()), {2, 5, 21, 140}, {7, 5, 3, 3}},
};

TEST(Layers, Conv2dPassesEveryCheck) {
  for (const Row& row : kRows) {
    const auto subject = conv2d_subject(row.options, true);
    Case c{.name = to_string(row.src), .shapes = {row.src, row.weights, {1, row.weights[0], 1, 1}}};
    c.dtype = row.dtype;
    c.learns = row.learns;

    const Report report = check_layer(*subject, {c});

    EXPECT_TRUE(report.ok()) << report.text();
    EXPECT_GE(report.count(Outcome::kPassed), 9);
  }
}

TEST(Layers, TransposedConv2dPassesEveryCheck) {
  const auto zeros = options_of({2, 3}, {1, 2}, Padding::sides(1, 2, 0, 1));
  const auto wrapped =
      options_of({1, 1}, {1, 1}, Padding::sides(1, 1, 1, 1), PaddingMode::kCircular, 2);
  const Case plain{.name = "plain", .shapes = {{2, 3, 4, 3}, {3, 2, 3, 2}}};
  const Case grouped{.name = "grouped", .shapes = {{1, 4, 5, 6}, {4, 1, 3, 3}}, .seed = 3};

  Report report = check_layer(*conv2d_transpose_subject(zeros, 7, 9), {plain});
  report += check_layer(*conv2d_transpose_subject(wrapped, 5, 6), {grouped});

  EXPECT_TRUE(report.ok()) << report.text();
}

// In bytes of f32: a gradient reads its two operands once, and a frozen one nothing.
TEST(Layers, WorkIsWhatIsReadForEachGradient) {
  const Case c{.name = "4x5", .shapes = {{1, 2, 4, 5}, {3, 2, 3, 3}, {1, 3, 1, 1}}};
  const Tensors inputs = make_inputs(c, DType::kF32);
  const double src = 4 * 40, weights = 4 * 54, result = 4 * 3 * 2 * 3;
  const auto work = [&](const std::vector<bool>& wanted) {
    const auto subject = conv2d_subject({}, true);
    const Tensor g = make_values(subject->forward(inputs).shape(), DType::kF32, 1);
    subject->backward(inputs, g, wanted);
    return subject->gradient_work();
  };

  EXPECT_EQ(work({true, true, true}), (std::vector<double>{weights, src, result}));
  EXPECT_EQ(work({true, false, false}), (std::vector<double>{weights, 0, 0}));
  EXPECT_EQ(work({false, true, false}), (std::vector<double>{0, src, 0}));
  EXPECT_EQ(work({false, false, true}), (std::vector<double>{0, 0, result}));
  EXPECT_EQ(work({true, true, false}), (std::vector<double>{weights, src, 0}));
}

TEST(Layers, HaveAReportEachInAFolder) {
  const TemporaryFolder folder;
  const Case c{.name = "plain", .shapes = {{1, 2, 5, 4}, {3, 2, 3, 3}}};
  const Case up{.name = "plain", .shapes = {{1, 3, 3, 2}, {3, 2, 3, 3}}};
  Report report = check_layer(*conv2d_subject(), {c});
  report += check_layer(*conv2d_transpose_subject({}, 5, 4), {up});

  const std::vector<std::string> paths = report.write(folder.path("reports"));

  EXPECT_TRUE(report.ok()) << report.text();
  ASSERT_EQ(paths.size(), 4u);
  EXPECT_EQ(paths[0], folder.path("reports/conv2d_s1x1_d1x1_p0,0,0,0_g1.html"));
  EXPECT_EQ(paths[3], folder.path("reports/conv2d_transpose_o5x4_s1x1_d1x1_p0,0,0,0_g1.json"));
  for (const std::string& path : paths) EXPECT_GT(std::filesystem::file_size(path), 1000u) << path;
}

// The largest of hand values, so that the kit's reference check is itself seen to pass and fail.
TEST(Layers, HandValuesAreCompared) {
  Case c{.name = "2x3 by 1x2", .shapes = {{1, 1, 2, 3}, {1, 1, 1, 2}, {1, 1, 1, 1}}};
  c.inputs = {Tensor::from({1, 1, 2, 3}, {1, 2, 3, 4, 5, 6}), Tensor::from({1, 1, 1, 2}, {10, 1}),
              Tensor::from({1, 1, 1, 1}, {100})};
  c.expected = Tensor::from({1, 1, 2, 2}, {112, 123, 145, 156});
  c.gradient = Tensor::from({1, 1, 2, 2}, {1, 2, 3, 4});
  c.expected_gradients = {Tensor::from({1, 1, 2, 3}, {10, 21, 2, 30, 43, 4}),
                          Tensor::from({1, 1, 1, 2}, {1 + 4 + 12 + 20, 2 + 6 + 15 + 24}),
                          Tensor::from({1, 1, 1, 1}, {10})};
  const auto subject = conv2d_subject({}, true);

  EXPECT_TRUE(check_layer(*subject, {c}).ok()) << check_layer(*subject, {c}).text();
  c.expected.data<float>()[3] = 157;

  const Finding finding = run_check(check_named("reference"), *subject, c);
  EXPECT_TRUE(finding.failed());
  EXPECT_NE(finding.where.find("n0 c0 y1 x1: 156, expected 157"), std::string::npos)
      << finding.where;
  EXPECT_EQ(finding.call,
            "run_check(check_named(\"reference\"), subject, c) with your case \"2x3 by 1x2\" as c");
}

}  // namespace
}  // namespace tilewright::testkit
