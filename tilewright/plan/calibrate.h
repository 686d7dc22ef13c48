// calibrate(): a machine with rates that were measured. Pure: measuring itself is tune()'s.
#pragma once

#include <string>
#include <vector>

#include "tilewright/plan/plan.h"

namespace tilewright {

/// One run in memory, in one piece; seconds are those of the executor's Trace.
struct MeasuredRun {
  std::string kernel;  // "cpu:conv2d/direct"
  Problem problem;
  double read_seconds = 0;
  double compute_seconds = 0;
  double write_seconds = 0;
  double seconds = 0;
};

/// A file that was read and another that was written, in pieces of a strip each.
struct MeasuredFile {
  double bytes = 0;  // of each
  double read_seconds = 0;
  double write_seconds = 0;
};

struct Measurements {
  int threads = 1;
  std::vector<MeasuredRun> runs;
  std::vector<MeasuredFile> files;
  /// "2026-11-21 18:00 UTC"
  std::string when;
};

/// `machine` with the rates that explain `found` best, in relative terms; what was not measured
/// stays, scaled like what was. Kernels and problems that the machine lacks are ignored.
Machine calibrate(Machine machine, const Measurements& found);

}  // namespace tilewright
