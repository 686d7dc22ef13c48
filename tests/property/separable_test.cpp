// Filters that are products of a column and a row: the two passes against the definition, and the
// same bits for every cut and thread count.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <cstring>
#include <random>

#include "tilewright/tilewright.h"

namespace tilewright {
namespace {

/// Weights [bands,1,ky,kx] that know their factors.
class Products final : public Store {
 public:
  Products(Index bands, Factors factors, DType dtype)
      : factors_(std::move(factors)),
        taps_(Tensor(dtype, {bands, 1, static_cast<Index>(factors_.column.size()),
                             static_cast<Index>(factors_.row.size())})) {
    const TensorView v = taps_.memory();
    for (Index b = 0; b < bands; ++b)
      for (Index y = 0; y < v.shape[2]; ++y)
        for (Index x = 0; x < v.shape[3]; ++x) {
          const double w = factors_.column[static_cast<std::size_t>(y)] *
                           factors_.row[static_cast<std::size_t>(x)];
          if (dtype == DType::kF64)
            *v.at<double>(b, 0, y, x) = w;
          else
            *v.at<float>(b, 0, y, x) = static_cast<float>(w);
        }
  }
  const TensorSpec& spec() const override { return taps_.spec(); }
  int rank() const override { return 4; }
  std::string describe() const override { return "products"; }
  void read(const Region& r, const TensorView& dst) override { taps_.read(r, dst); }
  void write(const Region&, const ConstTensorView&) override { throw InternalError("read-only"); }
  const Factors* factors() const override { return &factors_; }

 private:
  Factors factors_;
  MemoryStore taps_;
};

struct Case {
  Index n = 1, bands = 1, y = 1, x = 1, ky = 1, kx = 1;
  DType dtype = DType::kF32;
  bool flip = false, bias = false;
  PaddingMode mode = PaddingMode::kZero;
  unsigned seed = 1;
};

std::ostream& operator<<(std::ostream& o, const Case& c) {
  return o << "n" << c.n << " bands" << c.bands << " y" << c.y << " x" << c.x << " k" << c.ky << "x"
           << c.kx << " " << short_name(c.dtype) << (c.flip ? " flip" : "")
           << (c.bias ? " bias" : "") << " " << to_string(c.mode) << " seed" << c.seed;
}

class Filtering {
 public:
  explicit Filtering(const Case& c)
      : random_(c.seed),
        src_(DType(c.dtype), {c.n, c.bands, c.y, c.x}),
        bias_(DType(c.dtype), {1, c.bands, 1, 1}),
        weights_(c.bands, {draw(c.ky), draw(c.kx)}, c.dtype) {
    for (Tensor* t : {&src_, &bias_})
      for (Index i = 0; i < t->spec().volume(); ++i) set(*t, i, value());
    Conv2dOptions o;
    o.groups = c.bands;
    o.flip = c.flip;
    o.padding_mode = c.mode;
    o.padding = Padding::sides(c.ky / 2, (c.ky - 1) / 2, c.kx / 2, (c.kx - 1) / 2);
    problem_ = conv2d_problem(src_.spec(), weights_.spec().shape, o, c.bias);
  }

  Plan plan_with(const std::string& kernel, const std::string& force, int threads,
                 bool in_place = true) const {
    PlanOptions options;
    options.kernel = kernel;
    options.force = force;
    options.weights.factored = true;
    options.src.in_place = options.dst.in_place = in_place;
    return plan(problem_, local_machine().limited_to({.threads = threads}), options);
  }

  Tensor run_with(const Plan& p) {
    Tensor dst(problem_.spec(Operand::kDst));
    MemoryStore src(std::as_const(src_).view()), bias(std::as_const(bias_).view()), to(dst.view());
    RunOptions options;
    options.poison = true;
    run(p, Stores{&src, &weights_, problem_.has_bias() ? &bias : nullptr, &to}, options);
    return dst;
  }

  const Problem& problem() const { return problem_; }
  Tensor& src() { return src_; }

 private:
  double value() { return std::uniform_real_distribution<double>(-1, 1)(random_); }
  std::vector<double> draw(Index count) {
    std::vector<double> v(static_cast<std::size_t>(count));
    for (double& e : v) e = value();
    return v;
  }
  static void set(Tensor& t, Index i, double v) {
    if (t.dtype() == DType::kF64)
      t.data<double>()[i] = v;
    else
      t.data<float>()[i] = static_cast<float>(v);
  }

