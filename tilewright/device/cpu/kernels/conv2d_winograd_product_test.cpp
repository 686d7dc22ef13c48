#include "tilewright/device/cpu/kernels/conv2d_winograd_product.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace tilewright::cpu {
namespace {

std::vector<float> numbers(Index count) {
  std::vector<float> v(static_cast<std::size_t>(count));
  unsigned state = 1;
  for (float& x : v) {
    state = state * 1664525u + 1013904223u;
    x = static_cast<float>(state >> 8) / 16777216.0f - 0.5f;
  }
  return v;
}

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

// One chain, or several whose results are added up.
float sum_of(const float* factors, Index factor_step, const float* src, Index src_step, Index depth,
             Index chain) {
  float sum = 0;
  for (Index first = 0; first < depth; first += chain) {
    float part = 0;
    for (Index k = first; k < std::min(depth, first + chain); ++k)
      part = std::fma(factors[k * factor_step], src[k * src_step], part);
    sum = first == 0 ? part : sum + part;
  }
  return sum;
}

// Every sum has its chains of fused multiply-adds, whatever register tiles it falls into, and where
// it is longer than what is done at a time.
void check_sums(Index chain) {
  const WinogradProductOps* ops = winograd_product_ops();
  for (const Index vectors : {1, 2, 3, 4, 5, 9})
    for (const Index channels : {1, 2, 5, 6, 13})
      for (const Index depth : {1, 3, 4, 127, 129, 300})
        for (const bool packed : {true, false}) {
          const Index step = vectors * ops->lanes + 3, pitch = channels + 2;
          const std::vector<float> src = numbers(depth * step), rows = numbers(depth * pitch);
          std::vector<float> panels(at(depth * channels)), dst(at(channels * step), 7.0f);
          WinogradProduct job;
          job.width = ops->width(vectors);
          for (Index c = 0; c < channels; ++c)
            for (Index k = 0; k < depth; ++k) {
              const Index begin = c / job.width * job.width,
                          wide = std::min(job.width, channels - begin);
              panels[at(begin * depth + k * wide + c - begin)] = rows[at(k * pitch + c)];
            }
          job.src = src.data(), job.src_step = step;
          job.vectors = vectors, job.depth = depth, job.channels = channels;
          job.factors = packed ? panels.data() : rows.data();
          job.panel_step = packed ? job.width * depth : job.width;
          job.factor_step = packed ? 0 : pitch;
          job.dst = dst.data(), job.dst_step = step;
          job.chain = chain;
          ops->run(job);
          for (Index c = 0; c < channels; ++c)
            for (Index x = 0; x < step; ++x) {
              const float sum = x < vectors * ops->lanes
                                    ? sum_of(&rows[at(c)], pitch, &src[at(x)], step, depth,
                                             chain == 0 ? depth : chain)
                                    : 7.0f;
              ASSERT_EQ(dst[at(c * step + x)], sum)
                  << vectors << " vectors, " << channels << " channels, depth " << depth
                  << ", chain " << chain;
            }
        }
}

TEST(WinogradProduct, EverySumIsOneChain) {
  if (winograd_product_ops() == nullptr) GTEST_SKIP() << "no fused multiply-add";
  check_sums(0);
}

TEST(WinogradProduct, ChainsAreAddedUpInTheirOrder) {
  if (winograd_product_ops() == nullptr) GTEST_SKIP() << "no fused multiply-add";
  for (const Index chain : {1, 3, 8, 100, 300}) check_sums(chain);
}

}  // namespace
}  // namespace tilewright::cpu
