// How long a kernel takes for a step: its rates, then the nearest of what was measured.
#include <cmath>

#include "tilewright/machine/machine.h"

namespace tilewright {
namespace {

// Samples count by exp(-distance^2), distances in factors of kReach; what the rates say counts as
// much as kTrust samples of the very same step.
constexpr float kReach = 2.5F;
constexpr double kTrust = 0.05;

float logarithm(double value, double most) {
  return static_cast<float>(std::log2(std::clamp(value, 1.0, most)));
}

}  // namespace

Likeness likeness(const Layer& layer, const Block& step) {
  const auto size = [&](Axis a) { return static_cast<double>(step[a].size()); };
  const Window &y = layer.window(kY), &x = layer.window(kX);
  const double taps = size(Axis::kKy) * size(Axis::kKx);
  const double outputs = size(Axis::kY) * size(Axis::kX);
  const double channels = size(Axis::kG) * (size(Axis::kCi) + size(Axis::kCo));
  // Strides and dilations change the way that a kernel takes more than sizes do.
  return {logarithm(size(Axis::kCo), 512),
          logarithm(size(Axis::kCi), 512),
          2 * logarithm(size(Axis::kG), 4),
          logarithm(taps, 1024),
          0.7F * logarithm(size(Axis::kX), 64),
          2 * logarithm(static_cast<double>(x.stride), 4),
          logarithm(static_cast<double>(y.dilation), 4),
          0.5F * logarithm(size(Axis::kN) * outputs * channels / 65536, 1024)};
}

double KernelInfo::seconds(const Layer& layer, const Block& step) const {
  const double by_rates = time_of(work_of(*this, layer, step), per_second);
  if (samples.empty()) return by_rates;
  const Likeness here = likeness(layer, step);
  double weights = kTrust, sum = 0;
  for (const RateSample& s : samples) {
    float square = 0;
    for (std::size_t i = 0; i < here.size(); ++i)
      square += (here[i] - s.at[i]) * (here[i] - s.at[i]);
    const double weight = std::exp(-square * (1 / (kReach * kReach)) * 4);
    weights += weight;
    sum += weight * s.log_factor;
  }
  return by_rates * std::exp(sum / weights);
}

}  // namespace tilewright
