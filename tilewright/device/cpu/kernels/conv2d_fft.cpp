// Overlap-save: a block of nx elements of the source gives nx - taps + 1 outputs by a circular
// convolution, along both axes. For each block of input channels: the spectra of the weights are
// made once (and kept, if they fit); then each thread takes blocks of the image, transforms their
// channels, multiplies and sums, and transforms one output channel after the other back.
#include "tilewright/device/cpu/kernels/conv2d_fft.h"

#include <algorithm>
#include <cmath>

#include "tilewright/device/cpu/arena.h"
#include "tilewright/device/cpu/kernels/conv2d_direct_step.h"
#include "tilewright/device/cpu/kernels/conv2d_fft_block.h"

namespace tilewright::cpu {
namespace {

constexpr Index kFloat = static_cast<Index>(sizeof(float));
// Spectra of so many bytes are kept from call to call; more are made in parts, for every call.
constexpr Index kHeldBytes = Index{256} << 20;
// Input channels whose spectra are summed: as many as fit this, which is meant for a cache.
constexpr Index kSourceBytes = Index{4} << 20;
constexpr Index kMostChannels = 32;

Index ceil_by(Index a, Index b) { return (a + b - 1) / b; }

Index summed_channels(const FftBlock& b) {
  return std::clamp<Index>(kSourceBytes / (b.ny * b.nx * kFloat), 1, kMostChannels);
}

// Output channels that are multiplied together.
Index multiplied_channels(const FftBlock& b) {
  return std::clamp<Index>(kSourceBytes / (b.ny * b.nx * kFloat), 1, 4);
}

/// What a step keeps in its workspace, in floats.
struct Sizes {
  Sizes(const FftBlock& block, Index groups, Index inputs, Index outputs)
      : spectrum(fft_spaced(fft_ops()->spectrum(block))),
        channels(std::min(inputs, summed_channels(block))),
        sums(std::min(outputs, multiplied_channels(block))) {
    const Index pairs = groups * outputs * inputs;
    const Index most = std::max(channels, kHeldBytes / kFloat / spectrum);
    all = pairs <= most;
    // In parts: some groups, or else some outputs of one.
    batch_outputs = all ? outputs : std::clamp<Index>(most / channels, 1, outputs);
    batch_groups = all ? groups : std::clamp<Index>(most / (batch_outputs * channels), 1, groups);
    weights = spectrum * (all ? pairs : batch_groups * batch_outputs * channels);
    own = spectrum * (channels + sums) + fft_spaced(fft_ops()->scratch(block));
  }
  Index spectrum, channels, sums;
  bool all;  // the spectra of all weights are there at once
  Index batch_outputs, batch_groups;
  Index weights, own;  // own: of each thread
};

class Fft {
 public:
  Fft(const DirectStep<float>& step, const StepArgs& args)
      : step_(step),
        ops_(*fft_ops()),
        block_(fft_block(step.taps_y, step.taps_x)),
        sizes_(block_, step.groups, step.ci, step.co),
        shared_(reinterpret_cast<float*>(args.workspace)),
        threads_(args.threads),
        made_(args.same_weights && sizes_.all) {
    out_y_ = fft_outputs(block_.ny, step.taps_y), out_x_ = fft_outputs(block_.nx, step.taps_x);
    down_ = ceil_by(step.row.outputs, out_y_), across_ = ceil_by(step.lane.outputs, out_x_);
  }

  void run() {
    for (Index g = 0; g < step_.groups; g += sizes_.batch_groups)
      for (Index co = 0; co < step_.co; co += sizes_.batch_outputs) {
        groups_ = {g, std::min(step_.groups, g + sizes_.batch_groups)};
        outputs_ = {co, std::min(step_.co, co + sizes_.batch_outputs)};
        for (Index ci = 0; ci < step_.ci; ci += sizes_.channels) {
          inputs_ = {ci, std::min(step_.ci, ci + sizes_.channels)};
          if (!made_) make_weights();
          run_images();
        }
      }
  }

 private:
  float* own(int slot) const { return shared_ + sizes_.weights + sizes_.own * slot; }

