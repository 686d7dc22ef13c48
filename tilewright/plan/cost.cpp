// Time of a run = the slowest of compute, read and write, plus filling and draining the pipeline;
// with one piece in flight nothing overlaps and the three add up.
#include "tilewright/plan/cost.h"

#include "tilewright/plan/footprint.h"
#include "tilewright/plan/traffic.h"

namespace tilewright {
namespace {

constexpr double kRunSeconds = 0.3e-6;        // one contiguous run of padding
constexpr double kFileRunSeconds = 3e-6;      // one contiguous run of a file
constexpr double kPipelineSeconds = 0.25e-3;  // two threads, to start and to wait for

double size(DType t) { return static_cast<double>(size_of(t)); }

// Rows that are copied into source tiles.
double source_rows(const Plan& p) {
  const Region window = p.problem.layer->region(Operand::kSrc, largest_step(p.cuts));
  const auto width = static_cast<double>(std::max<Index>(1, window[kX].size()));
  return p.moved.src_bytes / size(p.problem.src_dtype) / width;
}

// Elements of `part` of an array that lie together in memory.
double run_length(const Region& part, const Shape& array) {
  double length = 1;
  for (std::size_t d = 4; d-- > 0;) {
    length *= static_cast<double>(std::max<Index>(1, part.dims[d].size()));
    if (part.dims[d].size() < array[d]) break;
  }
  return length;
}

// Contiguous runs of a file that are read.
double source_runs(const Plan& p) {
  const Region window = p.problem.layer->region(Operand::kSrc, largest_step(p.cuts));
  const double run = run_length(window, p.problem.spec(Operand::kSrc).shape);
  return p.moved.src_bytes / size(p.problem.src_dtype) / run;
}

// What passes through tiles between file and kernel costs nothing more as long as they stay in the
// cache.
double tile_seconds(const Plan& p, double bytes, const Machine& machine) {
  const double tiles = static_cast<double>(p.memory.src_tiles + p.memory.dst_tiles);
  return bytes * far_share(tiles, machine) / machine.far_bytes_per_second;
}

// Sums that no cache holds pass through the threads once more with each further step of a piece.
double chained_seconds(const Plan& p, const Counts& counts, const Machine& machine) {
  const auto further = static_cast<double>(counts.steps_per_piece - 1);
  const double sum = size(p.problem.layer->accumulator(p.problem.compute));
  const Region tile = p.problem.layer->region(Operand::kDst, largest_step(p.cuts));
  const double bytes = p.moved.dst_bytes / size(p.problem.dst_dtype) * sum;
  return further * bytes * far_share(sum * static_cast<double>(tile.volume()), machine) /
         (machine.far_bytes_per_second * std::max(1, p.threads));
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
  return f64 * p.kernel.seconds(*p.problem.layer, step) / threads;
}

double repeated_share(const Plan& p, Block step) {
  if (p.kernel.shared_workspace != nullptr) return 0;  // there it keeps what it has made
  Interval& y = step[Axis::kY];
  const Index unit = std::max<Index>(1, p.kernel.anchors[Axis::kY]);
  const Index half = y.size() / 2 / unit * unit;  // else what rounding costs would count
  if (half == 0) return 0;
  const auto seconds = [&](Index rows) {
    y.end = y.begin + rows;
    return time_of(work_of(p.kernel, *p.problem.layer, step), p.kernel.per_second);
  };
  const double part = seconds(half), all = seconds(2 * half);
  return all > 0 ? std::max(0.0, 2 * part / all - 1) : 0;
}

CopyWork source_copies(const Plan& p) {
  const DType compute = p.problem.compute;
  const double wide = std::max(size(p.problem.src_dtype), size(compute));
  return {p.moved.src_bytes / size(p.problem.src_dtype) * wide, source_rows(p)};
}

CopyWork weights_copies(const Plan& p) {
  const bool summed = sums_image(*p.problem.layer);
  const DType stored = p.problem.spec(Operand::kWeights).dtype;
  const Region taps = p.problem.layer->region(Operand::kWeights, largest_step(p.cuts));
  const double elements = p.moved.weights_bytes / size(stored);
  const double row = run_length(taps, p.problem.spec(Operand::kWeights).shape);
  return {elements * (summed ? size(p.problem.compute) : size(stored)), elements / row};
}

CopyWork result_copies(const Plan& p) {
  const Region tile = p.problem.layer->region(Operand::kDst, largest_step(p.cuts));
  const double row = run_length(tile, p.problem.spec(Operand::kDst).shape);
  const double elements = p.moved.dst_bytes / size(p.problem.dst_dtype);
  const DType sums = p.problem.layer->accumulator(p.problem.compute);
  return {elements * (size(p.problem.dst_dtype) + size(sums)) / 2, elements / row};
}

FreshBytes fresh_bytes(const Plan& p) {
  const MemoryUse& m = p.memory;
  if (p.peak_bytes() - m.stores <= kKeptBytes) return {};
  return {static_cast<double>(m.src_tiles + m.weights),
          static_cast<double>(m.workspace + m.dst_tiles)};
}

double operand_bytes(const Plan& p) {
  double bytes = static_cast<double>(p.memory.src_tiles + p.memory.dst_tiles);
  for (const Operand o : {Operand::kSrc, Operand::kWeights, Operand::kDst})
    bytes += static_cast<double>(p.problem.spec(o).bytes());
  return bytes;
}

double far_share(double bytes, const Machine& machine) {
  const auto cache = static_cast<double>(machine.cache_bytes);
  return std::clamp((bytes - cache / 2) / cache, 0.0, 1.0);
}

double copy_seconds(const CopyWork& work, double all_bytes, const Machine& machine) {
  const double far = far_share(all_bytes, machine);
  return work.bytes *
             ((1 - far) / machine.near_bytes_per_second + far / machine.far_bytes_per_second) +
         work.rows * machine.row_seconds;
}

namespace {

// What lies in files is read in runs and then converted into tiles; what lies in memory is copied.
double read_seconds(const Plan& p, const DecodedBytes& decoded, const Machine& machine,
                    const PlanOptions& options) {
  const double all = operand_bytes(p);
  const double copied = p.src_in_place ? 0 : copy_seconds(source_copies(p), all, machine);
  const double weights = p.weights_in_place ? 0 : copy_seconds(weights_copies(p), all, machine);
  if (!options.src.file) return copied + weights;
  return decoded.src * (1 / machine.read_bytes_per_second + options.src.decode_seconds_per_byte) +
         decoded.weights *
             (1 / machine.read_bytes_per_second + options.weights.decode_seconds_per_byte) +
         source_runs(p) * kFileRunSeconds + tile_seconds(p, p.moved.src_bytes, machine) + weights;
}

double write_seconds(const Plan& p, const Machine& machine, const PlanOptions& options) {
  if (p.dst_in_place) return 0;
  if (options.dst.file)
    return p.moved.dst_bytes / machine.write_bytes_per_second +
           result_copies(p).rows * kFileRunSeconds + tile_seconds(p, p.moved.dst_bytes, machine);
  return copy_seconds(result_copies(p), operand_bytes(p), machine);
}

}  // namespace

void set_cost(Plan& p, const Machine& machine, const PlanOptions& options) {
  const DecodedBytes decoded = set_traffic(p, options);
  const Counts counts = p.counts();
  const double runs =
      static_cast<double>(folded_runs(p, kY)) * static_cast<double>(folded_runs(p, kX));
  const FreshBytes fresh = fresh_bytes(p);
  p.compute_seconds = kernel_seconds_of_all(p) + chained_seconds(p, counts, machine) +
                      fresh.compute / machine.fresh_bytes_per_second + (runs - 1) * kRunSeconds +
                      static_cast<double>(counts.elemental_convolutions) * machine.step_seconds +
                      static_cast<double>(counts.pieces) * machine.piece_seconds;
  const double read =
      read_seconds(p, decoded, machine, options) + fresh.read / machine.fresh_bytes_per_second;
  const double write = write_seconds(p, machine, options);
  if (p.in_flight == 1) {
    p.seconds = read + p.compute_seconds + write;
    return;
  }
  const double cores = (p.compute_seconds * p.threads + read + write) / std::max(2, p.threads);
  const double slowest = std::max({p.compute_seconds, read, write, cores});
  p.seconds = kPipelineSeconds + slowest + (read + write) / static_cast<double>(counts.pieces);
}

}  // namespace tilewright
