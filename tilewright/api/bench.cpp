// Alternating repetitions, so that a noisy machine disturbs all plans alike.
#include "tilewright/api/bench.h"

#include <algorithm>
#include <random>
#include <type_traits>

#include "tilewright/api/report.h"

namespace tilewright {
namespace {

// Floats have all bits of their mantissas: sums of shorter ones are exact in any order, and equal
// results would say nothing of it.
Tensor noise(const TensorSpec& spec, std::uint32_t seed) {
  Tensor t(spec);
  std::minstd_rand random(seed);
  dispatch(spec.dtype, [&](auto type) {
    using T = decltype(type);
    T* v = t.data<T>();
    const Index count = spec.volume();
    for (Index i = 0; i < count; ++i) {
      const auto r = random();  // 31 bits
      if constexpr (std::is_floating_point_v<T>)
        v[i] = static_cast<T>(static_cast<double>(r) * 0x1p-30 - 1);
      else
        v[i] = static_cast<T>(r % 128);
    }
  });
  return t;
}

}  // namespace

double BenchResult::median_seconds() const {
  std::vector<double> sorted = seconds;
  std::sort(sorted.begin(), sorted.end());
  return sorted.empty() ? 0 : sorted[sorted.size() / 2];
}

std::vector<BenchResult> bench(const std::vector<Plan>& plans, int repeats,
                               const std::atomic<bool>* cancel) {
  std::vector<BenchResult> results(plans.size());
  if (plans.empty()) return results;
  const Problem& p = plans.front().problem;
  const Tensor src = noise(p.spec(Operand::kSrc), 1);
  const Tensor weights = noise(p.spec(Operand::kWeights), 2);
  const Tensor bias = p.has_bias() ? noise(p.spec(Operand::kBias), 3) : Tensor();
  Tensor dst(p.spec(Operand::kDst));
  RunOptions options;
  options.cancel = cancel;
  std::vector<std::string> hashes(plans.size());
  for (int i = -1; i < repeats; ++i)
    for (std::size_t j = 0; j < plans.size(); ++j) {
      options.fingerprint = i < 0;
      const ResidentGrowth growth;
      results[j].trace = run(plans[j], src, weights, p.has_bias() ? &bias : nullptr, dst, options);
      if (i < 0)
        hashes[j] = results[j].trace.hash;
      else
        results[j].seconds.push_back(results[j].trace.seconds);
      results[j].resident_bytes = growth.bytes();
    }
  for (std::size_t j = 0; j < plans.size(); ++j) results[j].trace.hash = hashes[j];
  return results;
}

}  // namespace tilewright
