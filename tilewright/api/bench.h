// Timing of plans in memory, next to what was predicted.
#pragma once

#include "tilewright/api/convolve.h"

namespace tilewright {

struct BenchResult {
  std::vector<double> seconds;  // of every repetition
  Trace trace;                  // of the last one
  Index resident_bytes = 0;     // by which it made the process grow; 0 if unknown
  double median_seconds() const;
};

/// Runs every plan `repeats` times on generated tensors, plans in turn, after one run of each that
/// is not counted. Plans must be of the same problem.
std::vector<BenchResult> bench(const std::vector<Plan>& plans, int repeats,
                               const std::atomic<bool>* cancel = nullptr);

}  // namespace tilewright
