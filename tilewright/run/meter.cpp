// Progress reports.
#include "tilewright/run/meter.h"

namespace tilewright {
namespace {

constexpr std::chrono::milliseconds kReportEvery{100};

}  // namespace

Meter::Meter(Index pieces, Index budget_bytes, const RunOptions& options)
    : options_(options), pieces_(pieces), budget_bytes_(budget_bytes) {}

double Meter::elapsed() const {
  return std::chrono::duration<double>(Clock::now() - start_).count();
}

void Meter::piece_done(double bytes, Index bytes_used) {
  ++done_;
  bytes_ += bytes;
  last_used_ = bytes_used;
  if (done_ == pieces_) return;  // finish() reports that
  if (!options_.progress || Clock::now() - last_report_ < kReportEvery) return;
  last_report_ = Clock::now();
  report(bytes_used);
}

void Meter::report(Index bytes_used) {
  Progress p;
  p.pieces_done = done_;
  p.pieces = pieces_;
  p.fraction = static_cast<double>(done_) / static_cast<double>(pieces_);
  p.seconds = elapsed();
  p.dst_bytes_per_second = p.seconds > 0 ? bytes_ / p.seconds : 0;
  p.bytes_used = bytes_used;
  p.budget_bytes = budget_bytes_;
  p.seconds_left = p.fraction > 0 ? p.seconds * (1 - p.fraction) / p.fraction : 0;
  options_.progress(p);
}

void Meter::finish(Trace& trace) {
  trace.seconds = elapsed();
  trace.bytes_written = bytes_;
  trace.pieces = done_;
  if (options_.progress) report(last_used_);
}

}  // namespace tilewright
