// A Machine as plain data: what it may use, how fast it is, which kernels it offers. Defaults are
// safe; measuring is a separate act.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "tilewright/layer/kernel_traits.h"

namespace tilewright {

/// Where a step lies among others: the logarithms of what decides how well a kernel does, in which
/// sizes that are large for any kernel count alike.
using Likeness = std::array<float, 8>;
Likeness likeness(const Layer& layer, const Block& step);

/// By how much a measured step differs from what the rates say: log(measured / predicted).
struct RateSample {
  Likeness at{};
  double log_factor = 0;
};

/// A kernel of this machine.
struct KernelInfo : KernelTraits {
  std::string device;
  /// Of one thread, in f32; f64 takes twice as long.
  KernelRates per_second{1e9, 4e9, 20e6};
  /// What was measured on steps of many kinds; may be empty.
  std::vector<RateSample> samples{};

  /// Seconds of one thread for `step`: what the rates say, corrected by the samples that are most
  /// like it.
  double seconds(const Layer& layer, const Block& step) const;
};

/// More threads than this are a mistake, wherever the number comes from.
inline constexpr Index kMostThreads = 4096;

/// The memory of a run of up to so many bytes stays with the process, for the next run.
inline constexpr Index kKeptBytes = Index{16} << 20;

struct MachineLimits {
  Index host_bytes = 0;  // 0: unchanged
  int threads = 0;       // 0: unchanged
};

struct Machine {
  Index host_bytes = 0;
  int threads = 1;
  // Of files, as one thread reads and writes them.
  double read_bytes_per_second = 1e9;
  double write_bytes_per_second = 1.5e9;
  // Of one thread that copies between arrays and tiles.
  double near_bytes_per_second = 10e9;  // as long as all of it stays in the cache
  double far_bytes_per_second = 4e9;
  double row_seconds = 8e-9;            // of each row of a copy
  double fresh_bytes_per_second = 8e9;  // of memory that the system clears before it lends it
  Index cache_bytes = Index{8} << 20;
  double piece_seconds = 15e-6;  // fixed cost of one piece
  double step_seconds = 4e-6;    // fixed cost of one step and its read
  std::vector<KernelInfo> kernels;
  /// When the rates were measured ("2026-11-21 18:00 UTC"); empty for first guesses.
  std::string measured;
  /// One line for the user: why a measurement that is there was not used. Empty if all is well.
  std::string remark;

  /// This machine with less. Throws InvalidArgument for negative limits.
  Machine limited_to(const MachineLimits& limits) const;
};

}  // namespace tilewright