  // Spectrum of the weights between two channels of the batch.
  float* weights(Index g, Index co, Index ci) const {
    const Index held = sizes_.all ? step_.ci : sizes_.channels;
    const Index from = sizes_.all ? 0 : inputs_.begin;
    const Index at = ((g - groups_.begin) * outputs_.size() + co - outputs_.begin) * held;
    return shared_ + (at + ci - from) * sizes_.spectrum;
  }

  void make_weights() {
    const Index count = groups_.size() * outputs_.size() * inputs_.size();
    parallel_ranges(count, threads_, [&](Index begin, Index end, int slot) {
      for (Index i = begin; i < end; ++i) {
        const Index ci = inputs_.begin + i % inputs_.size(), rest = i / inputs_.size();
        const Index co = outputs_.begin + rest % outputs_.size();
        make_weights(groups_.begin + rest / outputs_.size(), co, ci, own(slot));
      }
    });
  }

  void make_weights(Index g, Index co, Index ci, float* scratch) {
    const Index sign = step_.mirrored ? -1 : 1;
    const Index last_y = step_.mirrored ? step_.taps_y - 1 : 0;
    const Index last_x = step_.mirrored ? step_.taps_x - 1 : 0;
    FftSource job;
    job.block = block_;
    job.src = step_.weights + g * step_.weights_g + co * step_.weights_co + ci * step_.weights_ci +
              last_y * step_.weights_y + last_x * step_.weights_x;
    job.row = sign * step_.weights_y, job.column = sign * step_.weights_x;
    job.y = {0, step_.taps_y}, job.x = {0, step_.taps_x};
    job.dst = weights(g, co, ci);
    job.scratch = scratch;
    job.conjugate = true;
    ops_.source(job);
  }

  void run_images() {
    const Index places = step_.n * groups_.size() * down_ * across_;
    // Few blocks leave threads idle, so their outputs are shared as well.
    const Index parts = std::clamp<Index>(2 * threads_ / places, 1, outputs_.size());
    const Index share = ceil_by(outputs_.size(), parts);
    parallel_ranges(places * parts, threads_, [&](Index begin, Index end, int slot) {
      for (Index i = begin; i < end; ++i) {
        const Index first = outputs_.begin + i % parts * share;
        const Interval part{first, std::min(outputs_.end, first + share)};
        Index place = i / parts;
        const Index x = place % across_;
        place /= across_;
        const Index y = place % down_;
        place /= down_;
        const Index g = groups_.begin + place % groups_.size();
        if (!part.empty()) run_block(place / groups_.size(), g, y, x, part, own(slot));
      }
    });
  }

  void run_block(Index n, Index g, Index y, Index x, const Interval& part, float* own) {
    const Index top = y * out_y_, left = x * out_x_;
    const Index height = std::min(out_y_, step_.row.outputs - top);
    const Index width = std::min(out_x_, step_.lane.outputs - left);
    float* const spectra = own;
    float* const sums = spectra + sizes_.channels * sizes_.spectrum;
    float* const scratch = sums + sizes_.sums * sizes_.spectrum;
    FftSource from;
    from.block = block_;
    from.row = step_.row.src_step, from.column = 1;
    // Zero padding may not be there.
    from.y = intersect(step_.row.real.shifted(-top), {0, height + step_.taps_y - 1});
    from.x = intersect(step_.lane.real.shifted(-left), {0, width + step_.taps_x - 1});
    from.scratch = scratch;
    for (Index k = 0; k < inputs_.size(); ++k) {
      from.src = step_.src_data + n * step_.src_n +
                 (g * step_.ci + inputs_.begin + k) * step_.src_c + top * step_.row.src_step + left;
      from.dst = spectra + k * sizes_.spectrum;
      ops_.source(from);
    }
    FftProducts job;
    job.size = ops_.spectrum(block_);
    job.depth = inputs_.size();
    job.source = spectra, job.source_step = sizes_.spectrum;
    job.weights_step = sizes_.spectrum;
    job.weights_output = (sizes_.all ? step_.ci : sizes_.channels) * sizes_.spectrum;
    job.dst = sums, job.dst_step = sizes_.spectrum;
    FftResult to;
    to.block = block_;
    to.row = step_.row.dst_step;
    to.height = height, to.width = width;
    to.first = step_.first && inputs_.begin == 0;
    to.scratch = scratch;
    for (Index co = part.begin; co < part.end; co += sizes_.sums) {
      job.outputs = std::min(sizes_.sums, part.end - co);
      job.weights = weights(g, co, inputs_.begin);
      ops_.products(job);
      for (Index i = 0; i < job.outputs; ++i) {
        const Index channel = g * step_.co + co + i;
        to.src = sums + i * sizes_.spectrum;
        to.dst = step_.dst_data + n * step_.dst_n + channel * step_.dst_c +
                 top * step_.row.dst_step + left;
        const bool biased = step_.bias != nullptr && inputs_.end == step_.ci;
        to.bias = biased ? step_.bias + channel * step_.bias_step : nullptr;
        ops_.result(to);
      }
    }
  }

