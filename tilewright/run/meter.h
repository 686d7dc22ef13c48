// Counts what a run does and reports progress at a bearable rate. Used by several stages at once.
#pragma once

#include <chrono>
#include <mutex>

#include "tilewright/run/run.h"

namespace tilewright {

class Meter {
 public:
  /// What lies ahead. Progress is told by operations, or by bytes written if there are none.
  struct Work {
    Index pieces = 0;
    Index budget_bytes = 0;
    double dst_bytes = 0;
    double flop = 0;
  };
  Meter(const Work& work, const RunOptions& options) : options_(options), work_(work) {}

  /// Seconds since the start.
  double elapsed() const;
  /// So many operations of a piece have been done.
  void computed(double flop, Index bytes_used);
  /// One piece has been written.
  void piece_done(double bytes, Index bytes_used);
  /// The last report, and the totals into `trace`.
  void finish(Trace& trace);

 private:
  void report_sometimes(Index bytes_used);
  void report();
  double fraction() const;

  using Clock = std::chrono::steady_clock;
  const RunOptions& options_;
  std::mutex mutex_;
  Work work_;
  double flop_ = 0;
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
