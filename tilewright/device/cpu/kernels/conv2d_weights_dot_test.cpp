// What the suites for anchored kernels leave out: values that are not finite, cuts of the image at
// the kernel's own blocks, and sizes that do not fit its workspace at once.
#include "tilewright/device/cpu/kernels/conv2d_weights_dot.h"

#include "tilewright/device/free_conformance.h"

namespace tilewright {
namespace {

using conformance::Case;
using cpu::kDotColumns, cpu::kDotRows;

const Kernel& dot() { return find_kernel("cpu", "conv2d_weights/dot"); }

/// The first weight that is not finite where the definition's is, or farther from it than two
/// orders of the sum can be. Which sums overflow depends on the order.
std::string fault(const Case& c) {
  const Kernel& definition = find_kernel("reference", "conv2d_weights/definition");
  Case sizes = c;
  sizes.magnitudes = true;
  const auto found = conformance::run_widened(c, dot()),
             expected = conformance::run_widened(c, definition),
             magnitude = conformance::run_widened(sizes, definition);
  constexpr double kChain = kDotRows * kDotColumns, kUnit = 0x1p-24, kLeast = 0x1p-149;
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (magnitude[i] > std::numeric_limits<float>::max()) continue;
    const bool near = std::isnan(magnitude[i]) ? std::isnan(found[i])
                                               : std::abs(found[i] - expected[i]) <=
                                                     kChain * (kUnit * magnitude[i] + kLeast);
    if (!near)
      return "weight " + std::to_string(i) + " is " + std::to_string(found[i]) + " instead of " +
             std::to_string(expected[i]);
  }
  return {};
}

// Padding is zero, and no product is made where there is no result: what is not finite stays where
// the definition has it.
TEST(Conv2dWeightsDot, HasSpecialValuesWhereTheDefinitionHasThem) {
  std::vector<Case> cases = conformance::free_table();
  cases.push_back({.groups = 70, .y = 70, .x = 33, .ky = 3, .kx = 3});
  cases.push_back({.ci = 3, .co = 9, .y = 70, .x = 128, .ky = 3, .kx = 3, .sx = 2, .pad = 2});
  for (Case c : cases) {
    c.special = true, c.dtype = DType::kF32;
    EXPECT_EQ(fault(c), "") << c;
  }
}

TEST(Conv2dWeightsDot, IsNearTheDefinitionOnRandomSteps) {
  EXPECT_TRUE(rc::check(dot().name, [&] {
    Case c = *conformance::any_case();
    c.dtype = DType::kF32;
    RC_LOG() << c << ": " << fault(c);
    RC_ASSERT(fault(c).empty());
  }));
}

// More taps, channels and gaps than the packed source of one part has room for.
TEST(Conv2dWeightsDot, DealsOutWhatIsTooLarge) {
  const std::vector<Case> cases{
      {.y = 3, .x = 5, .ky = 150, .kx = 150},
      {.y = 9, .x = 20, .ky = 41, .kx = 3, .dy = 60, .dx = 40},
      {.ci = 2, .co = 2, .y = 5, .x = 40, .ky = 3, .kx = 3, .sy = 90, .sx = 120},
      {.y = 2, .x = 3, .ky = 1, .kx = 20000},
      {.ci = 1000, .co = 30, .y = 9, .x = 20},
      {.ci = 3, .co = 3000, .y = 5, .x = 20, .ky = 3, .kx = 3},
      {.ci = 5, .co = 2, .y = 70, .x = 130, .ky = 5, .kx = 5, .threads = 16},
      {.groups = 300, .ci = 2, .co = 2, .y = 5, .x = 20, .ky = 3, .kx = 3}};
  for (Case c : cases) {
    c.integers = true;
    const auto found = conformance::run_widened(c, dot());

    c.threads = 3;
    EXPECT_TRUE(conformance::same_bits(found, conformance::run_widened(c, dot()))) << c;
    EXPECT_TRUE(conformance::same_bits(
        found, conformance::run_widened(c, find_kernel("reference", "conv2d_weights/definition"))))
        << c;
  }
}

/// All weights, in steps of `rows` x `columns` results.
std::vector<double> in_steps(const Case& c, Index rows, Index columns) {
  const Index in_y = (c.y - 1) * c.sy + (c.ky - 1) * c.dy + 1;
  const Index in_x = (c.x - 1) * c.sx + (c.kx - 1) * c.dx + 1;
  const Conv2dWeights layer(conformance::conv_of(c, in_y, in_x));
  conformance::PoisonedTensor<float> src({c.n, c.groups * c.ci, in_y, in_x}, 3, 5),
      results({c.n, c.groups * c.co, c.y, c.x}, 1, 7);
  conformance::PoisonedTensor<double> dst({c.groups * c.co, c.ci, c.ky, c.kx}, 1, 0);
  conformance::Values<float> values(c);
  src.fill(values), results.fill(values);
  conformance::Workspace workspace(dot(), c, c.ci, c.co);
  StepArgs a;
  for (Index y = 0; y < c.y; y += rows)
    for (Index x = 0; x < c.x; x += columns) {
      Region from = whole(results.view().shape), in = whole(src.view().shape);
      from[kY] = {y, std::min(c.y, y + rows)}, from[kX] = {x, std::min(c.x, x + columns)};
      in[kY] = {y * c.sy, (from[kY].end - 1) * c.sy + (c.ky - 1) * c.dy + 1};
      in[kX] = {x * c.sx, (from[kX].end - 1) * c.sx + (c.kx - 1) * c.dx + 1};
      a.layer = &layer;
      a.src = src.view().slice(in), a.weights = results.view().slice(from), a.dst = dst.view();
      a.groups = c.groups, a.threads = c.threads;
      a.first = y == 0 && x == 0;
      a.workspace = workspace.aligned();
      dot().run(a);
    }
  EXPECT_TRUE(workspace.intact()) << c;
  return dst.memory();
}

TEST(Conv2dWeightsDot, CutsAtItsBlocksChangeNoBit) {
  for (const Index stride : {1, 2}) {
    const Case c{.groups = 2, .ci = 3, .co = 5, .y = 150, .x = 300, .ky = 3, .kx = 2, .sx = stride};
    const auto whole = in_steps(c, c.y, c.x);

    EXPECT_TRUE(conformance::same_bits(whole, in_steps(c, kDotRows, kDotColumns)));
    EXPECT_TRUE(conformance::same_bits(whole, in_steps(c, kDotRows, 2 * kDotColumns)));
    EXPECT_TRUE(conformance::same_bits(whole, in_steps(c, 2 * kDotRows, c.x)));
    EXPECT_FALSE(conformance::same_bits(whole, in_steps(c, kDotRows / 2, c.x)))
        << "these data cannot tell orders apart";
  }
}

}  // namespace
}  // namespace tilewright
