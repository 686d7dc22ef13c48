// Tap (ky, kx) is the correlation of results with the source, ky and kx apart. In a block of the
// source of ny x nx elements, the ny - ky + 1 results (and as many columns) that all taps of theirs
// lie in are padded with zeros; their spectra are multiplied and summed over a strip of blocks.
// First all spectra of a strip are made, then each thread takes some pairs of channels.
#include <algorithm>
#include <cmath>

#include "tilewright/device/cpu/arena.h"
#include "tilewright/device/cpu/kernels/conv2d_fft.h"

namespace tilewright::cpu {
namespace {

constexpr Index kFloat = static_cast<Index>(sizeof(float));
constexpr Index kStripBytes = Index{1} << 20;     // spectra of one channel in a strip, about
constexpr Index kSpectraBytes = Index{32} << 20;  // of all channels that are there at once
constexpr Index kMostBlocks = 8, kMostChannels = 32;
constexpr Index kOutputs = 4;  // channels that are multiplied together

Index ceil_by(Index a, Index b) { return (a + b - 1) / b; }

// Blocks whose products are summed before they are transformed back: what the bits depend on.
Index strip_blocks(const FftBlock& b) {
  return std::clamp<Index>(kStripBytes / (b.ny * b.nx * kFloat), 1, kMostBlocks);
}

/// How channels are dealt out, and what lies in the workspace, in floats.
struct Sizes {
  Sizes(const FftBlock& block, Index groups, Index ci, Index co, Index taps)
      : spectrum(fft_spaced(fft_ops()->spectrum(block))), strip(strip_blocks(block)) {
    const Index most =
        std::clamp<Index>(kSpectraBytes / (2 * strip * spectrum * kFloat), 1, kMostChannels);
    inputs = std::min(ci, most), outputs = std::min(co, most);
    batch = std::clamp<Index>(most / std::max(inputs, outputs), 1, groups);
    sums = std::min({outputs, kOutputs, std::max<Index>(1, kStripBytes / (spectrum * kFloat))});
    source = batch * inputs * strip * spectrum;
    results = batch * outputs * strip * spectrum;
    tap_floats = fft_spaced(taps);
    own = sums * spectrum + fft_spaced(fft_ops()->scratch(block)) + tap_floats;
  }
  Index spectrum, strip;
  Index inputs, outputs, batch;  // channels and groups whose spectra are there at once
  Index sums;
  Index source, results, tap_floats, own;
};

class WeightsFft {
 public:
  explicit WeightsFft(const StepArgs& args)
      : a_(args),
        ops_(*fft_ops()),
        taps_y_(args.dst.shape[2]),
        taps_x_(args.dst.shape[3]),
        ci_(args.dst.shape[1]),
        co_(args.dst.shape[0] / args.groups),
        block_(fft_block(taps_y_, taps_x_)),
        sizes_(block_, args.groups, ci_, co_, taps_y_ * taps_x_),
        source_(reinterpret_cast<float*>(args.workspace)),
        results_(source_ + sizes_.source) {
    out_y_ = fft_outputs(block_.ny, taps_y_), out_x_ = fft_outputs(block_.nx, taps_x_);
  }

  void run() {
    for (Index g = 0; g < a_.groups; g += sizes_.batch)
      for (Index co = 0; co < co_; co += sizes_.outputs)
        for (Index ci = 0; ci < ci_; ci += sizes_.inputs) {
          groups_ = {g, std::min(a_.groups, g + sizes_.batch)};
          outputs_ = {co, std::min(co_, co + sizes_.outputs)};
          inputs_ = {ci, std::min(ci_, ci + sizes_.inputs)};
          run_channels();
        }
  }

 private:
  float* own(int slot) const { return results_ + sizes_.results + sizes_.own * slot; }
  float* source(Index g, Index i, Index block) const {
    return source_ + ((g * inputs_.size() + i) * sizes_.strip + block) * sizes_.spectrum;
  }
  float* results(Index g, Index i, Index block) const {
    return results_ + ((g * outputs_.size() + i) * sizes_.strip + block) * sizes_.spectrum;
  }

  void run_channels() {
    const Shape& shape = a_.weights.shape;
    const Index across = ceil_by(shape[kX], out_x_);
    first_ = a_.first;
    for (Index n = 0; n < shape[kN]; ++n)
      for (Index y = 0; y < shape[kY]; y += out_y_)
        for (Index x = 0; x < across; x += sizes_.strip) {
          blocks_ = std::min(sizes_.strip, across - x);
          transform_strip(n, y, x * out_x_);
          sum_strip();
          first_ = false;
        }
  }

  // The spectra of results are conjugated, since the source lies ahead of them.
  void transform_strip(Index n, Index y, Index x) {
    const Index channels = inputs_.size() + outputs_.size();
    const Index height = std::min(out_y_, a_.weights.shape[kY] - y);
    parallel_ranges(
        groups_.size() * channels * blocks_, a_.threads, [&](Index begin, Index end, int slot) {
          for (Index i = begin; i < end; ++i) {
            const Index block = i % blocks_, channel = i / blocks_ % channels;
            const Index g = i / blocks_ / channels, left = x + block * out_x_;
            const Index width = std::min(out_x_, a_.weights.shape[kX] - left);
            const bool source_channel = channel < inputs_.size();
            const ConstTensorView& from = source_channel ? a_.src : a_.weights;
            FftSource job;
            job.block = block_;
            job.row = from.strides[kY];
            job.y = {0, height}, job.x = {0, width};
            job.scratch = own(slot) + sizes_.sums * sizes_.spectrum + sizes_.tap_floats;
            const Index group = groups_.begin + g;
            if (source_channel) {
              job.y.end += taps_y_ - 1, job.x.end += taps_x_ - 1;
              job.src = from.at<float>(n, group * ci_ + inputs_.begin + channel, y, left);
              job.dst = source(g, channel, block);
            } else {
              const Index c = channel - inputs_.size();
              job.src = from.at<float>(n, group * co_ + outputs_.begin + c, y, left);
              job.dst = results(g, c, block);
              job.conjugate = true;
            }
            ops_.source(job);
          }
        });
  }

