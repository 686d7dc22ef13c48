#include "tilewright/network/problem.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace tilewright {
namespace {

constexpr const char* kSeed = "conv2d n1 ci1024 y1024 x1024 co1024 k3x3 s1x1 d1x1 p1,1,1,1 g1 f32";

std::string refusal(const std::string& line) {
  try {
    parse_problem(line);
  } catch (const InvalidArgument& e) {
    return e.what();
  }
  return "accepted";
}

Problem any_problem() {
  const auto size = rc::gen::inRange<Index>(1, 1000);
  const auto small = rc::gen::inRange<Index>(1, 5);
  const auto side = rc::gen::inRange<Index>(0, 9);
  const Index groups = *small;
  const Shape weights{groups * *small, *small, *small, *small};
  Conv2dOptions o;
  o.stride = {*small, *small};
  o.dilation = {*small, *small};
  // At least the span of the kernel, so that there is an output.
  o.padding = Padding::sides(16 + *side, *side, 16 + *side, *side);
  o.padding_mode = *rc::gen::element(PaddingMode::kZero, PaddingMode::kReflect,
                                     PaddingMode::kReplicate, PaddingMode::kCircular);
  o.groups = groups;
  o.flip = *rc::gen::arbitrary<bool>();
  const TensorSpec src{*rc::gen::elementOf(kDTypes), {*size, groups * weights[1], *size, *size}};
  const bool bias = *rc::gen::arbitrary<bool>();
  const DType dst = *rc::gen::elementOf(kDTypes);
  return conv2d_problem(src, weights, o, bias, dst);
}

TEST(Problem, CanonicalLine) {
  const Problem p = parse_problem(kSeed);

  EXPECT_EQ(p.line(), kSeed);
  EXPECT_EQ(p.spec("src").bytes(), Index{4} << 30);
  EXPECT_EQ(p.spec("dst").shape, (Shape{1, 1024, 1024, 1024}));
  EXPECT_EQ(p.spec("weights").shape, (Shape{1024, 1024, 3, 3}));
  EXPECT_FALSE(p.has_bias());
  EXPECT_EQ(p.flop(), 2.0 * 9 * 1024 * 1024 * 1024 * 1024);
}

TEST(Problem, WordsInAnyOrderAndDefaults) {
  const Problem p = parse_problem(" conv2d  bias co8 x7 ci3 m:reflect y5 k3x3 dst:uint8 p1,1,1,1 ");

  EXPECT_EQ(p.line(),
            "conv2d n1 ci3 y5 x7 co8 k3x3 s1x1 d1x1 p1,1,1,1 g1 f32 m:reflect bias dst:u8");
  EXPECT_TRUE(p.has_bias());
}

TEST(Problem, ComputeTypeFollowsSourceAndDestination) {
  const auto compute = [](DType src, DType dst) {
    return conv2d_problem({src, {1, 1, 8, 8}}, {1, 1, 3, 3}, {}, false, dst).compute;
  };

  EXPECT_EQ(compute(DType::kU8, DType::kU8), DType::kF32);
  EXPECT_EQ(compute(DType::kU16, DType::kF32), DType::kF32);
  EXPECT_EQ(compute(DType::kU8, DType::kF64), DType::kF64);
  EXPECT_EQ(compute(DType::kI32, DType::kU8), DType::kF64);
  EXPECT_EQ(compute(DType::kF64, DType::kF32), DType::kF64);
  EXPECT_EQ(conv2d_problem({DType::kU8, {1, 1, 8, 8}}, {1, 1, 3, 3}).dst_dtype, DType::kF32);
}

TEST(Problem, OperandsHaveNames) {
  const Problem p = parse_problem("conv2d ci3 y5 x7 co8 bias src:u8");

  EXPECT_EQ(p.spec("src").dtype, DType::kU8);
  EXPECT_EQ(p.spec("weights").dtype, DType::kF32);
  EXPECT_EQ(p.spec("bias").shape, (Shape{1, 8, 1, 1}));
  EXPECT_THROW(p.spec("kernel"), InvalidArgument);
}

TEST(Problem, BadLinesAreRefusedAndNamed) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"", "empty"},
      {"pool2d n1", "'pool2d'"},
      {"conv2d ci3 y5 x7", "'co' is missing"},
      {"conv2d co8 y5 x7", "'ci' is missing"},
      {"conv2d ci3 y5 x7 co8 z9", "'z9'"},
      {"conv2d ci3 y5 x7 co8 colour:red", "'colour:red'"},
      {"conv2d ci3 y5 x7 co8 y6", "'y6' comes twice"},
      {"conv2d ci3 y5 x7 co8 f32 f64", "'f64' comes twice"},
      {"conv2d ci3 y0 x7 co8", "y is 0"},
      {"conv2d ci3 y-5 x7 co8", "y is -5"},
      {"conv2d ci3 y5.5 x7 co8", "'5.5'"},
      {"conv2d ci3 y99999999999999999999 x7 co8", "'99999999999999999999'"},
      {"conv2d n0 ci3 y5 x7 co8", "n is 0"},
      {"conv2d ci0 y5 x7 co8", "0 source"},
      {"conv2d ci3 y5 x7 co8 k3", "'3'"},
      {"conv2d ci3 y5 x7 co8 k3x3x3", "'3x3x3'"},
      {"conv2d ci3 y5 x7 co8 k3xq", "'q'"},
      {"conv2d ci3 y5 x7 co8 s0x1", "stride 0"},
      {"conv2d ci3 y5 x7 co8 d1x0", "dilation 0"},
      {"conv2d ci3 y5 x7 co8 p1,1", "'1,1'"},
      {"conv2d ci3 y5 x7 co8 p-1,0,0,0", "padding -1"},
      {"conv2d ci3 y5 x7 co8 g2", "2 groups"},
      {"conv2d ci3 y5 x7 co8 m:mirror", "'mirror'"},
      {"conv2d ci3 y5 x7 co8 src:half", "'half'"},
      {"conv2d ci3 y5 x7 co8 dst:f64", "float64"},
      {"conv2d ci3 y5 x7 co8 compute:u8", "uint8"},
      {"conv2d ci3 y5 x7 co8 flip7", "'flip7'"},
      {"conv2d ci3 y5 x7 co8 bias:yes", "'bias:yes'"},
      {"conv2d ci3 y5 x7 co8 k9x9", "spans 9"},
      {"conv2d ci1000000 y1000000 x1000000 co1000000", "overflow"},
      {"conv2d ci1 y1 x1 co1 d4611686018427387904x1 k9x1", "overflow"},
  };
  for (const auto& [line, part] : cases) {
    const std::string message = refusal(line);
    EXPECT_NE(message.find(part), std::string::npos) << line << ": " << message;
  }
}

