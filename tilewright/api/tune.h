// Measures this machine: kernels, memory, files. Takes seconds; plans use what it finds.
#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "tilewright/plan/calibrate.h"

namespace tilewright {

struct TuneOptions {
  /// A third of the problems, each timed in one round.
  bool quick = false;
  /// Where files are written and read to measure them; empty: not measured.
  std::string folder{};
  /// Checked often; when true, tune() throws Interrupted and leaves no file.
  const std::atomic<bool>* cancel = nullptr;
  /// How much is done, in [0,1], and what is being measured.
  std::function<void(double, const std::string&)> progress{};
};

/// Times the kernels of `machine`, with all its threads, on problems of many kinds. Throws
/// Interrupted, StoreError.
Measurements tune(const Machine& machine, const TuneOptions& options = {});

}  // namespace tilewright
