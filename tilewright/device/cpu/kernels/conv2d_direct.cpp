// Reads a step, splits its outputs into blocks and shares them among threads. Who computes a block
// never matters to its bits: no sum is shared.
#include "tilewright/device/cpu/kernels/conv2d_direct.h"

#include <array>
#include <span>

#include "tilewright/device/cpu/arena.h"
#include "tilewright/device/cpu/kernels/conv2d_direct_block.h"
#include "tilewright/device/cpu/kernels/conv2d_direct_rows.h"
#include "tilewright/tensor/convert.h"

namespace tilewright::cpu {
namespace {

// Below this many multiply-adds, waking a thread costs more than it saves.
constexpr double kThreadWork = 1e6;
// Up to this many multiply-adds, of each group where groups are many, a plain loop is done before
// blocks are set up.
constexpr int kTinyWork = 128, kTinyGroup = 48;
// Outputs of one channel in a block: enough to pay for packing the weights, few enough that
// partial sums stay in cache.
constexpr Index kFewOutputs = 512;
constexpr Index kFewPackedOutputs = 64;  // where weights come packed
constexpr Index kManyOutputs = 4096;
constexpr Index kBlocksPerThread = 4;
constexpr Index kRowBlocksPerThread = 16;  // of single channels, which keep no sums waiting
// Channels that are worth a copy of the source of their own.
constexpr Index kFewChannels = 48;
// Every block packs the weights for itself: beyond one for each thread, blocks have more outputs.
constexpr Index kSharedOutputs = 2048;

double fill(Index outputs, Index lanes) {
  return static_cast<double>(outputs) / static_cast<double>((outputs + lanes - 1) / lanes * lanes);
}

/// Lays vectors along the axis that fills them better.
template <class T>
DirectStep<T> turned(DirectStep<T> s, Index lanes) {
  s.turned = fill(s.row.outputs, lanes) > 1.5 * fill(s.lane.outputs, lanes);
  if (s.turned) std::swap(s.row, s.lane);
  return s;
}

/// How often each axis of the outputs is cut.
struct Split {
  Index co = 1, row = 1, lane = 1;
  Index count() const { return co * row * lane; }
};

Interval part(Index extent, Index parts, Index i, Index step) {
  const Index units = (extent + step - 1) / step;
  return {std::min(extent, units * i / parts * step),
          std::min(extent, units * (i + 1) / parts * step)};
}

/// Whether blocks that all read the same weights cost more than blocks that all copy the same
/// source. An element of the source takes some four times as long.
template <class T>
bool more_weights_than_source(const DirectStep<T>& s) {
  const auto reach = [](const StepAxis& a) {
    return (a.outputs - 1) * a.stride + (a.taps - 1) * a.dilation + 1;
  };
  return s.co * s.taps_y * s.taps_x > 4 * reach(s.row) * reach(s.lane);
}

template <class T>
Split split(const DirectStep<T>& s, const DirectOps<T>& ops, int threads) {
  const Index planes = s.n * s.groups;
  const auto wanted = [&](Index blocks, Index least_outputs) {
    const Index most = std::max<Index>(1, s.row.outputs * s.lane.outputs / least_outputs);
    return threads == 1 ? 1 : std::min(ceil_div(blocks * threads, planes), most);
  };
  const Index parts =
      std::max({s.row.outputs * s.lane.outputs / kManyOutputs,
                wanted(1, s.packed ? kFewPackedOutputs : kFewOutputs),
                wanted(kBlocksPerThread, s.packed ? kFewPackedOutputs : kSharedOutputs)});
  Split p;
  if (s.packed && threads > 1 && more_weights_than_source(s)) {
    p.row = std::max<Index>(1, s.row.outputs * s.lane.outputs / kManyOutputs);
    p.co = std::clamp<Index>(ceil_div(2 * threads, planes * p.row), 1,
                             std::max<Index>(1, s.co / kFewChannels));
    if (p.count() * planes >= threads) return p;
  }
  p.row = std::clamp<Index>(parts, 1, s.row.outputs);
  p.lane = std::clamp<Index>(parts / p.row, 1, (s.lane.outputs + ops.lanes - 1) / ops.lanes);
  if (p.row * p.lane * planes < threads)
    p.co = std::clamp<Index>((threads + p.row * p.lane * planes - 1) / (p.row * p.lane * planes), 1,
                             (s.co + ops.max_channels - 1) / ops.max_channels);
  return p;
}

/// Output by output, without vectors: setting up blocks would take longer.
template <class T>
void run_tiny(const DirectStep<T>& s, const DirectOps<T>& ops) {
  std::array<Index, kTinyWork> offsets;
  const StepAxis &y = s.turned ? s.lane : s.row, &x = s.turned ? s.row : s.lane;
  std::size_t k = 0;
  for (Index ci = 0; ci < s.ci; ++ci)
    for (Index ky = 0; ky < s.taps_y; ++ky)
      for (Index kx = 0; kx < s.taps_x; ++kx)
        offsets[k++] = ci * s.src_c + ky * y.dilation * y.src_step + kx * x.dilation * x.src_step;
  const Index channels = s.groups * s.co, outputs = y.outputs * x.outputs;
  for (Index i = 0; i < s.n * channels * outputs; ++i) {
    const Index ox = i % x.outputs, oy = i / x.outputs % y.outputs;
    const Index c = i / outputs % channels, n = i / outputs / channels;
    const T* src = s.src_data + n * s.src_n + c / s.co * s.ci * s.src_c +
                   oy * y.stride * y.src_step + ox * x.stride * x.src_step;
    T& dst = s.dst_data[n * s.dst_n + c * s.dst_c + oy * y.dst_step + ox * x.dst_step];
    const T sum =
        ops.dot(s.weights + c * s.depth(), src, offsets.data(), s.depth(), s.first ? T(0) : dst);
    dst = s.bias == nullptr ? sum : sum + s.bias[c * s.bias_step];
  }
}

template <class T>
void run_step(const StepArgs& a, DirectStep<T> s, const DirectOps<T>& ops) {
  s.width = panel_width(s.co, ops.max_channels);
  const double work = static_cast<double>(s.n * s.groups * s.co * s.row.outputs) *
                      static_cast<double>(s.lane.outputs * s.depth());
  const double each = work / static_cast<double>(s.n * s.groups);
  const bool tiny = work <= kTinyWork || (each <= kTinyGroup && work < kThreadWork);
  if (tiny && !s.mirrored && !s.packed && !s.padded()) return run_tiny(s, ops);
  const int threads = work < kThreadWork ? 1 : a.threads;
  const bool by_rows = RowsRunner<T>::takes(s, ops);
  Split p = split(s, ops, threads);
  if (by_rows) {
    p.row = std::min(p.row, ceil_div(kRowBlocksPerThread * threads, s.n * s.groups));
    p.lane = std::min(p.lane, s.lane.outputs / ops.lanes);
  }
  const Index row_unit = by_rows ? std::min(4 * s.row.dilation, s.row.outputs) : 1;
  const Index bytes = conv2d_direct_workspace(s.co, s.depth());
  parallel_ranges(s.n * s.groups * p.count(), threads, [&](Index begin, Index end, int slot) {
    const std::span workspace{a.workspace + slot * bytes, static_cast<std::size_t>(bytes)};
    BlockRunner<T> runner(s, ops, workspace);
    const RowsRunner<T> rows(s, ops, workspace.data());
    const auto block_at = [&](Index i) {
      const Index plane = i / p.count(), lane = i % p.lane, row = i / p.lane % p.row,
                  co = i / (p.lane * p.row) % p.co;
      return OutputBlock{plane / s.groups, plane % s.groups, part(s.co, p.co, co, s.width),
                         part(s.row.outputs, p.row, row, row_unit),
                         part(s.lane.outputs, p.lane, lane, ops.lanes)};
    };
    for (Index i = begin; i < end; ++i) {
      const OutputBlock block = block_at(i);
      if (block.row.empty() || block.lane.empty() || block.co.empty()) continue;
      by_rows ? rows.run(block) : runner.run(block, i + 1 < end ? block_at(i + 1) : OutputBlock{});
    }
  });
}

template <class T>
void run_forward(const StepArgs& a) {
  const DirectOps<T>& ops = *direct_ops<T>();
  run_step(a, turned(forward_step<T>(a), ops.lanes), ops);
}

template <class T>
void run_transpose(const StepArgs& a) {
  const DirectOps<T>& ops = *direct_ops<T>();
  const Window &wy = a.layer->window(kY), &wx = a.layer->window(kX);
  // Wide strides leave outputs without a tap.
  const bool gaps = wy.stride > a.weights.shape[2] || wx.stride > a.weights.shape[3] ||
                    std::gcd(wy.stride, wy.dilation) > 1 || std::gcd(wx.stride, wx.dilation) > 1;
  if (gaps && a.first) fill_zero(a.dst);
  for (Index i = 0; i < std::min(wy.stride, a.dst.shape[kY]); ++i) {
    const Phase y = phase(wy, a.y, a.dst.shape[kY], a.weights.shape[2], i);
    if (y.taps == 0) continue;
    const auto twin = twin_step<T>(a, y);
    if (twin && y.taps * twin->taps_x <= kDirectDepth && !turned(*twin, ops.lanes).turned) {
      run_step(a, *twin, ops);
      continue;
    }
    for (Index j = 0; j < std::min(wx.stride, a.dst.shape[kX]); ++j) {
      const Phase x = phase(wx, a.x, a.dst.shape[kX], a.weights.shape[3], j);
      if (x.taps > 0) run_step(a, turned(transpose_step<T>(a, y, x), ops.lanes), ops);
    }
  }
}

// Panel by panel: each is copied to the workspace and comes back transposed.
template <class T>
bool pack_typed(const TensorView& weights, Index groups, std::byte* workspace, int threads) {
  const DirectOps<T>& ops = *direct_ops<T>();
  const Index co = weights.shape[0] / groups, width = panel_width(co, ops.max_channels);
  const Index depth = weights.shape[1] * weights.shape[2] * weights.shape[3];
  const Index bytes = conv2d_direct_workspace(co, depth);
  if (width == 1 || width * depth * static_cast<Index>(sizeof(T)) > bytes) return false;
  const Index panels = (co + width - 1) / width;
  parallel_ranges(groups * panels, threads, [&](Index first, Index last, int slot) {
    T* copy = reinterpret_cast<T*>(workspace + slot * bytes);
    for (Index i = first; i < last; ++i) {
      const Index begin = i % panels * width, wide = std::min(width, co - begin);
      T* panel = weights.at<T>(i / panels * co + begin, 0, 0, 0);
      std::copy(panel, panel + wide * depth, copy);
      for (Index k = 0; k < depth; ++k)
        for (Index c = 0; c < wide; ++c) panel[k * wide + c] = copy[c * depth + k];
    }
  });
  return true;
}

}  // namespace

Index conv2d_direct_workspace(Index co, Index depth) {
  const Index panels = round_up(co, 64) * std::min(depth, kDirectDepth) * 8;
  return direct_window_bytes(co) + direct_sums_bytes(co, depth) +
         round_up(std::min(panels, kDirectPanelBytes), 64);
}

bool pack_conv2d_direct(const TensorView& weights, Index groups, std::byte* workspace,
                        int threads) {
  if (weights.dtype == DType::kF64) return pack_typed<double>(weights, groups, workspace, threads);
  return pack_typed<float>(weights, groups, workspace, threads);
}

void run_conv2d_transpose_direct(const StepArgs& args) {
  if (args.dst.dtype == DType::kF64) return run_transpose<double>(args);
  run_transpose<float>(args);
}

void run_conv2d_direct(const StepArgs& args) {
  if (args.dst.dtype == DType::kF64) return run_forward<double>(args);
  run_forward<float>(args);
}

}  // namespace tilewright::cpu
