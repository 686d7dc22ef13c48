// Strips as high as the column of taps at least, so that rows which neighbouring strips compute as
// well are no more than their own.
#include "tilewright/device/cpu/kernels/conv2d_separable.h"

#include <algorithm>

#include "tilewright/device/cpu/arena.h"
#include "tilewright/device/cpu/kernels/conv2d_direct_ops.h"
#include "tilewright/device/cpu/kernels/conv2d_direct_step.h"

namespace tilewright::cpu {
namespace {

constexpr Index kLanes = 16;              // at most
constexpr Index kRowsAtOnce = 8;          // of the first pass
constexpr Index kStripBytes = 256 << 10;  // of both passes, if the taps allow it
constexpr Index kFewRows = 64;

/// Outputs computed at a time, and elements of the buffers that they need: no more than a step of
/// `down` x `across` outputs has.
struct Strip {
  Strip(Index ky, Index kx, Index down, Index across, Index bytes_of_element) {
    rows = round_up(std::max(kFewRows, ky), kRowsAtOnce);
    const Index room = kStripBytes / bytes_of_element - kRowsAtOnce * kx;
    const Index fit = room / (rows + ky + rows + kRowsAtOnce) / (3 * kLanes) * (3 * kLanes);
    columns = std::clamp<Index>(fit, 3 * kLanes, 60 * kLanes);
    rows = std::min(rows, down);
    columns = std::min(columns, round_up(across, kLanes));
    pitch = round_up(columns + kx - 1, kLanes);
  }
  Index source() const { return kRowsAtOnce * pitch; }
  Index between(Index ky) const { return (rows + ky - 1) * columns; }
  Index results() const { return rows * columns; }
  Index rows, columns;
  Index pitch;  // of source rows
};

Index bytes_of(Index ky, Index kx, Index down, Index across, Index bytes_of_element) {
  const Strip s(ky, kx, down, across, bytes_of_element);
  const Index elements = s.source() + s.between(ky) + s.results() + ky + kx;
  return round_up(elements * bytes_of_element, 64) + 64 * 4;
}

template <class T>
class Separable {
 public:
  Separable(const StepArgs& args, const DirectStep<T>& step, std::byte* workspace)
      : args_(args),
        step_(step),
        ops_(*direct_ops<T>()),
        strip_(step.taps_y, step.taps_x, step.row.outputs, step.lane.outputs, sizeof(T)),
        column_(reinterpret_cast<T*>(workspace)),
        row_(column_ + round_up(step.taps_y, kLanes)),
        source_(row_ + round_up(step.taps_x, kLanes)),
        between_(source_ + strip_.source()),
        results_(between_ + strip_.between(step.taps_y)) {
    std::transform(args.column, args.column + step.taps_y, column_, convert);
    std::transform(args.row, args.row + step.taps_x, row_, convert);
  }

  static T convert(double v) { return static_cast<T>(v); }

  Index count() const { return step_.n * step_.groups * down() * across(); }

  void run(Index i) const {
    const Index x = i % across(), y = i / across() % down(), plane = i / across() / down();
    const Index n = plane / step_.groups, g = plane % step_.groups;
    const Interval rows = part(y, strip_.rows, step_.row.outputs);
    const Interval columns = part(x, strip_.columns, step_.lane.outputs);
    const T* src = step_.src_data + n * step_.src_n + g * step_.src_c;
    for (Index r = 0; r < rows.size() + step_.taps_y - 1; r += kRowsAtOnce)
      along_rows(src, rows, columns, r);
    down_columns(rows, columns, n, g);
  }

 private:
  Index down() const { return ceil_div(step_.row.outputs, strip_.rows); }
  Index across() const { return ceil_div(step_.lane.outputs, strip_.columns); }
  static Interval part(Index i, Index size, Index extent) {
    return {i * size, std::min(extent, (i + 1) * size)};
  }
  Index wide(const Interval& columns) const { return round_up(columns.size(), ops_.lanes); }

