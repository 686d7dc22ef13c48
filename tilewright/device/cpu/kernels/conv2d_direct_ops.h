// What conv2d_direct asks of the vector unit, as a table of functions compiled once per target.
//
// Every operation walks the same flat list: entry k of `offsets` says where the source of product
// k lies relative to an output (in bytes for tiles), entry k of the weights is its factor. The list
// is in canonical order (ci, ky, kx), so each output is one chain of fused multiply-adds, whatever
// the target.
#pragma once

#include "tilewright/device/device.h"

namespace tilewright::cpu {

/// One vector of outputs that lie side by side. Lanes [begin, end) are owned; others are computed
/// and dropped.
struct Spot {
  Index src = 0;  // of lane 0, relative to TileJob::src
  Index dst = 0;  // of lane 0, relative to TileJob::dst
  int begin = 0;
  int end = 0;
};

/// Where the offsets of products are regular: rows of `taps`, of which one lies `next` behind the
/// one before or, with two slots, behind the one before that, and each second one `slot` behind the
/// first.
struct TapRows {
  Index taps = 0;  // 0: they are not regular
  Index next = 0;
  Index slot = 0;  // 0: there is one slot
};

/// Memory that may be read after this job: `channels` times `rows` runs of `bytes`.
struct Ahead {
  const char* at = nullptr;
  Index channels = 0, rows = 0, bytes = 0;
  Index channel_stride = 0, row_stride = 0;  // in bytes
};

/// Products of the outputs that lie between those of a TileJob, whose source is the same: a spot
/// then counts outputs of both, lane i of the job's at 2*i.
template <class T>
struct TwinJob {
  const Index* offsets = nullptr;
  const T* panels = nullptr;  // as deep as there are products
  Index depth = 0;            // 0: there are none
  TapRows rows{};
};

/// dst (+)= sum over k of weights[k][c] * src[spot + offsets[k]], for all spots and channels.
template <class T>
struct TileJob {
  const T* src = nullptr;
  const Index* offsets = nullptr;  // in bytes
  Index depth = 0;
  /// Channels in blocks of `panel_width`, the last one narrower; [block][k][channel]. Each block
  /// holds `panel_depth` products, of which those from `panel_first` on are meant.
  const T* panels = nullptr;
  Index panel_width = 1, panel_depth = 0, panel_first = 0;
  Index channels = 0;
  const T* bias = nullptr;  // one per channel, or null
  Index bias_step = 1;
  TwinJob<T> twin{};
  const Spot* spots = nullptr;
  Index spot_count = 0;
  T* dst = nullptr;
  Index dst_channel_stride = 0;
  Index dst_lane_stride = 1;
  /// Where sums wait between parts of them: a vector for each spot (two with a twin) and channel,
  /// in the order in which tiles meet them. Aligned to a vector.
  T* sums = nullptr;
  bool resume = false;  // sums start from `sums`
  bool first = true;    // unless resumed, from +0 instead of from dst
  bool last = true;     // results go to dst, not to `sums`
  bool stream = false;  // results are not read again soon
  TapRows rows{};
  Ahead ahead{};
};

/// One output channel with stride 1: dst[y][x] (+)= sum of weights[ci][ky][kx] * src, for
/// y in [0, rows), x in [0, columns); columns >= lanes. Row strides and dilation_x may be negative.
template <class T>
struct RowsJob {
  const T* src = nullptr;
  Index src_channel_stride = 0, src_row_stride = 0;
  const T* weights = nullptr;
  Index weights_channel = 0, weights_row = 0, weights_step = 1;
  Index ci = 0, ky = 0, kx = 0, dilation_y = 1, dilation_x = 1;
  const T* bias = nullptr;
  T* dst = nullptr;
  Index dst_row_stride = 0;
  Index rows = 0, columns = 0;
  /// Where the source of the job after this one begins, relative to src; 0 if right below.
  Index next = 0;
  /// Set by rows(): how far from what is read memory is asked for early.
  Index ahead = 0;
  /// Rows (in steps of src_row_stride) and columns from src on that exist. Others are zero, where
  /// rows_pad() says so, else all must exist.
  Interval real_y{0, StepArgs::kEverywhere}, real_x{0, StepArgs::kEverywhere};
  bool first = true;
  bool stream = false;  // as in StepArgs
};

template <class T>
struct DirectOps {
  int lanes = 0;
  int max_channels = 0;
  void (*tiles)(const TileJob<T>& job) = nullptr;
  void (*rows)(const RowsJob<T>& job) = nullptr;
  bool (*rows_pad)(const RowsJob<T>& job) = nullptr;
  /// panels[block][k][channel] = weights[channel * channel_stride + offsets[k]]
  void (*pack_panels)(const T* weights, Index channel_stride, const Index* offsets, Index channels,
                      Index width, Index depth, T* panels) = nullptr;
  /// to[i] = from[i * step]
  void (*copy_strided)(const T* from, Index step, Index count, T* to) = nullptr;
  /// sum + weights . src, one fused multiply-add each, without vectors.
  T (*dot)(const T* weights, const T* src, const Index* offsets, Index depth, T sum) = nullptr;
};

/// The operations of the best target of this machine, or null if it has no fused multiply-add.
const DirectOps<float>* direct_ops_f32();
const DirectOps<double>* direct_ops_f64();
template <class T>
const DirectOps<T>* direct_ops();
template <>
inline const DirectOps<float>* direct_ops<float>() {
  return direct_ops_f32();
}
template <>
inline const DirectOps<double>* direct_ops<double>() {
  return direct_ops_f64();
}

/// Channels in a block when `channels` are dealt to blocks of at most `most`: as many in each, but
/// for the last.
inline Index panel_width(Index channels, Index most) {
  const Index blocks = (channels + most - 1) / most;
  return (channels + blocks - 1) / blocks;
}

}  // namespace tilewright::cpu