// Every word of a line with every number that cannot be meant.
TEST(Problem, BadNumbersAreRefusedInEveryWord) {
  struct Word {
    const char *key, *good, *before, *after;
  };
  const std::vector<Word> words{
      {"n", "1", "", ""},     {"ci", "4", "", ""},    {"y", "8", "", ""},
      {"x", "8", "", ""},     {"co", "4", "", ""},    {"k", "3x3", "", "x3"},
      {"s", "1x1", "1x", ""}, {"d", "1x1", "", "x1"}, {"p", "1,1,1,1", "", ",1,1,1"},
      {"g", "1", "", ""}};
  for (std::size_t changed = 0; changed < words.size(); ++changed)
    for (const std::string bad : {"0", "-1", "9223372036854775808", "1.5", "4611686018427387904",
                                  "1000000000000000000000000000000"}) {
      const std::string key = words[changed].key;
      if ((key == "p" && bad == "0") || (key == "s" && bad == "4611686018427387904")) continue;
      std::string line = "conv2d";
      for (std::size_t i = 0; i < words.size(); ++i) {
        const Word& w = words[i];
        line += std::string(" ") + w.key + (i == changed ? w.before + bad + w.after : w.good);
      }
      EXPECT_NE(refusal(line), "accepted") << line;
    }
}

RC_GTEST_PROP(Problem, LineIsReadBack, ()) {
  const Problem p = any_problem();
  const Problem q = parse_problem(p.line());
  RC_ASSERT(q.line() == p.line());
  RC_ASSERT(q.src_dtype == p.src_dtype);
  RC_ASSERT(q.compute == p.compute);
  RC_ASSERT(q.layer->reversed_taps() == p.layer->reversed_taps());
  for (const char* name : {"src", "weights", "bias", "dst"})
    RC_ASSERT(q.spec(name) == p.spec(name));
  for (const Dim d : {kY, kX}) {
    RC_ASSERT(q.layer->window(d).mode == p.layer->window(d).mode);
    RC_ASSERT(q.layer->window(d).pad_begin == p.layer->window(d).pad_begin);
  }
}

}  // namespace
}  // namespace tilewright
