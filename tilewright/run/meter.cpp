// Progress reports.
#include "tilewright/run/meter.h"

#include <algorithm>

namespace tilewright {
namespace {

constexpr std::chrono::milliseconds kReportEvery{100};

}  // namespace

double Meter::elapsed() const {
  return std::chrono::duration<double>(Clock::now() - start_).count();
}

void Meter::computed(double flop, Index bytes_used) {
  if (!options_.progress) return;
  const std::lock_guard lock(mutex_);
  flop_ += flop;
  report_sometimes(bytes_used);
}

void Meter::piece_done(double bytes, Index bytes_used) {
  const std::lock_guard lock(mutex_);
  ++done_;
  bytes_ += bytes;
  if (options_.progress) report_sometimes(bytes_used);
}

void Meter::report_sometimes(Index bytes_used) {
  last_used_ = bytes_used;
  // finish() reports the end.
  if (done_ == work_.pieces || Clock::now() - last_report_ < kReportEvery) return;
  last_report_ = Clock::now();
  report();
}

double Meter::fraction() const {
  if (done_ == work_.pieces) return 1;
  return std::min(1.0, work_.flop > 0 ? flop_ / work_.flop : bytes_ / work_.dst_bytes);
}

void Meter::report() {
  Progress p;
  p.pieces_done = done_;
  p.pieces = work_.pieces;
  p.fraction = fraction();
  p.seconds = elapsed();
  p.dst_bytes_per_second = p.seconds > 0 ? p.fraction * work_.dst_bytes / p.seconds : 0;
  p.bytes_used = last_used_;
  p.budget_bytes = work_.budget_bytes;
  p.seconds_left = p.fraction > 0 ? p.seconds * (1 - p.fraction) / p.fraction : 0;
  options_.progress(p);
}

void Meter::finish(Trace& trace) {
  const std::lock_guard lock(mutex_);
  trace.seconds = elapsed();
  trace.bytes_written = bytes_;
  trace.pieces = done_;
  if (options_.progress) report();
}

}  // namespace tilewright