  const DirectStep<float>& step_;
  const FftOps& ops_;
  FftBlock block_;
  Sizes sizes_;
  float* shared_;
  int threads_;
  bool made_;                           // the spectra of the weights are those of the call before
  Index out_y_, out_x_;                 // outputs of a block
  Index down_, across_;                 // blocks of the image
  Interval groups_, outputs_, inputs_;  // in work
};

Sizes sizes_of(const Block& step) {
  return Sizes(fft_block(step[Axis::kKy].size(), step[Axis::kKx].size()), step[Axis::kG].size(),
               step[Axis::kCi].size(), step[Axis::kCo].size());
}

}  // namespace

// The root of the sum of squares over a block is at most sqrt(ny nx) times the largest value.
KernelTiling conv2d_fft_tiling(const Layer& layer) {
  const Window &y = layer.window(kY), &x = layer.window(kX);
  const FftBlock b = fft_block(y.taps, x.taps);
  KernelTiling t;
  t.anchors = kAnywhere;
  t.anchors[Axis::kY] = fft_outputs(b.ny, y.taps), t.anchors[Axis::kX] = fft_outputs(b.nx, x.taps);
  t.anchors[Axis::kCi] = summed_channels(b);
  t.anchors[Axis::kKy] = t.anchors[Axis::kKx] = 0;
  t.error = {std::sqrt(static_cast<double>(b.ny * b.nx)), fft_roundings(b)};
  return t;
}

Index conv2d_fft_shared_workspace(const Block& step) { return sizes_of(step).weights * kFloat; }

Index conv2d_fft_workspace(const Block& step) { return sizes_of(step).own * kFloat; }

KernelWork conv2d_fft_work(const Layer& layer, const Block& step) {
  const Index ky = step[Axis::kKy].size(), kx = step[Axis::kKx].size();
  const FftBlock b = fft_block(ky, kx);
  const auto count = [&](Axis a) { return static_cast<double>(step[a].size()); };
  const auto blocks = static_cast<double>(ceil_by(step[Axis::kY].size(), fft_outputs(b.ny, ky)) *
                                          ceil_by(step[Axis::kX].size(), fft_outputs(b.nx, kx)));
  const auto elements = static_cast<double>(b.ny * b.nx);
  const double sums = std::ceil(count(Axis::kCi) / static_cast<double>(summed_channels(b)));
  const double images = count(Axis::kN) * count(Axis::kG) * blocks;
  const double pairs = count(Axis::kCi) * count(Axis::kCo);
  // Spectra beyond the nearer caches are read and written again by every stage.
  const double passes = elements >= 1 << 20 ? 6 : elements >= 1 << 18 ? 1.5 : 0;
  const double made = count(Axis::kG) * pairs;
  const double transforms = images * (count(Axis::kCi) + sums * count(Axis::kCo)) + made;
  KernelWork work = default_work(layer, step);
  work.flop = fft_flop(b) * transforms;
  work.bytes += kFloat * elements * (2 * images * pairs + 3 * made + passes * transforms);
  return work;
}

void run_conv2d_fft(const StepArgs& args) {
  const DirectStep<float> step = forward_step<float>(args);
  Fft(step, args).run();
}

void run_conv2d_transpose_fft(const StepArgs& args) {
  const Window &wy = args.layer->window(kY), &wx = args.layer->window(kX);
  const Phase y = phase(wy, args.y, args.dst.shape[kY], args.weights.shape[2], 0);
  const Phase x = phase(wx, args.x, args.dst.shape[kX], args.weights.shape[3], 0);
  const DirectStep<float> step = transpose_step<float>(args, y, x);
  Fft(step, args).run();
}

}  // namespace tilewright::cpu
