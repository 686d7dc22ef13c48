#include "tilewright/device/cpu/kernels/conv2d_direct_rows.h"

namespace tilewright::cpu {
namespace {

// Vectors in a row of a window: whole register tiles, which are three wide.
constexpr Index kWidths[] = {63, 30, 15, 9, 6, 3};
// Better narrow than out of the first cache. Windows are low, so that the rows of the next one are
// on their way while one is computed.
constexpr Index kWindowBytes = 32 * 1024, kFewRows = 8;
constexpr Index kRowsAtOnce = 4;

}  // namespace

template <class T>
auto RowsRunner<T>::widest(const DirectStep<T>& s, const DirectOps<T>& ops) -> Strip {
  Strip strip;
  const Index halo_x = (s.lane.taps - 1) * s.lane.dilation;
  const Index halo_y = (s.row.taps - 1) * s.row.dilation, unit = kRowsAtOnce * s.row.dilation;
  // Rows that neighbouring strips copy as well should be fewer than their own.
  for (const Index bytes : {kWindowBytes, kDirectWindowBytes})
    for (const Index width : kWidths) {
      strip.columns = std::min(width * ops.lanes, round_up(s.lane.outputs, ops.lanes));
      strip.pitch = round_up(strip.columns + halo_x, ops.lanes);
      const Index fit = bytes / static_cast<Index>(sizeof(T)) / strip.pitch - halo_y;
      const Index enough = round_up(std::max(kFewRows, 2 * halo_y), unit);
      strip.rows = std::min(enough, std::max<Index>(0, fit) / unit * unit);
      if (strip.rows > 0 && strip.rows >= std::min(halo_y, s.row.outputs)) return strip;
    }
  return strip;
}

template <class T>
RowsRunner<T>::RowsRunner(const DirectStep<T>& step, const DirectOps<T>& ops, std::byte* workspace)
    : step_(step), ops_(ops), window_(reinterpret_cast<T*>(workspace)), strip_(widest(step, ops)) {}

template <class T>
bool RowsRunner<T>::takes(const DirectStep<T>& s, const DirectOps<T>& ops) {
  return s.co == 1 && !s.turned && !s.twin.any() && s.row.stride == 1 && s.lane.stride == 1 &&
         s.lane.src_step == 1 && s.lane.dst_step == 1 && s.lane.outputs >= ops.lanes &&
         (!s.padded() || widest(s, ops).rows > 0);
}

template <class T>
RowsJob<T> RowsRunner<T>::job_of(const OutputBlock& b) const {
  const DirectStep<T>& s = step_;
  RowsJob<T> job;
  job.weights = s.weights + b.g * s.weights_g + b.co.begin * s.weights_co;
  job.weights_channel = s.weights_ci, job.weights_row = s.weights_y, job.weights_step = s.weights_x;
  job.ky = s.taps_y, job.kx = s.taps_x;
  job.dilation_y = s.row.dilation, job.dilation_x = s.lane.dilation;
  job.dst_row_stride = s.row.dst_step;
  job.first = s.first;
  job.stream = s.stream && s.ci == 1;
  return job;
}

// Taps of a mirrored step meet earlier rows and columns: rows are taken from the last to the first.
template <class T>
void RowsRunner<T>::run_strip(const Interval& row, const Interval& lane, RowsJob<T> job,
                              const T* src) const {
  job.src = src;
  job.dst += row.begin * job.dst_row_stride + lane.begin;
  job.rows = row.size(), job.columns = lane.size();
  if (step_.mirrored) {
    const Index reach_y = job.rows - 1 + (job.ky - 1) * job.dilation_y;
    job.src += reach_y * job.src_row_stride + (job.kx - 1) * job.dilation_x;
    job.real_y = {reach_y + 1 - job.real_y.end, reach_y + 1 - job.real_y.begin};
    job.real_x = job.real_x.shifted(-(job.kx - 1) * job.dilation_x);
    job.dst += (job.rows - 1) * job.dst_row_stride;
    job.src_row_stride = -job.src_row_stride;
    job.dst_row_stride = -job.dst_row_stride;
    job.dilation_x = -job.dilation_x;
  }
  ops_.rows(job);
}

template <class T>
void RowsRunner<T>::copy_window(const Interval& row, const Interval& lane, const T* channel) const {
  const StepAxis &y = step_.row, &x = step_.lane;
  const Index rows = row.size() + (y.taps - 1) * y.dilation;
  const Index columns = lane.size() + (x.taps - 1) * x.dilation;
  const Index begin = std::clamp<Index>(x.real.begin - lane.begin, 0, columns);
  const Index end = std::clamp<Index>(x.real.end - lane.begin, begin, columns);
  for (Index i = 0; i < rows; ++i) {
    T* to = window_ + i * strip_.pitch;
    if (!y.real.contains(row.begin + i)) {
      std::fill(to, to + columns, T(0));
      continue;
    }
    const T* from = channel + (row.begin + i) * y.src_step + lane.begin;
    for (Index e = begin; e < end; e += ops_.lanes)
      __builtin_prefetch(from + strip_.rows * y.src_step + e);
    std::fill(to, to + begin, T(0));
    ops_.copy_strided(from + begin, 1, end - begin, to + begin);
    std::fill(to + end, to + columns, T(0));
  }
}

template <class T>
void RowsRunner<T>::run(const OutputBlock& b) const {
  const DirectStep<T>& s = step_;
  const Index channel = b.g * s.co + b.co.begin;
  const T* const src = s.src_data + b.n * s.src_n + b.g * s.ci * s.src_c;
  const T* const bias = s.bias == nullptr ? nullptr : s.bias + channel * s.bias_step;
  RowsJob<T> job = job_of(b);
  job.dst = s.dst_data + b.n * s.dst_n + channel * s.dst_c;
  job.ci = s.ci;
  if (!s.padded() || ops_.rows_pad(job)) {
    job.src_channel_stride = s.src_c, job.src_row_stride = s.row.src_step;
    job.real_y = s.row.real.shifted(-b.row.begin), job.real_x = s.lane.real.shifted(-b.lane.begin);
    job.bias = bias;
    if (b.row.end == s.row.outputs && b.g + 1 < s.groups)
      job.next = s.ci * s.src_c - b.row.begin * s.row.src_step;
    return run_strip(b.row, b.lane, job, src + b.row.begin * s.row.src_step + b.lane.begin);
  }
  job.src_row_stride = strip_.pitch;
  job.ci = 1;
  for (Index y = b.row.begin; y < b.row.end; y += strip_.rows)
    for (Index x = b.lane.begin; x < b.lane.end;) {
      const Interval row{y, std::min(b.row.end, y + strip_.rows)};
      // A rest narrower than a vector would not do.
      const Index left = b.lane.end - x;
      const Interval lane{x, left < strip_.columns + ops_.lanes && left > strip_.columns
                                 ? x + left - ops_.lanes
                                 : x + std::min(left, strip_.columns)};
      for (Index ci = 0; ci < s.ci; ++ci) {
        copy_window(row, lane, src + ci * s.src_c);
        RowsJob<T> one = job;
        one.weights += ci * s.weights_ci;
        one.first = s.first && ci == 0;
        one.bias = ci + 1 == s.ci ? bias : nullptr;
        run_strip(row, lane, one, window_);
      }
      x = lane.end;
    }
}

template class RowsRunner<float>;
template class RowsRunner<double>;

}  // namespace tilewright::cpu
