// A layer of one's own often has no second implementation, no values made by hand and nothing to
// learn. Wrong ones must fail all the same; docs/testkit.md has the table.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>

#include "tilewright/testkit/testkit.h"

namespace tilewright::testkit {
namespace {

enum class Fault {
  kNone,
  kF32Source,
  kF32Rounded,
  kF32Result,
  kNan,
  kNanGradient,
  kConstant,
  kWithoutWeights,
  kWeakDoubled,
  kDropped,
};

struct Row {
  Fault fault;
  const char* name;
  double strong = 1;    // factor of the first weight
  bool joined = false;  // one channel, to which both weights contribute
};

// Two weights on one channel: `strong` * src * w0 and src * w1, apart or joined.
class TwoWeights : public Subject {
 public:
  explicit TwoWeights(Row row, bool counts = true) : row_(row), counts_(counts) {}

  std::string name() const override { return "two weights"; }
  std::vector<std::string> inputs() const override { return {"src", "weights"}; }
  std::vector<double> gradient_work() const override {
    return counts_ ? work_ : std::vector<double>{};
  }

  Tensor forward(const Tensors& in) const override {
    const std::vector<double> src = numbers(in[0]);
    Tensor dst(DType::kF64, shape(in));
    for_each(in, [&](std::size_t from, std::size_t to, std::size_t which, double w) {
      dst.data<double>()[to] += factor(which) * src[from] * w;
    });
    std::vector<double> values = numbers(dst);
    for (double& v : values) {
      if (is(Fault::kNan)) v = std::numeric_limits<double>::quiet_NaN();
      if (is(Fault::kConstant)) v = 0.25;
      if (is(Fault::kF32Result) && narrow(in)) v += 0.001;
    }
    return tensor_of(in[0].dtype(), dst.shape(), values);
  }

  Tensors backward(const Tensors& in, const Tensor& gradient,
                   const std::vector<bool>& wanted) const override {
    const std::vector<double> src = numbers(in[0]), g = numbers(gradient);
    std::vector<std::vector<double>> sums{std::vector<double>(src.size()), {0, 0}};
    for (std::size_t i = 0; i < 2; ++i) {
      if (!wanted[i] && !is(Fault::kDropped)) continue;
      for_each(in, [&](std::size_t from, std::size_t to, std::size_t which, double w) {
        double part = g[to] * factor(which) * (i == 0 ? w : src[from]);
        if (is(Fault::kWeakDoubled) && i == 1 && which == 1) part *= 2;
        sums[i][i == 0 ? from : which] += part;
        work_[i] += 1;
      });
    }
    for (double& v : sums[0])
      if (is(Fault::kF32Source) && narrow(in)) v *= 1.5;
    for (double& v : sums[1]) {
      if (is(Fault::kF32Rounded) && narrow(in)) v = std::ldexp(std::round(std::ldexp(v, 10)), -10);
      if (is(Fault::kNanGradient)) v = std::numeric_limits<double>::quiet_NaN();
    }
    Tensors found(2);
    for (std::size_t i = 0; i < 2; ++i)
      if (wanted[i]) found[i] = tensor_of(in[i].dtype(), in[i].shape(), sums[i]);
    return found;
  }

 private:
  bool is(Fault fault) const { return row_.fault == fault; }
  static bool narrow(const Tensors& in) { return in[0].dtype() == DType::kF32; }
  Shape shape(const Tensors& in) const {
    const Shape& s = in[0].shape();
    return {s[kN], row_.joined ? 1 : 2, s[kY], s[kX]};
  }
  double factor(std::size_t which) const {
    if (is(Fault::kConstant)) return 0;
    return which == 0 ? row_.strong : 1;
  }

  // Calls f(element of the source, of the result, weight, its value).
  template <class F>
  void for_each(const Tensors& in, F f) const {
    const std::vector<double> weights = numbers(in[1]);
    const auto plane = static_cast<std::size_t>(in[0].shape()[kY] * in[0].shape()[kX]);
    const auto size = static_cast<std::size_t>(in[0].spec().volume());
    for (std::size_t which = 0; which < 2; ++which)
      for (std::size_t k = 0; k < size; ++k) {
        const std::size_t n = k / plane, to = row_.joined ? k : k + (n + which) * plane;
        f(k, to, which, is(Fault::kWithoutWeights) ? 0.5 : weights[which]);
      }
  }

  Row row_;
  bool counts_;
  mutable std::vector<double> work_{0, 0};
};

// With a gradient of the weights that is right for weights that are not used: none.
class WithoutWeights final : public TwoWeights {
 public:
  using TwoWeights::TwoWeights;
  Tensors backward(const Tensors& in, const Tensor& g, const std::vector<bool>& w) const override {
    Tensors found = TwoWeights::backward(in, g, w);
    if (w[1]) found[1] = Tensor(in[1].spec());
    return found;
  }
};

// dst = offset + src^3: no first derivative at zero, but a third; and results far from zero.
class Cubed final : public Subject {
 public:
  explicit Cubed(double offset) : offset_(offset) {}
  std::string name() const override { return "cubed"; }
  std::vector<std::string> inputs() const override { return {"src"}; }
  Tensor forward(const Tensors& in) const override {
    std::vector<double> v = numbers(in[0]);
    for (double& x : v) x = offset_ + x * x * x;
    return tensor_of(in[0].dtype(), in[0].shape(), v);
  }
  Tensors backward(const Tensors& in, const Tensor& gradient,
                   const std::vector<bool>& wanted) const override {
    std::vector<double> v = numbers(in[0]);
    const std::vector<double> g = numbers(gradient);
    for (std::size_t k = 0; k < v.size(); ++k) v[k] = 3 * v[k] * v[k] * g[k];
    Tensors found(1);
    if (wanted[0]) found[0] = tensor_of(in[0].dtype(), in[0].shape(), v);
    return found;
  }

