// The suite for kernels with arithmetic of their own: near the definition, within what they state,
// and the same bits however a step's channels and threads are dealt out. Cuts of the image are
// tested through plans (tests/property).
#pragma once

#include "tilewright/device/gradient_conformance.h"

namespace tilewright::conformance {

/// The results of a kernel of any layer, widened.
inline std::vector<double> run_any(const Case& c, const Kernel& kernel) {
  if (kernel.layer == "conv2d_weights") return run_weights<float>(c, kernel);
  const auto found =
      kernel.layer == "conv2d" ? run_case<float>(c, kernel) : run_transpose<float>(c, kernel);
  return {found.begin(), found.end()};
}

/// Channels that are summed.
inline Index summed(const Case& c, const Kernel& kernel) {
  return kernel.layer == "conv2d" ? c.ci : kernel.layer == "conv2d_transpose" ? c.co : 1;
}

inline KernelTiling tiling_of(const Case& c, const Kernel& kernel) {
  const auto conv = conv_of(c, 1, 1);
  if (kernel.layer == "conv2d_weights") return tiling_of(kernel, Conv2dWeights(conv));
  return tiling_of(kernel, *conv);
}

/// Products that the definition sums in f32 before it carries a sum on.
inline Index longest_chain(const Case& c, const Kernel& kernel) {
  if (kernel.layer == "conv2d_weights")
    return std::min(c.y, Conv2dWeights::kRows) * std::min(c.x, Conv2dWeights::kColumns);
  return summed(c, kernel) * c.ky * c.kx;
}

/// Values lie in (-1, 1), so sum|w| max|x| is at most the number of products.
inline void expect_near_definition(const Case& c, const Kernel& kernel) {
  const Kernel& definition = find_kernel("reference", std::string(kernel.layer) + "/definition");
  const auto found = run_any(c, kernel), expected = run_any(c, definition);
  const auto channels = static_cast<double>(summed(c, kernel));
  const KernelTiling tiling = tiling_of(c, kernel);
  const double block = std::min(channels, static_cast<double>(tiling.anchors[Axis::kCi]));
  const double roundings =
      tiling.error.products * block + std::ceil(channels / block) + tiling.error.roundings + 1;
  const Index each = kernel.layer == "conv2d_weights" ? c.n * c.y * c.x : c.ky * c.kx;
  const double products = channels * static_cast<double>(each);
  const double chain = static_cast<double>(longest_chain(c, kernel)) + 1;
  const double allowed = 0x1p-24 * products * (tiling.error.factor * roundings + chain);
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    ASSERT_EQ(std::isnan(found[i]), std::isnan(expected[i])) << c << ", element " << i;
    if (std::isnan(found[i])) continue;
    ASSERT_LE(std::abs(found[i] - expected[i]), allowed) << c << ", element " << i;
  }
}

inline void expect_same_bits_dealt_otherwise(Case c, const Kernel& kernel) {
  c.threads = 1, c.split = 0;
  const auto whole = run_any(c, kernel);
  c.threads = 3;
  EXPECT_TRUE(same_bits(whole, run_any(c, kernel))) << c;
  const Index anchor = tiling_of(c, kernel).anchors[Axis::kCi];
  for (Index split = anchor; split < summed(c, kernel); split += anchor) {
    c.split = split;
    EXPECT_TRUE(same_bits(whole, run_any(c, kernel))) << c;
  }
}

/// Taps apart: images around the edges of tiles and groups of phases, with fewer outputs than
/// phases, and more than one block of every size.
inline void add_dilated(const Kernel& kernel, std::vector<Case>& cases) {
  const Index taps = kernel.windows.taps.begin, most = kernel.windows.most_dilation;
  unsigned seed = 1;
  for (const Index d : {2, 3, 4, 7, 16, 17, 31, 32})
    for (const Index other : {Index{1}, d, Index{2}}) {
      if (d > most) continue;
      for (const Index size : {Index{1}, d, 4 * d - 1, 4 * d + 1, Index{140}}) {
        ++seed;
        cases.push_back({.n = 1 + seed % 2,
                         .groups = 1 + seed % 3,
                         .ci = 1 + seed % 4,
                         .co = 3,
                         .y = size == 140 ? 61 : 4 * other + 3,
                         .x = size,
                         .ky = taps,
                         .kx = taps,
                         .dy = other,
                         .dx = d,
                         .bias = seed % 2 == 0,
                         .pad = seed % 4,
                         .seed = seed});
        Case turned = cases.back();
        std::swap(turned.dy, turned.dx);
        cases.push_back(turned);
      }
    }
}

