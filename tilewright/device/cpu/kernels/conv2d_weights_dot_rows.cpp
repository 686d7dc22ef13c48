#include "tilewright/device/cpu/kernels/conv2d_weights_dot_rows.h"

#include <algorithm>
#include <numeric>

namespace tilewright::cpu {
namespace {

// `elements` from `from` on, as far as there is room in the list.
void ask_for(const float* from, Index elements, DotJob& job) {
  for (Index i = 0; i < elements && job.asked_count < DotJob::kMostAsked; i += kAskedFloats)
    job.asked[job.asked_count++] = from + i;
}

}  // namespace

SourceRows::SourceRows(const DotStep& step, const DotPart& p, const DotBlock& b, Index y,
                       const Interval& lines, float* to)
    : step_(&step),
      count_(p.ci.size() * lines.size()),
      lines_(lines.size()),
      channel_step_(step.a.src.strides[kC]),
      row_step_(step.d.y.step * step.a.src.strides[kY]) {
  const StepArgs& a = step.a;
  const Window &wy = step.d.window_y, &wx = step.d.window_x;
  const Index top = (b.y + y) * wy.stride + p.ky.begin * wy.dilation + lines.begin * step.d.y.step;
  const Index left = b.x * wx.stride + p.kx.begin * wx.dilation;
  // Rows count in steps.
  const Interval rows = intersect(a.real_y, {0, a.src.shape[kY]}).shifted(-top);
  const auto up = [&](Index row) {
    return std::clamp<Index>((std::max<Index>(row, 0) + step.d.y.step - 1) / step.d.y.step, 0,
                             lines.size());
  };
  real_ = {up(rows.begin), up(rows.end)};
  columns_ = intersect(a.real_x, {0, a.src.shape[kX]}).shifted(-left);
  reach_ = b.columns + (p.kx.size() - 1) * wx.dilation / wx.stride;
  // After so many taps, phases come back.
  phases_ = std::min(p.kx.size(), wx.stride / std::gcd(wx.stride, wx.dilation));
  from_ = a.src.at<float>(b.n, p.g * step.d.sizes.ci + p.ci.begin, top, left);
  to_ = to + lines.begin * step.d.pitch;
}

void SourceRows::ask(DotJob& job) {
  const DotCursor at = asked_;
  asked_.next(lines_);
  const Index stride = step_->d.window_x.stride;
  const Interval columns = intersect(columns_, {0, reach_ * stride});
  if (real_.contains(at.row) && !columns.empty())
    ask_for(from_ + at.channel * channel_step_ + at.row * row_step_ + columns.begin, columns.size(),
            job);
}

void SourceRows::copy() {
  const DotCursor at = copied_;
  copied_.next(lines_);
  const Window& wx = step_->d.window_x;
  const float* const from = from_ + at.channel * channel_step_ + at.row * row_step_;
  float* const to = to_ + at.channel * step_->d.plane + at.row * step_->d.pitch;
  for (Index k = 0; k < phases_; ++k) {
    const Index phase = k * wx.dilation % wx.stride;
    float* const line = to + (step_->d.kx == 1 ? 0 : phase * step_->d.phase);
    if (real_.contains(at.row))
      copy_phase(from, phase, line);
    else
      std::fill_n(line, reach_, 0.0f);
  }
}

// Elements j < reach_ lie at phase + j * stride.
void SourceRows::copy_phase(const float* from, Index phase, float* to) const {
  const Index stride = step_->d.window_x.stride;
  const auto first_from = [&](Index x) {
    return x <= phase ? 0 : std::min(reach_, (x - phase + stride - 1) / stride);
  };
  const Index begin = first_from(columns_.begin);
  const Index end = std::max(begin, first_from(columns_.end));
  std::fill_n(to, begin, 0.0f);
  step_->ops.pick(from + phase + begin * stride, stride, to + begin, end - begin);
  std::fill_n(to + end, reach_ - end, 0.0f);
}

ResultRows::ResultRows(const DotStep& step, const DotPart& p, const DotBlock& b,
                       const Interval& channels, Index y, Index rows, float* to)
    : step_(&step),
      count_(channels.size() * rows),
      rows_(rows),
      columns_(b.columns),
      wide_(b.vectors() * kDotLanes),
      from_(step.a.weights.at<float>(b.n, p.g * step.d.sizes.co + p.co.begin + channels.begin,
                                     b.y + y, b.x)),
      to_(to) {}

void ResultRows::ask(DotJob& job) {
  const auto& stride = step_->a.weights.strides;
  ask_for(from_ + asked_.channel * stride[kC] + asked_.row * stride[kY], columns_, job);
  asked_.next(rows_);
}

void ResultRows::copy() {
  const auto& stride = step_->a.weights.strides;
  float* const to = to_ + copied_.channel * (wide_ * rows_ + kDotLanes) + copied_.row * wide_;
  step_->ops.pick(from_ + copied_.channel * stride[kC] + copied_.row * stride[kY], 1, to, columns_);
  std::fill_n(to + columns_, wide_ - columns_, 0.0f);
  copied_.next(rows_);
}

}  // namespace tilewright::cpu
