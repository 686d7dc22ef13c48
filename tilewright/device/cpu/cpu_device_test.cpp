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
    if (k.factored) {
      step[Axis::kKy] = step[Axis::kKx] = {0, k.windows.taps.end - 1};
      step[Axis::kY] = step[Axis::kX] = {0, 5000};
    }
    for (const Index channels : {1, 60, 61, 128, 5000}) {
      step[Axis::kCi] = step[Axis::kCo] = {0, channels};
      EXPECT_LE(workspace_bytes(k, step, 1), k.workspace_bytes_per_thread)
          << k.name << " " << channels;
    }
  }
}

struct Streamed {
  Index ci, co, groups, taps, width;
  DType dtype = DType::kF32;
};

/// One step into aligned rows, through the caches and past them.
void expect_same_streamed(const Streamed& s) {
  const Kernel& kernel = find_kernel("cpu", "conv2d/direct");
  const Index rows = 22;
  const Shape taps{s.co, s.ci / s.groups, s.taps, s.taps};
  Tensor src(s.dtype, {1, s.ci, rows + s.taps - 1, s.width + s.taps - 1}), weights(s.dtype, taps);
  Tensor cached(s.dtype, {1, s.co, rows, round_up(s.width, 16)}), streamed = cached;
  Tensor workspace(DType::kF32, {1, 1, 1, kernel.workspace_bytes_per_thread / 4});
  std::minstd_rand random(static_cast<unsigned>(s.width));
  dispatch(s.dtype, [&](auto type) {
    using T = decltype(type);
    for (Tensor* t : {&src, &weights})
      std::generate_n(t->data<T>(), t->spec().volume(),
                      [&] { return static_cast<T>(static_cast<int>(random() % 512) - 256) / 256; });
  });
  const auto layer = Conv2d::make(src.spec().shape, taps, false,
                                  {{1, 1}, {1, 1}, {}, PaddingMode::kZero, s.groups, false});
  StepArgs a;
  a.layer = layer.get(), a.groups = s.groups;
  a.src = src.view(), a.weights = weights.view();
  a.real_y = {1, rows - 2}, a.real_x = {2, s.width};
  a.workspace = workspace.view().data;
  for (Tensor* dst : {&cached, &streamed}) {
    a.stream = dst == &streamed;
    a.dst = dst->view().slice({{{{0, 1}, {0, s.co}, {0, rows}, {0, s.width}}}});
    kernel.run(a);
  }
  const auto bytes = static_cast<std::size_t>(cached.spec().bytes());
  EXPECT_EQ(std::memcmp(cached.view().data, streamed.view().data, bytes), 0) << s.width;
}

// Rows of single channels wait in a buffer before they go past the caches.
TEST(CpuDevice, StreamsTheSameBits) {
  on_every_target([] {
    if (cpu_device().kernels().empty()) return;
    for (const Index width : {16, 24, 512, 515, 520, 1041})
      expect_same_streamed({3, 3, 3, 3, width});
  });
}

// Sums of register tiles go there at once if they are whole and no step comes after.
TEST(CpuDevice, StreamsTheSameBitsFromRegisterTiles) {
  on_every_target([] {
    if (cpu_device().kernels().empty()) return;
    for (const DType dtype : {DType::kF32, DType::kF64})
      for (const Index width : {16, 24, 61, 131}) {
        expect_same_streamed({3, 7, 1, 3, width, dtype});
        expect_same_streamed({8, 26, 2, 1, width, dtype});
        expect_same_streamed({70, 5, 1, 5, width, dtype});
        expect_same_streamed({2, 2, 2, 4, width, dtype});
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
