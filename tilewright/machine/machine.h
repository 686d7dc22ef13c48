// A Machine as plain data: what it may use, how fast it is, which kernels it offers. Defaults are
// safe; measuring is a separate act.
#pragma once

#include <string>
#include <vector>

#include "tilewright/layer/kernel_traits.h"

namespace tilewright {

/// A kernel of this machine.
struct KernelInfo : KernelTraits {
  std::string device;
  /// Of one thread, in f32; f64 takes twice as long.
  KernelRates per_second{1e9, 4e9, 20e6};
};

/// More threads than this are a mistake, wherever the number comes from.
inline constexpr Index kMostThreads = 4096;

struct MachineLimits {
  Index host_bytes = 0;  // 0: unchanged
  int threads = 0;       // 0: unchanged
};

struct Machine {
  Index host_bytes = 0;
  int threads = 1;
  double read_bytes_per_second = 1e9;
  double write_bytes_per_second = 0.7e9;
  double piece_seconds = 30e-6;  // fixed cost of one piece
  double step_seconds = 10e-6;   // fixed cost of one step and its read
  std::vector<KernelInfo> kernels;

  /// This machine with less. Throws InvalidArgument for negative limits.
  Machine limited_to(const MachineLimits& limits) const;
};

}  // namespace tilewright
