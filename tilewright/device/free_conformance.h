// The suite for kernels that sum in an order of their own: what they compute differs from the
// definition by no more than any order of the sum does, not at all on small integers, and does not
// depend on threads.
#pragma once

#include "tilewright/device/gradient_conformance.h"

namespace tilewright::conformance {

inline std::vector<double> run_widened(const Case& c, const Kernel& kernel) {
  const auto run = [&](auto of) {
    using T = decltype(of);
    if (kernel.layer == "conv2d_weights") return run_weights<T>(c, kernel);
    const auto found =
        kernel.layer == "conv2d" ? run_case<T>(c, kernel) : run_transpose<T>(c, kernel);
    return std::vector<double>(found.begin(), found.end());
  };
  return c.dtype == DType::kF64 ? run(double{}) : run(float{});
}

inline bool computes(const Kernel& kernel, const Case& c) {
  const WindowRange& w = kernel.windows;
  return w.contains(c.ky, c.sy, c.dy) && w.contains(c.kx, c.sx, c.dx) &&
         std::find(kernel.dtypes.begin(), kernel.dtypes.end(), c.dtype) != kernel.dtypes.end();
}

/// Roundings of a sum in the compute type, whatever its order.
inline double roundings(const Case& c, const Kernel& kernel) {
  const auto product = [](auto... sizes) { return (static_cast<double>(sizes) * ...); };
  if (kernel.layer == "conv2d") return product(c.ci, c.ky, c.kx) + 1;
  if (kernel.layer == "conv2d_transpose") return product(c.co, c.ky, c.kx) + 1;
  const double blocks =
      product(c.n, ceil_div(c.y, Conv2dWeights::kRows), ceil_div(c.x, Conv2dWeights::kColumns));
  return product(std::min(c.y, Conv2dWeights::kRows), std::min(c.x, Conv2dWeights::kColumns)) + 1 +
         (c.dtype == DType::kF64 ? blocks : 0);
}

/// The first thing that is wrong with a kernel on a case; empty if nothing is.
inline std::string fault_of_free(Case c, const Kernel& kernel) {
  const Kernel& definition = find_kernel("reference", kernel.layer + "/definition");
  const auto found = run_widened(c, kernel), expected = run_widened(c, definition);
  Case sizes = c;
  sizes.magnitudes = true;
  const auto magnitude = run_widened(sizes, definition);
  const bool wide = c.dtype == DType::kF64;
  const double unit = wide ? 0x1p-53 : 0x1p-24, least = wide ? 0x1p-1074 : 0x1p-149;
  const double count = roundings(c, kernel), gamma = count * unit / (1 - count * unit);
  for (std::size_t i = 0; i < found.size(); ++i) {
    // Infinite magnitudes: which sum overflows depends on the order.
    if (std::isinf(magnitude[i])) continue;
    const bool near = std::isnan(magnitude[i])
                          ? std::isnan(found[i])
                          : std::abs(found[i] - expected[i]) <=
                                2 * gamma * (1 + gamma) * magnitude[i] + count * least;
    if (!near)
      return "element " + std::to_string(i) + " is " + std::to_string(found[i]) + " instead of " +
             std::to_string(expected[i]);
  }
  c.threads = c.threads % 3 + 1;
  if (!same_bits(found, run_widened(c, kernel))) return "depends on the number of threads";
  c.special = false, c.integers = true;
  const auto whole = run_widened(c, kernel), exact = run_widened(c, definition);
  for (std::size_t i = 0; i < whole.size(); ++i)
    if (whole[i] != exact[i] && !(std::isnan(whole[i]) && std::isnan(exact[i])))
      return "of integers: element " + std::to_string(i) + " is " + std::to_string(whole[i]) +
             " instead of " + std::to_string(exact[i]);
  return {};
}

/// More channels, groups and columns than a library is given at once.
inline std::vector<Case> free_table() {
  std::vector<Case> cases = table();
  cases.push_back({.ci = 300, .co = 290, .y = 6, .x = 70, .ky = 3, .kx = 3, .bias = true});
  cases.push_back(
      {.groups = 3, .ci = 20, .co = 270, .y = 9, .x = 9, .ky = 3, .kx = 3, .sy = 2, .sx = 2});
  cases.push_back({.n = 2, .groups = 100, .ci = 2, .co = 3, .y = 30, .x = 10, .ky = 3, .kx = 3});
  cases.push_back(
      {.ci = 3, .co = 5, .y = 20, .x = 300, .ky = 3, .kx = 3, .sy = 2, .sx = 3, .dx = 2});
  cases.push_back({.ci = 40, .co = 270, .y = 3, .x = 1500, .kx = 3, .threads = 2});
  return cases;
}

inline void check_free_kernel(const Kernel& kernel) {
  ASSERT_EQ(kernel.order, Order::kFree);
  for (const Case& c : free_table())
    if (computes(kernel, c)) {
      EXPECT_EQ(fault_of_free(c, kernel), "") << kernel.name << " " << c;
    }
}

/// That it is the library that computes: another order of long sums shows in their bits.
inline void expect_own_order(const Kernel& kernel) {
  const Kernel& definition = find_kernel("reference", kernel.layer + "/definition");
  for (const Index groups : {1, 4}) {
    const Case c{.groups = groups, .ci = 40, .co = 40, .y = 20, .x = 30, .ky = 3, .kx = 3};
    EXPECT_FALSE(same_bits(run_widened(c, kernel), run_widened(c, definition)))
        << kernel.name << " " << c;
  }
}

/// Random steps; a failure prints its case.
inline void check_random_free_steps(const Kernel& kernel) {
  EXPECT_TRUE(rc::check(kernel.name, [&] {
    const Case c = *any_case();
    if (!computes(kernel, c)) return;
    const std::string fault = fault_of_free(c, kernel);
    RC_LOG() << c << ": " << fault;
    RC_ASSERT(fault.empty());
  }));
}

}  // namespace tilewright::conformance