  // Source rows `first` and some more below the first output row of `rows`.
  void along_rows(const T* src, const Interval& rows, const Interval& columns, Index first) const {
    const StepAxis &y = step_.row, &x = step_.lane;
    const Index count = std::min(kRowsAtOnce, rows.size() + step_.taps_y - 1 - first);
    const Index needed = columns.size() + step_.taps_x - 1;
    const Index padded = wide(columns) + step_.taps_x - 1;
    const Index begin = std::clamp<Index>(x.real.begin - columns.begin, 0, needed);
    const Index end = std::clamp<Index>(x.real.end - columns.begin, begin, needed);
    for (Index i = 0; i < count; ++i) {
      const Index at = rows.begin + first + i;
      T* to = source_ + i * strip_.pitch;
      const bool real = y.real.contains(at);
      const T* from = src + at * y.src_step + (columns.begin + begin) * x.src_step;
      std::fill(to, to + (real ? begin : padded), T(0));
      if (!real) continue;
      for (Index e = 0; e < end - begin; e += 64 / static_cast<Index>(sizeof(T)))
        __builtin_prefetch(from + kRowsAtOnce * y.src_step + e);
      ops_.copy_strided(from, x.src_step, end - begin, to + begin);
      std::fill(to + end, to + padded, T(0));
    }
    RowsJob<T> job;
    job.src = source_, job.src_row_stride = strip_.pitch;
    job.weights = row_;
    job.ci = 1, job.ky = 1, job.kx = step_.taps_x;
    job.dst = between_ + first * strip_.columns, job.dst_row_stride = strip_.columns;
    job.rows = count, job.columns = wide(columns);
    ops_.rows(job);
  }

  void down_columns(const Interval& rows, const Interval& columns, Index n, Index g) const {
    RowsJob<T> job;
    job.src = between_, job.src_row_stride = strip_.columns;
    job.weights = column_, job.weights_row = 1;
    job.ci = 1, job.ky = step_.taps_y, job.kx = 1;
    job.rows = rows.size();
    job.bias = step_.bias == nullptr ? nullptr : step_.bias + g * step_.bias_step;
    T* const dst = step_.dst_data + n * step_.dst_n + g * step_.dst_c +
                   rows.begin * step_.row.dst_step + columns.begin * step_.lane.dst_step;
    const bool whole = columns.size() >= ops_.lanes;
    job.dst = whole ? dst : results_;
    job.dst_row_stride = whole ? step_.row.dst_step : strip_.columns;
    job.columns = whole ? columns.size() : ops_.lanes;
    job.stream = whole && args_.stream;
    ops_.rows(job);
    if (whole) return;
    for (Index y = 0; y < rows.size(); ++y)
      std::copy_n(results_ + y * strip_.columns, columns.size(), dst + y * step_.row.dst_step);
  }

  const StepArgs& args_;
  const DirectStep<T>& step_;
  const DirectOps<T>& ops_;
  Strip strip_;
  T *column_, *row_, *source_, *between_, *results_;
};

template <class T>
void run_typed(const StepArgs& a) {
  const DirectStep<T> step = forward_step<T>(a);
  const Index bytes =
      conv2d_separable_workspace(step.taps_y, step.taps_x, step.row.outputs, step.lane.outputs);
  const Index count = Separable<T>(a, step, a.workspace).count();
  parallel_ranges(count, a.threads, [&](Index begin, Index end, int slot) {
    const Separable<T> strips(a, step, a.workspace + slot * bytes);
    for (Index i = begin; i < end; ++i) strips.run(i);
  });
}

}  // namespace

// For f64; f32 makes do with as much.
Index conv2d_separable_workspace(Index ky, Index kx, Index down, Index across) {
  const Index lanes = 2 * kLanes * static_cast<Index>(sizeof(double));
  return lanes + std::max(bytes_of(ky, kx, down, across, sizeof(float)),
                          bytes_of(ky, kx, down, across, sizeof(double)));
}

KernelTiling conv2d_separable_tiling(const Layer& layer) {
  KernelTiling t;
  t.anchors[Axis::kKy] = t.anchors[Axis::kKx] = 0;
  // Both chains, and the roundings of the two factors and of the weight that they stand for.
  const auto taps = static_cast<double>(layer.window(kY).taps + layer.window(kX).taps);
  t.error = {1, taps + 4};
  return t;
}

KernelWork conv2d_separable_work(const Layer& layer, const Block& step) {
  const auto size = [&](Axis a) { return static_cast<double>(step[a].size()); };
  const double outputs = size(Axis::kN) * size(Axis::kG) * size(Axis::kY) * size(Axis::kX);
  KernelWork work = default_work(layer, step);
  // Each strip takes the rows of its halo along, too.
  const double high =
      std::min(size(Axis::kY), std::max(static_cast<double>(kFewRows), size(Axis::kKy)));
  const double rows = (high + size(Axis::kKy) - 1) / high;
  work.flop = 2 * outputs * (rows * size(Axis::kKx) + size(Axis::kKy));
  work.bytes += 4 * outputs * static_cast<double>(sizeof(float));
  work.visits = outputs / (4 * 3 * kLanes) * 3;
  return work;
}

void run_conv2d_separable(const StepArgs& args) {
  if (args.dst.dtype == DType::kF64) return run_typed<double>(args);
  run_typed<float>(args);
}

}  // namespace tilewright::cpu