 private:
  double offset_;
};

const Row kRows[] = {
    {Fault::kF32Source, "in f32, gradient of the source half as large again"},
    {Fault::kF32Rounded, "in f32, gradient of the weights rounded to 2^-10"},
    {Fault::kF32Result, "in f32, a thousandth added to the result"},
    {Fault::kNan, "NaN everywhere"},
    {Fault::kNanGradient, "gradient of the weights is NaN"},
    {Fault::kConstant, "a constant, with gradients of zero"},
    {Fault::kWithoutWeights, "weights not used, with a gradient of zero"},
    {Fault::kWeakDoubled, "gradient of a weight doubled, beside a channel 1e8 times as strong",
     1e8},
    {Fault::kWeakDoubled, "gradient of a weight doubled, beside a weight 1e8 times as strong", 1e8,
     true},
    {Fault::kDropped, "frozen gradients computed, then dropped"},
};

const Case kCase{.name = "two images", .shapes = {{2, 1, 3, 4}, {2, 1, 1, 1}}};

Report report_of(const Row& row) {
  if (row.fault == Fault::kWithoutWeights) return check_layer(WithoutWeights(row), {kCase});
  return check_layer(TwoWeights(row), {kCase});
}

std::string failed_checks(const Report& report) {
  std::string names;
  for (const Finding& f : report.findings)
    if (f.failed()) names += (names.empty() ? "" : ", ") + f.check;
  return names;
}

TEST(LoneLayer, ThatIsRightPasses) {
  for (const bool joined : {false, true})
    for (const double strong : {1.0, 1e8}) {
      const Report report = report_of({Fault::kNone, "", strong, joined});

      EXPECT_TRUE(report.ok()) << report.text();
    }
}

TEST(LoneLayer, ThatIsWrongIsCaughtAndTheManualSaysByWhat) {
  std::ifstream file(TILEWRIGHT_SOURCE "/docs/testkit.md");
  const std::string manual{std::istreambuf_iterator<char>(file), {}};

  for (const Row& row : kRows) {
    const std::string checks = failed_checks(report_of(row));
    const std::string line = std::string("| ") + row.name + " | " + checks + " |";
    std::printf("%s\n", line.c_str());

    EXPECT_NE(checks, "") << row.name << " is not caught";
    EXPECT_NE(manual.find(line + "\n"), std::string::npos) << "docs/testkit.md lacks " << line;
  }
}

TEST(LoneLayer, WithoutASlopeAtZeroOrFarFromZeroPasses) {
  Case c{.name = "around zero", .shapes = {{1, 1, 1, 5}}};
  c.inputs = {Tensor::from({1, 1, 1, 5}, {-1, -0.001f, 0, 0.01f, 0.5f})};

  for (const double offset : {0.0, 1e6}) {
    const Report report = check_layer(Cubed(offset), {c});

    EXPECT_TRUE(report.ok()) << report.text();
  }
}

TEST(LoneLayer, ThatDoesNotCountItsWorkIsNotPassedAsFrozen) {
  const Finding f = run_check(check_named("frozen"), TwoWeights({Fault::kNone, ""}, false), kCase);

  EXPECT_EQ(f.outcome, Outcome::kSkipped);
  EXPECT_NE(f.detail.find("does not count its work"), std::string::npos) << f.detail;
}

TEST(LoneLayer, ThatIsWrongSaysWhatIsWrong) {
  const auto detail = [](Fault fault, const char* check) {
    return run_check(check_named(check), TwoWeights({fault, ""}), kCase).detail;
  };

  EXPECT_EQ(detail(Fault::kNan, "finite"), "result: 48 of 48 are not finite");
  EXPECT_EQ(detail(Fault::kNan, "jacobian"), "differences by src: 1152 of 1152 are not finite");
  for (const char* check : {"jacobian", "adjoint"})
    EXPECT_EQ(detail(Fault::kConstant, check),
              "the result depends on no input: every derivative is 0");
  EXPECT_EQ(
      run_check(check_named("adjoint"), WithoutWeights({Fault::kWithoutWeights, ""}), kCase).detail,
      "the result does not depend on weights: every derivative by it is 0; if that is so for "
      "these values only, choose others");
}

// A person may have chosen values for which an input is of no consequence.
TEST(LoneLayer, OfAHandMadeCaseMayHaveAnInputWithoutInfluence) {
  Case c{.name = "weights of zero", .shapes = {{1, 1, 1, 2}, {2, 1, 1, 1}}};
  c.inputs = {Tensor::from({1, 1, 1, 2}, {1, 2}), Tensor(DType::kF32, {2, 1, 1, 1})};
  c.expected = Tensor(DType::kF32, {1, 2, 1, 2});

  const Report report = check_layer(TwoWeights({Fault::kNone, ""}), {c});

  EXPECT_TRUE(report.ok()) << report.text();
}

}  // namespace
}  // namespace tilewright::testkit
