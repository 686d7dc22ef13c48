// The suite for kernels with arithmetic of their own: near the definition, within what they state,
// and the same bits however a step's channels and threads are dealt out. Cuts of the image are
// tested through plans (tests/property).
#pragma once

#include "tilewright/device/gradient_conformance.h"

namespace tilewright::conformance {

inline std::vector<float> run_either(const Case& c, const Kernel& kernel) {
  return kernel.layer == std::string("conv2d") ? run_case<float>(c, kernel)
                                               : run_transpose<float>(c, kernel);
}

/// Channels that are summed.
inline Index& summed(Case& c, const Kernel& kernel) {
  return kernel.layer == std::string("conv2d") ? c.ci : c.co;
}

/// Values lie in (-1, 1), so sum|w| max|x| is at most the number of products.
inline void expect_near_definition(Case c, const Kernel& kernel) {
  const Kernel& definition = find_kernel("reference", std::string(kernel.layer) + "/definition");
  const auto found = run_either(c, kernel), expected = run_either(c, definition);
  const auto channels = static_cast<double>(summed(c, kernel));
  const double block = std::min(channels, static_cast<double>(kernel.anchors[Axis::kCi]));
  const double roundings = block + std::ceil(channels / block) + kernel.error.roundings + 1;
  const double products = channels * static_cast<double>(c.ky * c.kx);
  const double allowed = 0x1p-24 * products * (kernel.error.factor * roundings + products + 1);
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    ASSERT_EQ(std::isnan(found[i]), std::isnan(expected[i])) << c << ", element " << i;
    if (std::isnan(found[i])) continue;
    ASSERT_LE(std::abs(found[i] - expected[i]), allowed) << c << ", element " << i;
  }
}

inline void expect_same_bits_dealt_otherwise(Case c, const Kernel& kernel) {
  c.threads = 1, c.split = 0;
  const auto whole = run_either(c, kernel);
  c.threads = 3;
  EXPECT_TRUE(same_bits(whole, run_either(c, kernel))) << c;
  const Index anchor = kernel.anchors[Axis::kCi];
  for (Index split = anchor; split < summed(c, kernel); split += anchor) {
    c.split = split;
    EXPECT_TRUE(same_bits(whole, run_either(c, kernel))) << c;
  }
}

/// Shapes around the edges of tiles, vectors, panels and blocks of channels.
inline std::vector<Case> anchored_table(const Kernel& kernel) {
  std::vector<Case> cases;
  unsigned seed = 1;
  const Index taps = kernel.windows.taps.begin;
  for (const Index size : {1, 3, 4, 5, 30, 65})
    for (const Index channels : {1, 2, 7, 33}) {
      Case c{.n = 2,
             .ci = channels,
             .co = 35 - channels,
             .y = 66 - size,
             .x = size,
             .ky = taps,
             .kx = taps};
      c.seed = ++seed;
      c.bias = seed % 2 == 0;
      c.groups = 1 + seed % 3;
      c.pad = seed % 4;
      cases.push_back(c);
    }
  const Index anchor = kernel.anchors[Axis::kCi];
  for (const Index channels : {anchor - 1, anchor, anchor + 1, 2 * anchor + 5})
    cases.push_back({.ci = channels,
                     .co = channels + 3,
                     .y = 9,
                     .x = 21,
                     .ky = taps,
                     .kx = taps,
                     .bias = true,
                     .seed = ++seed});
  return cases;
}

inline void check_anchored_kernel(const Kernel& kernel) {
  ASSERT_EQ(kernel.order, Order::kAnchored);
  ASSERT_GT(kernel.error.factor, 0);
  for (const Case& c : anchored_table(kernel)) {
    expect_near_definition(c, kernel);
    expect_same_bits_dealt_otherwise(c, kernel);
  }
}

}  // namespace tilewright::conformance
