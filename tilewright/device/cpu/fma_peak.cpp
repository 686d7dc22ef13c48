// Measures how many fused multiply-adds the machine can do, as the yardstick of the kernels.
#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include "tilewright/device/cpu/cpu_device.h"
#include "tilewright/device/cpu/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tilewright/device/cpu/fma_peak.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tilewright::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Runs 12 independent chains and returns the floating-point operations done; 0 without FMA.
double fma_burst(float* out) {
  if (HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128) return 0;
  const hn::CappedTag<float, 16> d;
  constexpr int kChains = 12, kSteps = 20000;
  hn::Vec<decltype(d)> sum[kChains];
  const auto a = hn::Set(d, out[0]), b = hn::Set(d, out[1]);
#pragma GCC unroll 16
  for (int i = 0; i < kChains; ++i) sum[i] = hn::Set(d, static_cast<float>(i));
  for (int s = 0; s < kSteps; ++s)
#pragma GCC unroll 16
    for (int i = 0; i < kChains; ++i) sum[i] = hn::MulAdd(sum[i], a, b);
  auto total = sum[0];
#pragma GCC unroll 16
  for (int i = 1; i < kChains; ++i) total = hn::Add(total, sum[i]);
  out[2] = hn::GetLane(total);
  return 2.0 * kChains * kSteps * static_cast<double>(hn::Lanes(d));
}

const char* target_name() { return hwy::TargetName(HWY_TARGET); }

}  // namespace tilewright::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tilewright::cpu {

HWY_EXPORT(fma_burst);
HWY_EXPORT(target_name);

const char* vector_target() { return HWY_DYNAMIC_DISPATCH(target_name)(); }

double measure_fma_peak(int threads) {
  using Clock = std::chrono::steady_clock;
  std::vector<double> rates(static_cast<std::size_t>(threads));
  std::vector<std::jthread> workers;
  for (double& rate : rates)
    workers.emplace_back([&rate] {
      float data[3] = {0.5f, 1.0f, 0.0f};
      // The best of many short bursts: other programs only ever slow one down.
      const auto end = Clock::now() + std::chrono::milliseconds(50);
      for (auto begin = Clock::now(); begin < end;) {
        const double flop = HWY_DYNAMIC_DISPATCH(fma_burst)(data);
        const auto now = Clock::now();
        rate = std::max(rate, flop / std::chrono::duration<double>(now - begin).count() * 1e-9);
        begin = now;
      }
    });
  workers.clear();
  double sum = 0;
  for (const double rate : rates) sum += rate;
  return sum;
}

}  // namespace tilewright::cpu
#endif