  void sum_strip() {
    const Index parts = ceil_by(outputs_.size(), sizes_.sums);
    const Index count = groups_.size() * inputs_.size() * parts;
    parallel_ranges(count, a_.threads, [&](Index begin, Index end, int slot) {
      for (Index i = begin; i < end; ++i) {
        const Index part = i % parts * sizes_.sums, input = i / parts % inputs_.size();
        sum_pairs(i / parts / inputs_.size(), input, part, own(slot));
      }
    });
  }

  void sum_pairs(Index g, Index input, Index output, float* own) {
    float* const taps = own + sizes_.sums * sizes_.spectrum;
    FftProducts job;
    job.size = ops_.spectrum(block_);
    job.depth = blocks_, job.outputs = std::min(sizes_.sums, outputs_.size() - output);
    job.source = source(g, input, 0), job.source_step = sizes_.spectrum;
    job.weights = results(g, output, 0), job.weights_step = sizes_.spectrum;
    job.weights_output = sizes_.strip * sizes_.spectrum;
    job.dst = own, job.dst_step = sizes_.spectrum;
    ops_.products(job);
    for (Index c = 0; c < job.outputs; ++c) {
      FftResult back;
      back.block = block_;
      back.src = own + c * sizes_.spectrum;
      back.dst = taps, back.row = taps_x_;
      back.height = taps_y_, back.width = taps_x_;
      back.scratch = taps + sizes_.tap_floats;
      ops_.result(back);
      const Index channel = (groups_.begin + g) * co_ + outputs_.begin + output + c;
      for (Index y = 0; y < taps_y_; ++y) {
        double* const to = a_.dst.at<double>(channel, inputs_.begin + input, y, 0);
        for (Index x = 0; x < taps_x_; ++x) {
          const double sum = static_cast<double>(taps[y * taps_x_ + x]);
          to[x] = (first_ ? 0 : to[x]) + sum;
        }
      }
    }
  }

  const StepArgs& a_;
  const FftOps& ops_;
  Index taps_y_, taps_x_, ci_, co_;
  FftBlock block_;
  Sizes sizes_;
  float *source_, *results_;
  Index out_y_, out_x_;                 // results of a block
  Interval groups_, outputs_, inputs_;  // in work
  Index blocks_ = 0;                    // of the strip in work
  bool first_ = true;
};

Sizes sizes_of(const Block& step) {
  const Index ky = step[Axis::kKy].size(), kx = step[Axis::kKx].size();
  return Sizes(fft_block(ky, kx), step[Axis::kG].size(), step[Axis::kCi].size(),
               step[Axis::kCo].size(), ky * kx);
}

}  // namespace

KernelTiling conv2d_weights_fft_tiling(const Layer& layer) {
  const Window &y = layer.window(kY), &x = layer.window(kX);
  const FftBlock b = fft_block(y.taps, x.taps);
  KernelTiling t;
  t.anchors = kAnywhere;
  t.anchors[Axis::kY] = fft_outputs(b.ny, y.taps);
  t.anchors[Axis::kX] = fft_outputs(b.nx, x.taps) * strip_blocks(b);
  t.anchors[Axis::kKy] = t.anchors[Axis::kKx] = 0;
  t.error = {std::sqrt(static_cast<double>(b.ny * b.nx)),
             fft_roundings(b) + static_cast<double>(strip_blocks(b))};
  return t;
}

Index conv2d_weights_fft_shared_workspace(const Block& step) {
  const Sizes s = sizes_of(step);
  return (s.source + s.results) * kFloat;
}

Index conv2d_weights_fft_workspace(const Block& step) { return sizes_of(step).own * kFloat; }

KernelWork conv2d_weights_fft_work(const Layer& layer, const Block& step) {
  const Index ky = step[Axis::kKy].size(), kx = step[Axis::kKx].size();
  const FftBlock b = fft_block(ky, kx);
  const Sizes sizes = sizes_of(step);
  const auto count = [&](Axis a) { return static_cast<double>(step[a].size()); };
  const auto parts = [](Index all, Index size) { return static_cast<double>(ceil_by(all, size)); };
  const Index across = ceil_by(step[Axis::kX].size(), fft_outputs(b.nx, kx));
  const double rows =
      count(Axis::kN) * count(Axis::kG) * parts(step[Axis::kY].size(), fft_outputs(b.ny, ky));
  const double pairs = count(Axis::kCi) * count(Axis::kCo);
  const double forward = rows * static_cast<double>(across) *
                         (count(Axis::kCi) * parts(step[Axis::kCo].size(), sizes.outputs) +
                          count(Axis::kCo) * parts(step[Axis::kCi].size(), sizes.inputs));
  const double back = rows * parts(across, sizes.strip) * pairs;
  const auto elements = static_cast<double>(b.ny * b.nx);
  const double passes = elements >= 1 << 20 ? 6 : elements >= 1 << 18 ? 1.5 : 0;
  KernelWork work = default_work(layer, step);
  work.flop = fft_flop(b) * (forward + back);
  work.bytes += kFloat * elements *
                (2 * rows * static_cast<double>(across) * pairs + passes * (forward + back));
  return work;
}

void run_conv2d_weights_fft(const StepArgs& args) { WeightsFft(args).run(); }

}  // namespace tilewright::cpu
