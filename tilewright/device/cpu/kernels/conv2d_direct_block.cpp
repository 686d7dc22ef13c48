#include "tilewright/device/cpu/kernels/conv2d_direct_block.h"

#include <unistd.h>

#include <utility>

#include "tilewright/device/cpu/kernels/conv2d_direct.h"

namespace tilewright::cpu {
namespace {

constexpr Index kAheadBytes = 8192;   // of source, asked for early
constexpr Index kTwinChannels = 128;  // of output, at a time
// Products of an element of the source that pay for asking early for the next strip.
constexpr Index kAheadProducts = 128;

/// What a strip of the source may take of the second-level cache, beside the panels that pass by.
Index strip_bytes() {
  static const Index bytes = [] {
    const Index cache = ::sysconf(_SC_LEVEL2_CACHE_SIZE);
    return std::max(kDirectWindowBytes, cache / 4 - 16 * 1024);
  }();
  return bytes;
}

/// Cuts the sum into boxes of at most `most` products, each about equal.
template <class F>
void for_each_box(Index ci, Index ky, Index kx, Index most, F&& f) {
  const auto even = [](Index extent, Index limit) {
    const Index parts = (extent + limit - 1) / limit;
    return (extent + parts - 1) / parts;
  };
  const Index x = even(kx, most);
  const Index y = x < kx ? 1 : even(ky, std::max<Index>(1, most / kx));
  const Index c = x < kx || y < ky ? 1 : even(ci, std::max<Index>(1, most / (ky * kx)));
  for (Index a = 0; a < ci; a += c)
    for (Index b = 0; b < ky; b += y)
      for (Index e = 0; e < kx; e += x)
        f(Box{a, b, e, std::min(c, ci - a), std::min(y, ky - b), std::min(x, kx - e)});
}

/// Asks for `count` elements, wherever in a cache line the first of them lies.
template <class T>
void prefetch_row(const T* from, Index count) {
  for (Index e = 0; e < count; e += 64 / static_cast<Index>(sizeof(T)))
    __builtin_prefetch(from + e);
  __builtin_prefetch(from + count - 1);
}

/// How these offsets, rows of `taps`, are regular.
TapRows tap_rows(std::span<const Index> offsets, Index taps) {
  if (taps < 3 || offsets.empty()) return {};
  const bool slots = offsets[2] - offsets[1] != offsets[1] - offsets[0];
  TapRows rows{taps, offsets[1] - offsets[0], 0};
  if (slots) rows.slot = std::exchange(rows.next, offsets[2] - offsets[0]);
  for (std::size_t k = 0; k < offsets.size(); ++k) {
    const auto x = static_cast<Index>(k) % taps;
    const Index first = offsets[k - static_cast<std::size_t>(x)];
    if (offsets[k] != first + (slots ? x / 2 * rows.next + x % 2 * rows.slot : x * rows.next))
      return {};
  }
  return rows;
}

template <class T>
std::span<T> take(std::byte*& p, Index bytes) {
  std::span<T> part{reinterpret_cast<T*>(p), static_cast<std::size_t>(bytes) / sizeof(T)};
  p += (bytes + 63) / 64 * 64;
  return part;
}

}  // namespace

template <class T>
BlockRunner<T>::BlockRunner(const DirectStep<T>& step, const DirectOps<T>& ops,
                            std::span<std::byte> workspace)
    : step_(step), ops_(ops), row_(step.row, 1, 1, 1), lane_(step.lane, 1, 1, 1) {
  std::byte* p = workspace.data();
  offsets_ = take<Index>(p, kMaxDepth * static_cast<Index>(sizeof(Index)));
  weight_offsets_ = take<Index>(p, kMaxDepth * static_cast<Index>(sizeof(Index)));
  spots_ = take<Spot>(p, kMaxSpots * static_cast<Index>(sizeof(Spot)));
  slots_ = take<SlotCopy>(p, kMaxDepth * static_cast<Index>(sizeof(SlotCopy)));
  const auto size = static_cast<Index>(workspace.size());
  const Index sums = direct_sums_bytes(step.co, step.depth());
  sums_ = take<T>(p, sums);
  panels_ = take<T>(p, size - sums - direct_window_bytes(step.co));
  window_ = take<T>(p, workspace.data() + size - p);
  // With few products per source element, copying it would cost more than it saves.
  direct_ = !step.turned && !step.twin.any() && !step.padded() && step.lane.stride == 1 &&
            step.lane.src_step == 1 && step.lane.outputs >= ops.lanes &&
            step.co * step.taps_y * step.taps_x <= 128 && step.ci <= 8;
}

template <class T>
void BlockRunner<T>::run(const OutputBlock& block, const OutputBlock& next) {
  const Index widest = std::min(kMaxDepth, step_.depth());
  Index room = std::max<Index>(1, static_cast<Index>(panels_.size()) / widest / step_.width);
  // Fewer channels leave room for the sums of more outputs, which then pack weights less often;
  // with a twin those are gathered one by one.
  if (step_.twin.any() && !sums_.empty())
    room = std::min(room, ceil_div(kTwinChannels, step_.width));
  const Index panels = ceil_div(block.co.size(), step_.width);
  const Index most = ceil_div(panels, ceil_div(panels, room)) * step_.width;
  for (Index c = block.co.begin; c < block.co.end; c += most) {
    const Interval co{c, std::min(block.co.end, c + most)};
    const auto [rows, lanes] = part_of(block, co.size());
    const auto part = [&, rows = rows, lanes = lanes](Index y, Index x) {
      OutputBlock p = block;
      p.row = {y, std::min(y + rows, block.row.end)};
      p.lane = {x, std::min(x + lanes, block.lane.end)};
      return p;
    };
    for (Index y = block.row.begin; y < block.row.end; y += rows)
      for (Index x = block.lane.begin; x < block.lane.end; x += lanes) {
        const bool right = x + lanes < block.lane.end, below = y + rows < block.row.end;
        after_ = right                   ? part(y, x + lanes)
                 : below                 ? part(y + rows, block.lane.begin)
                 : co.end < block.co.end ? part(block.row.begin, block.lane.begin)
                                         : next;
        for_each_box(step_.ci, step_.taps_y, step_.taps_x, kMaxDepth,
                     [&](const Box& box) { run_box(part(y, x), co, box); });
      }
  }
}

/// Rows and lanes of a block whose sums have room to wait.
template <class T>
auto BlockRunner<T>::part_of(const OutputBlock& block, Index channels) const -> Part {
  // Rows that pay for those around them.
  const Index halo = (step_.row_taps() - 1) * step_.row.dilation;
  const Index tall = std::clamp<Index>(2 * halo, 4, 16);
  if (sums_.empty()) return {block.row.size(), block.lane.size()};
  const Index room = std::max<Index>(
      1, static_cast<Index>(sums_.size()) / (channels * ops_.lanes * (step_.twin.any() ? 2 : 1)));
  const Index width = ceil_div(block.lane.size(), ops_.lanes);
  const auto even = [](Index extent, Index most) {
    return ceil_div(extent, ceil_div(extent, std::min(extent, most)));
  };
  const Index wide = even(width, std::max<Index>(1, room / std::min(tall, block.row.size())));
  return {even(block.row.size(), std::max<Index>(1, room / wide)), wide * ops_.lanes};
}

template <class T>
void BlockRunner<T>::run_box(const OutputBlock& block, const Interval& co, const Box& box) {
  lay_out(box, block);
  const Index k = (box.ci * step_.taps_y + box.ky) * step_.taps_x + box.kx;
  const Index channel = block.g * step_.co + co.begin;
  const bool last = k + box.depth() == step_.depth();
  const T* weights = step_.weights + block.g * step_.weights_g + co.begin * step_.weights_co;
  TileJob<T> job;
  if (step_.packed) {
    job.panels = weights;
    job.panel_depth = step_.depth();
    job.panel_first = k;
  } else {
    weights += box.ci * step_.weights_ci + box.ky * step_.weights_y + box.kx * step_.weights_x;
    pack_weights(weights, co.size(), box, job);
  }
  job.panel_width = step_.width;
  job.rows = rows_;
  job.offsets = offsets_.data();
  job.depth = box.depth() - job.twin.depth;
  job.channels = co.size();
  job.bias = last && step_.bias != nullptr ? step_.bias + channel * step_.bias_step : nullptr;
  job.bias_step = step_.bias_step;
  job.spots = spots_.data();
  job.dst = step_.dst_data + block.n * step_.dst_n + channel * step_.dst_c;
  job.dst_channel_stride = step_.dst_c;
  job.dst_lane_stride = step_.lane.dst_step;
  job.first = step_.first;
  job.resume = k > 0;
  job.last = last;
  job.stream = step_.stream && step_.first && last;
  job.sums = sums_.empty() ? nullptr : sums_.data();
  for (Index y = block.row.begin; y < block.row.end; y += strip_rows_)
    for (Index x = block.lane.begin; x < block.lane.end; x += strip_lanes_) {
      job.ahead = behind(block, box, y, x);
      run_strip(block, box, {y, std::min(y + strip_rows_, block.row.end)},
                {x, std::min(x + strip_lanes_, block.lane.end)}, job);
      if (job.sums != nullptr)
        job.sums += job.spot_count * job.channels * ops_.lanes * (step_.twin.any() ? 2 : 1);
    }
}

/// What will be packed after the strip at (y, x), which is computed meanwhile.
template <class T>
Ahead BlockRunner<T>::behind(const OutputBlock& block, const Box& box, Index y, Index x) const {
  const StepAxis &rows = step_.row, &lanes = step_.lane;
  if (direct_ || lanes.src_step != 1 || step_.co * step_.taps_y * step_.taps_x < kAheadProducts)
    return {};
  const auto reach = [](const StepAxis& axis, Index outputs, Index taps) {
    return (outputs - 1) * axis.stride + (taps - 1) * axis.dilation + 1;
  };
  // Between far rows and columns lies much that nobody reads.
  if (reach(rows, strip_rows_, row_taps(box)) > row_.size() + row_.size() / 4 || lanes.stride > 4 ||
      touched(box, {0, strip_lanes_}) > lane_.size() * 2 * lanes.stride)
    return {};
  const bool right = x + strip_lanes_ < block.lane.end, below = y + strip_rows_ < block.row.end;
  const bool same = right || below;
  // A box cut along its taps is followed by one that reads nearly the same.
  if (!same && (box.y_count < step_.taps_y || box.x_count < step_.taps_x)) return {};
  Box next = box;
  if (!same) next.ci = box.ci + box.ci_count < step_.ci ? box.ci + box.ci_count : 0;
  const OutputBlock& to = same || next.ci > 0 ? block : after_;
  if (to.row.empty()) return {};
  next.ci_count = std::min(box.ci_count, step_.ci - next.ci);
  const Index top = right ? y : below ? y + strip_rows_ : to.row.begin;
  const Index left = right ? x + strip_lanes_ : to.lane.begin;
  const Interval row{top, std::min(top + strip_rows_, to.row.end)};
  const Interval lane{left, std::min(left + strip_lanes_, to.lane.end)};
  constexpr Index kElement = sizeof(T);
  return {reinterpret_cast<const char*>(source(to, next, row, lane)),
          next.ci_count,
          reach(rows, row.size(), row_taps(box)),
          touched(box, lane) * kElement,
          step_.src_c * kElement,
          rows.src_step * kElement};
}

/// Where the source of a strip begins.
template <class T>
const T* BlockRunner<T>::source(const OutputBlock& block, const Box& box, const Interval& row,
                                const Interval& lane) const {
  const StepAxis &y = step_.row, &x = step_.lane;
  return step_.src_data + block.n * step_.src_n + (block.g * step_.ci + box.ci) * step_.src_c +
         (row.begin * y.stride + first_row_tap(box) * y.dilation) * y.src_step +
         (lane.begin * x.stride + first_lane_tap(box) * x.dilation) * x.src_step;
}

/// Elements of a row that a strip touches.
template <class T>
Index BlockRunner<T>::touched(const Box& box, const Interval& lane) const {
  return (lane.size() - 1) * step_.lane.stride + 1 + (lane_taps(box) - 1) * step_.lane.dilation;
}

template <class T>
void BlockRunner<T>::pack_weights(const T* weights, Index channels, const Box& box,
                                  TileJob<T>& job) {
  // Offsets of the twin lie after those of all channels that are laid out.
  const Index second = laid_.ci_count * laid_.y_count * step_.twin.taps[0];
  const auto pack = [&](Index first, Index depth, T* panels) {
    ops_.pack_panels(weights, step_.weights_co, weight_offsets_.data() + first, channels,
                     step_.width, depth, panels);
  };
  const Index twin = box.ci_count * box.y_count * step_.twin.taps[1], depth = box.depth() - twin;
  job.panels = panels_.data();
  job.panel_depth = depth;
  pack(0, depth, panels_.data());
  if (twin == 0) return;
  job.twin = {offsets_.data() + second, panels_.data() + channels * depth, twin, twin_rows_};
  pack(second, twin, panels_.data() + channels * depth);
}

template <class T>
void BlockRunner<T>::run_strip(const OutputBlock& block, const Box& box, const Interval& row,
                               const Interval& lane, TileJob<T>& job) {
  if (direct_) {
    job.src =
        step_.src_data + block.n * step_.src_n + (block.g * step_.ci + box.ci) * step_.src_c +
        step_.lowest(box.ky, box.y_count, step_.taps_y) * step_.row.dilation * step_.row.src_step +
        step_.lowest(box.kx, box.x_count, step_.taps_x) * step_.lane.dilation;
  } else {
    pack(block, box, row, lane);
    job.src = window_.data();
  }
  job.spot_count = list_spots(row, lane);
  ops_.tiles(job);
}

template <class T>
void BlockRunner<T>::lay_out(const Box& box, const OutputBlock& block) {
  // Offsets of fewer channels are the first of those of more.
  const bool same = box.ci_count <= laid_.ci_count && laid_.y_count == box.y_count &&
                    laid_.x_count == box.x_count && strip_rows_ != 0;
  if (same) return;
  laid_ = box;
  // Sums wait strip by strip: later boxes, none of them larger, keep to the strips of the first.
  if (box.ci == 0 && box.ky == 0 && box.kx == 0) choose_strip(box, block);
  row_ = PackedAxis(step_.row, row_taps(box), strip_rows_, 1);
  lane_ = PackedAxis(step_.lane, lane_taps(box), strip_lanes_, ops_.lanes);
  lay_offsets(box);
}

/// The strip whose packed window fits and copies the fewest elements per output.
template <class T>
void BlockRunner<T>::choose_strip(const Box& box, const OutputBlock& block) {
  const Index lanes = ops_.lanes;
  const Index width = (block.lane.size() + lanes - 1) / lanes;
  if (direct_) {
    strip_lanes_ = std::min(width, kMaxSpots) * lanes;
    strip_rows_ = std::max<Index>(1, kMaxSpots * lanes / strip_lanes_);
    return;
  }
  const Index room =
      std::min(static_cast<Index>(window_.size()), strip_bytes() / static_cast<Index>(sizeof(T)));
  double best = 0;
  for (const Index vectors : {1, 2, 4, 6, 8, 12, 16, 24, 32, 64}) {
    const Index wide = std::min(vectors, width);
    const Index tall_most = std::min(kMaxSpots / wide, block.row.size());
    const Index line =
        box.ci_count * PackedAxis(step_.lane, lane_taps(box), wide * lanes, lanes).size();
    for (Index tall = tall_most; tall >= 1; tall = tall > 8 ? tall * 3 / 4 : tall - 1) {
      const Index size = line * PackedAxis(step_.row, row_taps(box), tall, 1).size();
      if (size > room) continue;
      const double copied = static_cast<double>(size + size / line * box.ci_count * 32);
      const double gain = static_cast<double>(wide * tall) / copied;
      if (gain > best * 1.02) {
        best = gain;
        strip_lanes_ = wide * lanes;
        strip_rows_ = tall;
      }
      break;
    }
    if (wide == width) break;
  }
}

template <class T>
void BlockRunner<T>::lay_offsets(const Box& box) {
  if (step_.twin.any()) return lay_twin_offsets(box);
  const StepAxis& y = step_.row;  // direct reads are never turned
  std::size_t k = 0;
  for (Index ci = 0; ci < box.ci_count; ++ci)
    for (Index ky = 0; ky < box.y_count; ++ky)
      for (Index kx = 0; kx < box.x_count; ++kx, ++k) {
        const Index dy = step_.lowest(ky, 1, box.y_count), dx = step_.lowest(kx, 1, box.x_count);
        const Index r = step_.turned ? dx : dy, l = step_.turned ? dy : dx;
        offsets_[k] =
            kBytes * (direct_
                          ? ci * step_.src_c + r * y.dilation * y.src_step + l * step_.lane.dilation
                          : (ci * row_.size() + row_.tap(r)) * lane_.size() + lane_.tap(l));
        weight_offsets_[k] = ci * step_.weights_ci + ky * step_.weights_y + kx * step_.weights_x;
      }
  rows_ = tap_rows(offsets_.first(k), box.x_count > 1 ? box.x_count : box.y_count);
}

template <class T>
void BlockRunner<T>::lay_twin_offsets(const Box& box) {
  const Twin& twin = step_.twin;
  std::size_t k = 0;
  for (std::size_t q = 0; q < 2; ++q)
    for (Index ci = 0; ci < box.ci_count; ++ci)
      for (Index ky = 0; ky < box.y_count; ++ky)
        for (Index kx = 0; kx < twin.taps[q]; ++kx, ++k) {
          const Index row = row_.tap(step_.lowest(ky, 1, box.y_count));
          const Index lane = lane_.tap(twin.shift[q] + (twin.taps[q] - 1 - kx) * twin.dilation);
          offsets_[k] = kBytes * ((ci * row_.size() + row) * lane_.size() + lane);
          weight_offsets_[k] = ci * step_.weights_ci + ky * step_.weights_y + twin.tap[q] + 2 * kx;
        }
  const auto even = static_cast<std::size_t>(box.ci_count * box.y_count * twin.taps[0]);
  rows_ = tap_rows(offsets_.first(even), twin.taps[0]);
  twin_rows_ = tap_rows(offsets_.subspan(even, k - even), twin.taps[1]);
}

/// How the lane slots of the packed rows of these outputs are made, from tap `first_tap` on.
template <class T>
void BlockRunner<T>::list_slots(const Interval& lane, Index first_tap) {
  const StepAxis& x = step_.lane;
  const Index begin = lane.begin * x.stride + first_tap * x.dilation;
  for (Index s = 0; s < lane_.slots; ++s) {
    const Interval real = x.real.shifted(-begin - s * x.dilation);
    const Index used = lane_.used(s, lane.size());
    const auto entries_before = [&](Index position) {
      return std::clamp<Index>(ceil_div(std::max<Index>(0, position), x.stride), 0, used);
    };
    const Index zeros = entries_before(real.begin);
    const Index end = std::max(zeros, entries_before(real.end));
    slots_[static_cast<std::size_t>(s)] = {(s * x.dilation + zeros * x.stride) * x.src_step,
                                           s * lane_.length, zeros, end - zeros, used - end};
  }
}

template <class T>
void BlockRunner<T>::pack_row(const T* from, bool real, T* to) {
  const Index step = step_.lane.stride * step_.lane.src_step;
  for (const SlotCopy& s : slots_.first(static_cast<std::size_t>(lane_.slots))) {
    T* const slot = to + s.to;
    if (!real) {
      std::fill_n(slot, s.zeros + s.count + s.zeros_after, T(0));
      continue;
    }
    for (Index i = 0; i < s.zeros; ++i) slot[i] = T(0);
    ops_.copy_strided(from + s.from, step, s.count, slot + s.zeros);
    for (Index i = 0; i < s.zeros_after; ++i) slot[s.zeros + s.count + i] = T(0);
  }
}

template <class T>
void BlockRunner<T>::pack(const OutputBlock& block, const Box& box, const Interval& row,
                          const Interval& lane) {
  const StepAxis &y = step_.row, &x = step_.lane;
  const T* src = source(block, box, row, lane);
  const Index run = x.src_step == 1 ? touched(box, lane) : 0;  // that can be asked for early
  // Positions that exist, from those of the first output and tap on.
  const Interval rows = y.real.shifted(-row.begin * y.stride - first_row_tap(box) * y.dilation);
  list_slots(lane, first_lane_tap(box));
  // The next rows are planes or images away: too far for the hardware to foresee.
  const Index plane = (row.size() * y.stride + row_taps(box) * y.dilation) *
                      std::max<Index>(run, 1) * static_cast<Index>(sizeof(T));
  const Index ahead_by = std::clamp<Index>(kAheadBytes / plane, 2, 32);
  // After the only strip of a block come the channels of the next box.
  const bool only = row.size() == block.row.size() && lane.size() == block.lane.size();
  const Index channels = only ? step_.ci - box.ci : box.ci_count;
  for (Index ci = 0; ci < box.ci_count; ++ci)
    for (Index j = 0; j < row_.slots; ++j)
      for (Index i = 0; i < row_.used(j, row.size()); ++i) {
        const bool row_real = rows.contains(j * y.dilation + i * y.stride);
        const T* from = src + ci * step_.src_c + (j * y.dilation + i * y.stride) * y.src_step;
        T* to = window_.data() + (ci * row_.size() + j * row_.length + i) * lane_.size();
        if (run > 0 && ci + ahead_by < channels) prefetch_row(from + ahead_by * step_.src_c, run);
        pack_row(from, row_real, to);
      }
}

template <class T>
Index BlockRunner<T>::list_spots(const Interval& row, const Interval& lane) {
  const Index lanes = ops_.lanes;
  std::size_t count = 0;
  for (Index y = row.begin; y < row.end; ++y)
    for (Index x = lane.begin; x < lane.end; x += lanes) {
      // Direct reads stay inside the row: the last vector moves back over its neighbour's lanes.
      const Index back = direct_ ? std::max<Index>(0, x + lanes - step_.lane.outputs) : 0;
      Spot& s = spots_[count++];
      s.src = direct_ ? y * step_.row.stride * step_.row.src_step + x - back
                      : (y - row.begin) * lane_.size() + x - lane.begin;
      s.dst = y * step_.row.dst_step + (x - back) * step_.lane.dst_step;
      if (step_.twin.any()) {
        s.end =
            static_cast<int>(std::min({2 * lanes, 2 * (lane.end - x), step_.twin.outputs - 2 * x}));
        continue;
      }
      s.begin = static_cast<int>(back);
      s.end = static_cast<int>(back + std::min(lanes - back, lane.end - x));
    }
  return static_cast<Index>(count);
}

template class BlockRunner<float>;
template class BlockRunner<double>;

}  // namespace tilewright::cpu
