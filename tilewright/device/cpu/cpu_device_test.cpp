#include "tilewright/device/cpu/cpu_device.h"

#include <hwy/targets.h>

#include "tilewright/device/anchored_conformance.h"
#include "tilewright/device/free_conformance.h"

namespace tilewright {
namespace {

/// Runs `f` once for each vector target that this machine supports.
template <class F>
void on_every_target(F&& f) {
  for (std::int64_t left = hwy::SupportedTargets(); left != 0; left &= left - 1) {
    hwy::SetSupportedTargetsForTest(left & -left);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    SCOPED_TRACE(cpu::vector_target());
    f();
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

conformance::Agrees agrees_of(const Kernel& k) {
  return k.layer == std::string("conv2d") ? &conformance::agrees : &conformance::gradient_agrees;
}

std::vector<Kernel> kernels_of(Order order) {
  std::vector<Kernel> list;
  for (const Kernel& k : cpu_device().kernels())
    if (k.order == order && !k.factored) list.push_back(k);  // those have tests of their own
  return list;
}

TEST(CpuDevice, DescribesItself) {
  EXPECT_STREQ(cpu_device().name(), "cpu");
  EXPECT_FALSE(cpu_device().describe().empty());
}

TEST(CpuDevice, EqualsTheDefinitionOnEveryTarget) {
  on_every_target([] {
    for (const Kernel& k : kernels_of(Order::kCanonical))
      conformance::check_canonical_kernel(k, agrees_of(k));
  });
}

TEST(CpuDevice, EqualsTheDefinitionOnRandomSteps) {
  on_every_target([] {
    for (const Kernel& k : kernels_of(Order::kCanonical))
      conformance::check_random_steps(k, agrees_of(k));
  });
}

TEST(CpuDevice, KeepsItsBoundAndItsBitsOnEveryTarget) {
  on_every_target([] {
    for (const Kernel& k : kernels_of(Order::kAnchored)) conformance::check_anchored_kernel(k);
  });
}

// Kernels of optional libraries, where those are.
TEST(CpuDevice, KeepsTheBoundOfAnyOrder) {
  for (const Kernel& k : kernels_of(Order::kFree)) conformance::check_free_kernel(k);
}

// OneDNN's kernels leave to others what the library refuses. Its gradients of weights sum blocks in
// the order of the definition, so that their bits tell nothing.
TEST(CpuDevice, LeavesOrdinaryStepsToTheLibrary) {
  for (const Kernel& k : kernels_of(Order::kFree))
    if (k.name.ends_with("/onednn") && k.layer != "conv2d_weights")
      conformance::expect_own_order(k);
}

TEST(CpuDevice, KeepsTheBoundOfAnyOrderOnRandomSteps) {
  for (const Kernel& k : kernels_of(Order::kFree)) conformance::check_random_free_steps(k);
}

// The last step of a cut may be smaller than the one that the workspace is for.
TEST(CpuDevice, NeedsNoMoreWorkspaceForSmallerSteps) {
  constexpr std::array<Index, 12> kSizes{1, 2, 7, 16, 31, 32, 33, 64, 65, 128, 129, 300};
  for (const Kernel& k : cpu_device().kernels()) {
    if (k.workspace == nullptr) continue;
    for (const Axis axis : {Axis::kN, Axis::kG, Axis::kCo, Axis::kCi, Axis::kY, Axis::kX})
      for (const Index other : kSizes)
        for (std::size_t i = 1; i < kSizes.size(); ++i) {
          Block small = whole({{1, 1, other, 64, other, 64, 3, 3}}), large = small;
          small[axis] = {0, kSizes[i - 1]}, large[axis] = {0, kSizes[i]};
          EXPECT_LE(k.workspace(small), k.workspace(large)) << k.name << " " << other;
        }
  }
}

TEST(CpuDevice, NeedsNoMoreWorkspaceThanItsConstant) {
  for (const Kernel& k : cpu_device().kernels()) {
    if (k.workspace == nullptr) continue;
    Block step = whole({{1, 1, 1, 1, 1, 1, 1, 1}});
    for (const Index channels : {1, 60, 61, 128, 5000}) {
      step[Axis::kCi] = step[Axis::kCo] = {0, channels};
      EXPECT_LE(workspace_bytes(k, step, 1), k.workspace_bytes_per_thread)
          << k.name << " " << channels;
    }
  }
}

// Rows of single channels wait in a buffer before they go past the caches.
TEST(CpuDevice, StreamsTheSameBits) {
  on_every_target([] {
    if (cpu_device().kernels().empty()) return;
    const Kernel& kernel = find_kernel("cpu", "conv2d/direct");
    for (const Index width : {16, 24, 512, 515, 520, 1041}) {
      const Shape taps{3, 1, 3, 3};
      Tensor src(DType::kF32, {1, 3, 24, width + 2}), weights(DType::kF32, taps);
      Tensor cached(DType::kF32, {1, 3, 22, round_up(width, 16)}), streamed = cached;
      Tensor workspace(DType::kF32, {1, 1, 1, kernel.workspace_bytes_per_thread / 4});
      std::minstd_rand random(static_cast<unsigned>(width));
      for (Tensor* t : {&src, &weights})
        std::generate_n(t->data<float>(), t->spec().volume(),
                        [&] { return static_cast<float>(random() % 512) / 256 - 1; });
      const auto layer = Conv2d::make(src.spec().shape, taps, false,
                                      {{1, 1}, {1, 1}, {}, PaddingMode::kZero, 3, false});
      StepArgs a;
      a.layer = layer.get(), a.groups = 3;
      a.src = src.view(), a.weights = weights.view();
      a.real_y = {1, 20}, a.real_x = {2, width};
      a.workspace = workspace.view().data;
      for (Tensor* dst : {&cached, &streamed}) {
        a.stream = dst == &streamed;
        a.dst = dst->view().slice({{{{0, 1}, {0, 3}, {0, 22}, {0, width}}}});
        kernel.run(a);
      }
      const auto bytes = static_cast<std::size_t>(cached.spec().bytes());
      EXPECT_EQ(std::memcmp(cached.view().data, streamed.view().data, bytes), 0) << width;
    }
  });
}

TEST(CpuDevice, GivesTheSameBitsOnAllTargets) {
  for (const Kernel& k : kernels_of(Order::kAnchored))
    for (const conformance::Case& c : conformance::anchored_table(k)) {
      std::vector<double> first;
      on_every_target([&] {
        if (cpu_device().kernels().empty()) return;
        const std::vector<double> found = conformance::run_any(c, k);
        if (first.empty()) first = found;
        EXPECT_TRUE(conformance::same_bits(first, found)) << k.name << " " << c;
      });
    }
}

}  // namespace
}  // namespace tilewright
