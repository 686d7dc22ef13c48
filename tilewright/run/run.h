// run(): executes a plan between stores, within its bytes. read -> convert -> compute -> write, as
// a pipeline whose buffers are taken once from one pool.
#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "tilewright/plan/plan.h"
#include "tilewright/store/store.h"

namespace tilewright {

/// What a run looks like while it goes on.
struct Progress {
  std::string output{};  // which of several; empty if there is but one
  Index pieces_done = 0;
  Index pieces = 0;
  double fraction = 0;  // of the work
  double seconds = 0;
  double dst_bytes_per_second = 0;
  Index bytes_used = 0;
  Index budget_bytes = 0;
  double seconds_left = 0;
};

/// What happened.
struct Trace {
  double seconds = 0;
  double read_seconds = 0;  // busy, summed over the run
  double compute_seconds = 0;
  double write_seconds = 0;
  double bytes_read = 0;
  double bytes_written = 0;
  Index pieces = 0;
  Index steps = 0;
  Index peak_bytes = 0;  // buffers, workspace and file caches at their most
  std::string hash;      // of the output's values, independent of file format and cuts
};

/// The stores of a run. `bias` may be null. `dst` is not committed: the caller does that.
struct Stores {
  Store* src = nullptr;
  Store* weights = nullptr;
  Store* bias = nullptr;
  Store* dst = nullptr;
};

struct RunOptions {
  /// Checked often; when true, run() throws Interrupted and leaves dst uncommitted.
  const std::atomic<bool>* cancel = nullptr;
  /// Called from one thread at a time, at most about ten times a second and once at the end.
  std::function<void(const Progress&)> progress{};
  /// Fills every buffer with NaN bytes before use, to catch reads of what was not written.
  bool poison = false;
  /// Larger tiles are read, converted and written in parts of about so many bytes, so that a
  /// cancellation is noticed between them.
  double part_bytes = 128 << 20;
  /// Whether Trace::hash is wanted; it costs one pass over the output.
  bool fingerprint = true;
};

/// Runs `plan`. Throws InvalidArgument if the stores' shapes do not match the plan, StoreError,
/// DeviceError, Interrupted.
Trace run(const Plan& plan, const Stores& stores, const RunOptions& options = {});

}  // namespace tilewright
