// Time of a run = the slowest of compute, read and write, plus filling and draining the pipeline;
// with one piece in flight nothing overlaps and the three add up.
#include "tilewright/plan/cost.h"

#include "tilewright/plan/footprint.h"
#include "tilewright/plan/traffic.h"

namespace tilewright {
namespace {

constexpr double kMemoryBytesPerSecond = 8e9;  // one pass of a core over tiles
constexpr double kRunSeconds = 0.3e-6;         // one contiguous run of a file, or of padding

double file_runs(const Plan& p) {
  const Region window = p.problem.layer->region(Operand::kSrc, largest_step(p.cuts));
  const auto width = static_cast<double>(std::max<Index>(1, window[kX].size()));
  const auto size = static_cast<double>(size_of(p.problem.src_dtype));
  return p.moved.src_bytes / size / width;
}

// All steps, by their share of the work of the largest.
double kernel_seconds_of_all(const Plan& p) {
  const Block step = largest_step(p.cuts);
  const double share = p.problem.flop() / std::max(1.0, p.problem.layer->flop(step));
  return folded_work(p.problem) * share * kernel_seconds(p, step);
}

}  // namespace

double kernel_seconds(const Plan& p, const Block& step) {
  const double f64 = p.problem.compute == DType::kF64 ? 2 : 1;
  const int threads = p.kernel.workspace_bytes_per_thread > 0 ? std::max(1, p.threads) : 1;
  return f64 * time_of(work_of(p.kernel, *p.problem.layer, step), p.kernel.per_second) / threads;
}

void set_cost(Plan& p, const Machine& machine, const PlanOptions& options) {
  const double decoded = set_traffic(p, options);
  const Counts counts = p.counts();
  const double touched = p.moved.total() * 4 / static_cast<double>(size_of(p.problem.src_dtype));
  const double runs =
      static_cast<double>(folded_runs(p, kY)) * static_cast<double>(folded_runs(p, kX));
  p.compute_seconds = kernel_seconds_of_all(p) + touched / kMemoryBytesPerSecond / p.threads +
                      (runs - 1) * kRunSeconds +
                      static_cast<double>(counts.elemental_convolutions) * machine.step_seconds +
                      static_cast<double>(counts.pieces) * machine.piece_seconds;
  const bool from_file = options.src.file, to_file = options.dst.file;
  const double read =
      decoded / (from_file ? machine.read_bytes_per_second : kMemoryBytesPerSecond) +
      (from_file ? file_runs(p) * kRunSeconds : 0);
  const double write =
      p.dst_in_place
          ? 0
          : p.moved.dst_bytes / (to_file ? machine.write_bytes_per_second : kMemoryBytesPerSecond);
  if (p.in_flight == 1) {
    p.seconds = read + p.compute_seconds + write;
    return;
  }
  const double cores = (p.compute_seconds * p.threads + read + write) / std::max(2, p.threads);
  const double slowest = std::max({p.compute_seconds, read, write, cores});
  p.seconds = slowest + (read + write) / static_cast<double>(counts.pieces);
}

}  // namespace tilewright
