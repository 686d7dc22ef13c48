// Follows the kernels as closely as time needs it: idle lanes, what is packed how often, partial
// sums that are put aside between blocks of products.
#include "tilewright/device/cpu/kernels/direct_work.h"

#include <algorithm>
#include <cmath>

namespace tilewright::cpu {
namespace {

constexpr double kFloat = sizeof(float), kLanes = kNominalLanes;
// As in conv2d_direct: products of a block, bytes of packed weights, output channels and vectors of
// a register tile.
constexpr double kDepth = 384, kPanelBytes = 400 * 1024, kChannels = 6, kVectors = 4;
// A row of packed source costs as much as so many bytes more.
constexpr double kRowBytes = 64;

/// A step of conv2d, or one phase of a transposed one; of two phases that alternate along x, x
/// counts pairs of outputs and taps_x the taps of both.
struct Direct {
  double n, g, co, ci, y, x, taps_y, taps_x;
  double stride_y, stride_x;
  double together = 1;  // outputs of a pair

  double outputs() const { return y * x; }
  double depth() const { return ci * taps_y * taps_x; }
};

double padded(double count) { return std::ceil(count / kLanes) * kLanes; }

// Vectors lie along x, or along y where that fills them much better.
double idle(const Direct& s) {
  const double by_x = padded(s.x) / s.x, by_y = padded(s.y) / s.y;
  return by_x > 1.5 * by_y ? by_y : by_x;
}

double packed_bytes(const Direct& s) {
  const bool in_place =
      s.stride_x == 1 && s.x >= kLanes && s.co * s.taps_y * s.taps_x <= 128 && s.ci <= 8;
  if (in_place) return 0;
  const double held = std::max(1.0, kPanelBytes / kFloat / std::min(kDepth, s.depth()));
  const double passes = std::ceil(s.co / held);
  const double rows = s.y * s.stride_y + s.taps_y, columns = s.x * s.stride_x + s.taps_x;
  // Positions that lie apart are gathered one by one.
  const double each = s.stride_x == 1 ? 2 : 4;
  return passes * s.ci * rows * (each * kFloat * columns + kRowBytes);
}

KernelWork work_of(const Direct& s, const KernelWork& operands) {
  const double planes = s.n * s.g;
  const double boxes = std::ceil(s.depth() / kDepth);
  const double vectors = s.outputs() * idle(s) / kLanes;
  KernelWork work;
  work.flop = 2 * planes * vectors * kLanes * s.co * s.depth();
  work.bytes = operands.bytes + planes * (packed_bytes(s) + 2 * kFloat * (boxes - 1) * s.together *
                                                                s.outputs() * s.co);
  work.visits =
      planes * boxes * std::ceil(s.together * vectors / kVectors) * std::ceil(s.co / kChannels);
  return work;
}

Direct direct(const Layer& layer, const Block& step) {
  const auto size = [&](Axis a) { return static_cast<double>(step[a].size()); };
  return {size(Axis::kN),
          size(Axis::kG),
          size(Axis::kCo),
          size(Axis::kCi),
          size(Axis::kY),
          size(Axis::kX),
          size(Axis::kKy),
          size(Axis::kKx),
          static_cast<double>(layer.window(kY).stride),
          static_cast<double>(layer.window(kX).stride)};
}

}  // namespace

KernelWork conv2d_direct_work(const Layer& layer, const Block& step) {
  return work_of(direct(layer, step), default_work(layer, step));
}

// Every stride-th output meets the same taps, which are as many fewer; each phase is a step.
KernelWork conv2d_transpose_direct_work(const Layer& layer, const Block& step) {
  Direct s = direct(layer, step);
  s.together = s.stride_x == 2 && s.taps_x >= 2 ? 2 : 1;
  const double phases = s.stride_y * s.stride_x / s.together;
  s.y = std::max(1.0, s.y / s.stride_y), s.x = std::max(1.0, s.x / s.stride_x);
  s.taps_y = std::max(1.0, s.taps_y / s.stride_y);
  if (s.together == 1) s.taps_x = std::max(1.0, s.taps_x / s.stride_x);
  s.stride_y = s.stride_x = 1;
  KernelWork operands = default_work(layer, step);
  operands.bytes /= phases;
  const KernelWork one = work_of(s, operands);
  return {phases * one.flop, phases * one.bytes, phases * one.visits};
}

// Lanes lie along output channels or along taps; what lies in them is packed result by result.
KernelWork conv2d_weights_direct_work(const Layer& layer, const Block& step) {
  const Direct s = direct(layer, step);
  const double results = s.n * s.g * s.outputs();
  const double dense = padded(s.co) * s.depth();
  // Lanes along groups or blocks of results are full, but both operands are packed.
  const double units = s.co * s.depth() + 4 * (s.co + s.ci);
  KernelWork work = default_work(layer, step);
  work.flop = 2 * results * (dense <= units ? dense : s.co * s.depth());
  work.bytes += 2 * kFloat * results * (dense <= units ? s.co : s.co + 1.5 * s.ci);
  work.visits = results / kLanes * std::ceil(work.flop / results / (2 * kLanes * 24));
  return work;
}

}  // namespace tilewright::cpu
