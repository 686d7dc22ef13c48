// Counts what a run does and reports progress at a bearable rate.
#pragma once

#include <chrono>

#include "tilewright/run/run.h"

namespace tilewright {

class Meter {
 public:
  Meter(Index pieces, Index budget_bytes, const RunOptions& options);

  /// Seconds since the start.
  double elapsed() const;
  /// One piece has been written.
  void piece_done(double bytes, Index bytes_used);
  /// The last report, and the totals into `trace`.
  void finish(Trace& trace);

 private:
  void report(Index bytes_used);

  using Clock = std::chrono::steady_clock;
  const RunOptions& options_;
  Index pieces_;
  Index budget_bytes_;
  Index done_ = 0;
  double bytes_ = 0;
  Index last_used_ = 0;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_report_ = start_;
};

/// Adds the lifetime of the object to `total`.
class Stopwatch {
 public:
  explicit Stopwatch(double& total) : total_(total) {}
  ~Stopwatch() {
    total_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  double& total_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace tilewright
