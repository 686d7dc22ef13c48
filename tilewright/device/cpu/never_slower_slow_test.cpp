// The fast kernel is never slower than the definition, on any kind of shape. Runs alternate, so a
// busy machine disturbs both; medians of ratios are compared.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

#include "tilewright/device/device.h"
#include "tilewright/layer/conv2d/conv2d.h"

namespace tilewright {
namespace {

struct Shapes {
  const char* name;
  Index groups, ci, co, y, x, ky, kx, stride, dilation;
};

constexpr Shapes kShapes[] = {
    {"64->64 3x3 @32", 1, 64, 64, 32, 32, 3, 3, 1, 1},
    {"3->64 7x7 s2 @64", 1, 3, 64, 64, 64, 7, 7, 2, 1},
    {"64->64 1x1 @1", 1, 64, 64, 1, 1, 1, 1, 1, 1},
    {"64->64 3x3 @7", 1, 64, 64, 7, 7, 3, 3, 1, 1},
    {"64->1 3x3 @64", 1, 64, 1, 64, 64, 3, 3, 1, 1},
    {"64->2 3x3 @64", 1, 64, 2, 64, 64, 3, 3, 1, 1},
    {"1->64 3x3 @64", 1, 1, 64, 64, 64, 3, 3, 1, 1},
    {"depthwise 64 3x3 @2", 64, 1, 1, 2, 2, 3, 3, 1, 1},
    {"depthwise 64 3x3 @28", 64, 1, 1, 28, 28, 3, 3, 1, 1},
    {"depthwise 64 3x3 s2 @28", 64, 1, 1, 28, 28, 3, 3, 2, 1},
    {"depthwise 64 7x7 @7", 64, 1, 1, 7, 7, 7, 7, 1, 1},
    {"groups 8, 4->4 3x3 @28", 8, 4, 4, 28, 28, 3, 3, 1, 1},
    {"1->1 3x3 @4", 1, 1, 1, 4, 4, 3, 3, 1, 1},
    {"1->1 3x3 @512", 1, 1, 1, 512, 512, 3, 3, 1, 1},
    {"1->1 31x31 @64", 1, 1, 1, 64, 64, 31, 31, 1, 1},
    {"1->1 101x101 @3", 1, 1, 1, 3, 3, 101, 101, 1, 1},
    {"1->1 1x3 @1x10000", 1, 1, 1, 1, 10000, 1, 3, 1, 1},
    {"1->1 3x1 @10000x1", 1, 1, 1, 10000, 1, 3, 1, 1, 1},
    {"8->8 3x3 @1000x3", 1, 8, 8, 1000, 3, 3, 3, 1, 1},
    {"2->2 2x2 s50 @9", 1, 2, 2, 9, 9, 2, 2, 50, 1},
    {"2->2 3x3 d40 @9", 1, 2, 2, 9, 9, 3, 3, 1, 40},
};

double seconds_of(const Kernel& kernel, const StepArgs& args, int calls) {
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  for (int i = 0; i < calls; ++i) kernel.run(args);
  return std::chrono::duration<double>(Clock::now() - begin).count() / calls;
}

// Median over alternating rounds of fast time / definition time.
double ratio(const Shapes& s, int threads) {
  const Kernel& fast = find_kernel("cpu", "conv2d/direct");
  const Kernel& slow = find_kernel("reference", "conv2d/definition");
  const Shape shape{1, s.groups * s.ci, (s.y - 1) * s.stride + (s.ky - 1) * s.dilation + 1,
                    (s.x - 1) * s.stride + (s.kx - 1) * s.dilation + 1};
  const Tensor src(DType::kF32, shape);
  const Tensor weights(DType::kF32, {s.groups * s.co, s.ci, s.ky, s.kx});
  Tensor dst(DType::kF32, {1, s.groups * s.co, s.y, s.x});
  Tensor workspace(DType::kU8, {1, 1, threads, fast.workspace_bytes_per_thread});
  Conv2dOptions options;
  options.stride = {s.stride, s.stride};
  options.dilation = {s.dilation, s.dilation};
  options.groups = s.groups;
  const auto layer = Conv2d::make(shape, weights.shape(), false, options);
  StepArgs args;
  args.layer = layer.get();
  args.src = src.view(), args.weights = weights.view(), args.dst = dst.view();
  args.groups = s.groups;
  args.workspace = workspace.data<std::byte>();
  args.threads = threads;
  const int calls = 1 + static_cast<int>(2e-4 / std::max(1e-9, seconds_of(slow, args, 1)));
  std::vector<double> ratios;
  for (int i = 0; i < 15; ++i)
    ratios.push_back(seconds_of(fast, args, calls) / seconds_of(slow, args, calls));
  std::nth_element(ratios.begin(), ratios.begin() + 7, ratios.end());
  return ratios[7];
}

TEST(NeverSlower, ThanTheDefinition) {
  for (const Shapes& s : kShapes)
    for (const int threads : {1, 2}) EXPECT_LE(ratio(s, threads), 1.0) << s.name << " " << threads;
}

}  // namespace
}  // namespace tilewright