/// All windows of a few taps, on images around the edges of their tiles and of vectors.
inline void add_windows(const Interval& taps, Index most_dilation, std::vector<Case>& cases) {
  unsigned seed = 1;
  for (Index ky = taps.begin; ky < taps.end; ++ky)
    for (Index kx = taps.begin; kx < taps.end; ++kx)
      for (const Index size : {1, 2, 5, 6, 23, 61, 100}) {
        ++seed;
        cases.push_back({.n = 1 + seed % 2,
                         .groups = 1 + seed % 3,
                         .ci = 1 + seed % 5,
                         .co = 1 + seed % 7,
                         .y = 1 + seed % 29,
                         .x = size,
                         .ky = ky,
                         .kx = kx,
                         .dy = 1 + seed % std::min<Index>(3, most_dilation),
                         .dx = 1 + seed / 3 % std::min<Index>(3, most_dilation),
                         .bias = seed % 2 == 0,
                         .pad = seed % 4,
                         .seed = seed});
        // Runs of a phase that end within vectors.
        if (size == 100)
          for (const Index apart : {9, 17, 24, 32}) {
            Case wide = cases.back();
            wide.x = 3 * size, wide.dx = std::min(apart, most_dilation);
            cases.push_back(wide);
          }
      }
}

/// Shapes around the edges of tiles, vectors, panels and blocks of channels.
inline std::vector<Case> anchored_table(const Kernel& kernel) {
  std::vector<Case> cases;
  unsigned seed = 1;
  // Some taps where there is any choice, more where that makes other tiles.
  const Interval range = kernel.windows.taps;
  const bool any = range.contains(70);
  const Index taps = any ? 7 : range.begin;
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
  if (any)
    for (const Index more : {1, 12, 13, 33, 41, 70}) {
      cases.push_back({.n = 2, .ci = 2, .co = 5, .y = 130, .x = 70, .ky = more, .kx = 71 - more});
      cases.push_back({.groups = 9, .y = 20, .x = 160, .ky = 13, .kx = more, .seed = ++seed});
    }
  if (!any) add_windows(range, kernel.windows.most_dilation, cases);
  add_dilated(kernel, cases);
  if (kernel.windows.strides.contains(5) && kernel.windows.most_dilation > 1)
    for (const Index stride : {1, 2, 3, 5})
      for (const Index dilation : {1, 2, 3}) {
        Case c{.n = 2, .ci = 3, .co = 4, .y = 67, .x = 131, .ky = 3, .kx = 4};
        c.sy = stride, c.sx = stride * dilation % 4 + 1, c.dy = dilation, c.dx = 4 - dilation;
        c.seed = ++seed, c.pad = seed % 4, c.groups = 1 + seed % 2;
        cases.push_back(c);
        c.co = 1, c.kx = 1, c.x = 128 + 16 * stride, c.pad = 0, c.groups = 5;
        cases.push_back(c);
      }
  Case first{.ky = taps, .kx = taps};
  // Kernels that sum over the image take channels in blocks of about 128 as well.
  const Index anchor =
      kernel.layer == "conv2d_weights" && !any ? 128 : tiling_of(first, kernel).anchors[Axis::kCi];
  for (const Index channels : {std::max<Index>(1, anchor - 1), anchor, anchor + 1, 2 * anchor + 5})
    cases.push_back({.ci = channels,
                     .co = channels + 3,
                     .y = 9,
                     .x = 21,
                     .ky = taps,
                     .kx = taps,
                     .bias = true,
                     .seed = ++seed});
  const Index least = kernel.windows.strides.begin;
  for (Case& c : cases) c.sy = std::max(c.sy, least), c.sx = std::max(c.sx, least);
  return cases;
}

inline void check_anchored_kernel(const Kernel& kernel) {
  ASSERT_EQ(kernel.order, Order::kAnchored);
  ASSERT_TRUE(kernel.tiling != nullptr || kernel.error.factor > 0);
  for (const Case& c : anchored_table(kernel)) {
    expect_near_definition(c, kernel);
    expect_same_bits_dealt_otherwise(c, kernel);
  }
}

}  // namespace tilewright::conformance