  std::mt19937 random_;
  Tensor src_, bias_;
  Products weights_;
  Problem problem_;
};

bool same_bits(const Tensor& a, const Tensor& b) {
  return std::memcmp(a.data<std::byte>(), b.data<std::byte>(),
                     static_cast<std::size_t>(a.spec().bytes())) == 0;
}

double largest_gap(const Tensor& a, const Tensor& b) {
  double gap = 0;
  for (Index i = 0; i < a.spec().volume(); ++i)
    gap =
        std::max(gap, a.dtype() == DType::kF64
                          ? std::abs(a.data<double>()[i] - b.data<double>()[i])
                          : static_cast<double>(std::abs(a.data<float>()[i] - b.data<float>()[i])));
  return gap;
}

// Values lie in (-1, 1), so sum|w| max|x| is at most the number of taps, plus the bias.
void expect_right(const Case& c) {
  Filtering f(c);
  const Plan two_passes = f.plan_with("separable", "flight=1", 1);
  ASSERT_EQ(two_passes.exact, Exactness::kStable) << c;
  const Tensor found = f.run_with(two_passes);
  const Plan definition = f.plan_with("definition", "flight=1", 1, false);
  const double products = static_cast<double>(c.ky * c.kx) + 1;
  EXPECT_LE(largest_gap(found, f.run_with(definition)),
            products * (two_passes.bound + definition.bound))
      << c;
}

TEST(Separable, IsNearTheDefinition) {
  unsigned seed = 0;
  for (const Index taps : {1, 2, 3, 9, 31, 64})
    for (const DType dtype : {DType::kF32, DType::kF64})
      for (const Index size : {1, 15, 16, 70, 400}) {
        ++seed;
        expect_right({.n = 1 + seed % 2,
                      .bands = 1 + seed % 3,
                      .y = seed % 4 == 0 ? 300 : 20,
                      .x = size,
                      .ky = seed % 3 == 0 ? 5 : taps,
                      .kx = taps,
                      .dtype = dtype,
                      .flip = seed % 2 == 0,
                      .bias = seed % 5 == 0,
                      .mode = static_cast<PaddingMode>(seed % 4),
                      .seed = seed});
      }
}

RC_GTEST_PROP(Separable, GivesTheSameBitsForEveryCut, ()) {
  Case c;
  c.bands = *rc::gen::inRange<Index>(1, 4);
  c.y = *rc::gen::inRange<Index>(1, 150), c.x = *rc::gen::inRange<Index>(1, 150);
  c.ky = *rc::gen::inRange<Index>(1, 24), c.kx = *rc::gen::inRange<Index>(1, 24);
  c.dtype = *rc::gen::element(DType::kF32, DType::kF64);
  c.bias = *rc::gen::arbitrary<bool>();
  c.flip = *rc::gen::arbitrary<bool>();
  c.mode = static_cast<PaddingMode>(*rc::gen::inRange(0, 4));
  c.seed = *rc::gen::inRange(1u, 10000u);
  const Index ty = *rc::gen::inRange<Index>(1, 151), tx = *rc::gen::inRange<Index>(1, 151);
  const int threads = *rc::gen::inRange(1, 4);
  const bool in_place = *rc::gen::arbitrary<bool>();
  RC_LOG() << c << " tile " << ty << "x" << tx << " threads " << threads;
  Filtering f(c);
  const std::string force = fmt::format("tile={}x{}", std::min(ty, c.y), std::min(tx, c.x));
  const Plan cut = f.plan_with("separable", force, threads, in_place);
  RC_ASSERT(cut.exact == Exactness::kStable);
  RC_ASSERT(same_bits(f.run_with(f.plan_with("separable", "flight=1", 1)), f.run_with(cut)));
}

// Beside a large image, where strips have their full size.
TEST(Separable, SmallImagesTakeLittleWorkspaceAndKeepTheBits) {
  for (const DType dtype : {DType::kF32, DType::kF64}) {
    Filtering f({.bands = 2, .y = 200, .x = 1100, .ky = 25, .kx = 25, .dtype = dtype});
    const Plan whole = f.plan_with("separable", "flight=1", 1);
    const Tensor found = f.run_with(whole);
    for (const char* tile : {"50x1", "1x50", "3x17", "63x970", "65x15"}) {
      const Plan cut = f.plan_with("separable", fmt::format("tile={},flight=1", tile), 1);
      EXPECT_TRUE(same_bits(found, f.run_with(cut))) << tile << " " << to_string(dtype);
      EXPECT_LE(cut.memory.workspace, whole.memory.workspace) << tile;
    }
    const Plan small = f.plan_with("separable", "tile=50x1,flight=1", 1);
    EXPECT_LT(small.memory.workspace, 32 << 10) << to_string(dtype);
  }
}

TEST(Separable, IsChosenWhereItPaysAndOnlyForProducts) {
  const auto chosen = [](Index taps, bool factored, Exactness least) {
    PlanOptions options;
    options.least = least;
    options.weights.factored = factored;
    const Problem p = parse_problem(
        fmt::format("conv2d ci1 y2000 x2000 co1 k{0}x{0} p{1},{1},{1},{1}", taps, taps / 2));
    return plan(p, local_machine(), options).kernel.name;
  };
  EXPECT_EQ(chosen(21, true, Exactness::kStable), "conv2d/separable");
  EXPECT_NE(chosen(21, false, Exactness::kStable), "conv2d/separable");
  EXPECT_EQ(chosen(21, true, Exactness::kBits), "conv2d/direct");
  EXPECT_EQ(chosen(3, true, Exactness::kStable), "conv2d/direct");
  // Taps beyond those that it takes go elsewhere.
  EXPECT_NE(chosen(1501, true, Exactness::kStable), "conv2d/separable");
}

TEST(Separable, RefusesWeightsThatAreNoProducts) {
  Filtering f({.y = 9, .x = 9, .ky = 3, .kx = 3});
  const Plan p = f.plan_with("separable", "", 1);
  Tensor weights(DType::kF32, {1, 1, 3, 3}), dst(f.problem().spec(Operand::kDst));
  EXPECT_THROW(run(p, f.src(), weights, nullptr, dst), InvalidArgument);
}

}  // namespace
}  // namespace tilewright
