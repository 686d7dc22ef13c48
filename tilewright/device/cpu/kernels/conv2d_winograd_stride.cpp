// As conv2d_winograd: for each block of input channels the weights are transformed once; then each
// thread takes a block of tiles, transforms its source, multiplies and transforms back. Forward,
// sixteen sums run over channels and phases; for the gradient of the source, forty-nine over
// channels alone. Blocks are runs of tiles, row by row, so that they fill vectors.
#include "tilewright/device/cpu/kernels/conv2d_winograd_stride.h"

#include <algorithm>
#include <array>

#include "tilewright/device/cpu/kernels/conv2d_direct_step.h"
#include "tilewright/device/cpu/kernels/conv2d_winograd_matrices.h"
#include "tilewright/device/cpu/kernels/conv2d_winograd_product.h"
#include "tilewright/device/cpu/kernels/conv2d_winograd_stride_ops.h"

namespace tilewright::cpu {
namespace {

constexpr Index kWeightsChannels = 128;  // output channels per thread whose weights are held
constexpr Index kSlack = 64;
constexpr Index kAhead = 2;  // channels for which memory is asked early
constexpr Index kSums = kStridePoints * kStridePoints;

/// What is summed before one inverse transform, and how it is blocked.
struct Way {
  Index channels;           // of a block of sums
  Index held;               // output channels whose products are held at once
  Index sources, products;  // matrices of factors, and of their products
};
constexpr Way kForward{kWinogradStrideChannels, 60, kStrideProducts, kSums};
constexpr Way kBackward{kWinogradStrideResults, 24, kSums, kStrideProducts};

/// Elements of the workspace of one thread, for steps with so many channels.
struct Sizes {
  Sizes(const Way& way, Index inputs, Index outputs) {
    // Spacing what several phases have together may take a cache line more.
    constexpr Index kMore = kSums * 16;
    const auto all = [](Index matrices, Index size) {
      return matrices * winograd_spaced(size) + kMore;
    };
    const Index ci = std::min(inputs, way.channels);
    weights = all(kStrideProducts, ci * std::min(outputs, kWeightsChannels));
    source = all(way.sources, ci * kStrideMostTiles) + kSlack;
    products = all(way.products, std::min(outputs, way.held) * kStrideMostTiles) + kSlack;
  }
  Index weights, source, products;
  Index own() const { return source + products + kStrideScratch; }
};

Index workspace(const Way& way, Index inputs, Index outputs) {
  const Sizes sizes(way, inputs, outputs);
  return (sizes.weights + sizes.own()) * static_cast<Index>(sizeof(float));
}

/// One axis: outputs of the step, positions of the source that exist, and where the tap in the
/// middle stands in its pair.
struct Side {
  Index outputs = 0;
  Interval real;
  bool second = false;

  /// The point of a factor; factors of the tap in the middle are those of three points.
  Index point(Index factor) const {
    return factor < kStridePoints ? factor : factor - kStridePoints + (second ? 1 : 0);
  }
  /// Factors of a point.
  Index phases(Index point) const { return point == (second ? 0 : kStridePoints - 1) ? 1 : 2; }
};

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

class StrideWinograd {
 public:
  StrideWinograd(const Way& way, const DirectStep<float>& step, const Side& y, const Side& x,
                 std::byte* workspace, int threads)
      : way_(way),
        step_(step),
        y_(y),
        x_(x),
        products_(*winograd_product_ops()),
        ops_(*stride_ops()),
        workspace_(reinterpret_cast<float*>(workspace)),
        threads_(threads),
        sizes_(way, step.ci, step.co) {
    const Index side = forward() ? kStrideOut : 2 * kStrideOut;
    columns_ = ceil_div(x.outputs, side);
    tiles_ = ceil_div(y.outputs, side) * columns_;
    // Whole vectors, as many in each block, and as many blocks for each thread where that fills
    // registers.
    const Index lanes = ops_.lanes, vectors = ceil_div(tiles_, lanes);
    blocks_ = ceil_div(vectors, std::min<Index>(products_.vectors, kStrideMostTiles / lanes));
    while (blocks_ * step.n % threads != 0 && 2 * blocks_ < vectors) ++blocks_;
    block_ = ceil_div(vectors, blocks_) * lanes;
    blocks_ = ceil_div(tiles_, block_);
  }

  void run() {
    for (Index g = 0; g < step_.groups; ++g)
      for (Index ci = 0; ci < step_.ci; ci += way_.channels) {
        input_ = {ci, std::min(step_.ci, ci + way_.channels)};
        const Index most = kWeightsChannels * threads_;
        for (Index co = 0; co < step_.co; co += most) {
          output_ = {co, std::min(step_.co, co + most)};
          run_channels(g);
        }
      }
  }

 private:
  bool forward() const { return !step_.mirrored; }
  // Weights of all threads lie together, in front.
  float* weights() const { return workspace_; }
  float* own(int slot) const {
    return workspace_ + sizes_.weights * threads_ + sizes_.own() * slot;
  }

  void run_channels(Index g) {
    width_ = products_.width(ceil_div(block_, ops_.lanes));
    winograd_shares(
        {output_, width_, step_.n * blocks_, threads_},
        [&](Index panel) { transform_panel(g, panel); },
        [&](Index block, const Interval& part, int slot) {
          run_block(block / blocks_, g, block % blocks_, part, own(slot));
        });
  }

  // Factors that are summed over phases as well lie behind one another: of `size` elements each,
  // between sums that lie `spaced` apart.
  StrideOffsets summed(Index size, Index spaced) const {
    StrideOffsets offsets{};
    Index begin = 0;
    for (Index i = 0; i < kStridePoints; ++i)
      for (Index j = 0; j < kStridePoints; ++j) {
        Index rank = 0;
        for (Index u = i; u < kStrideFactors; ++u)
          for (Index v = j; v < kStrideFactors; ++v)
            if (y_.point(u) == i && x_.point(v) == j)
              offsets[at(kStrideFactors * u + v)] = begin + size * rank++;
        begin += winograd_spaced(spaced * rank);
      }
    return offsets;
  }
  static StrideOffsets apart(Index size) {
    StrideOffsets offsets{};
    for (Index p = 0; p < kStrideProducts; ++p) offsets[at(p)] = p * winograd_spaced(size);
    return offsets;
  }
  Index phases(Index sum) const {
    return y_.phases(sum / kStridePoints) * x_.phases(sum % kStridePoints);
  }

  // Matrices of weights lie as the register tiles want them: [panel][input channel][output
  // channel], forward the phases of a panel behind one another.
  Index matrix() const { return output_.size() * input_.size(); }

  void transform_panel(Index g, Index panel) {
    const Index begin = panel * width_;
    const Index sign = forward() ? 1 : -1, last = forward() ? 0 : 2;
    StrideWeights job;
    job.weights = step_.weights + g * step_.weights_g + (output_.begin + begin) * step_.weights_co +
                  input_.begin * step_.weights_ci + last * (step_.weights_y + step_.weights_x);
    job.output = step_.weights_co, job.input = step_.weights_ci;
    job.row = sign * step_.weights_y, job.column = sign * step_.weights_x;
    job.outputs = std::min(width_, output_.size() - begin), job.inputs = input_.size();
    job.second_y = y_.second, job.second_x = x_.second;
    job.dst = weights();
    StrideOffsets offsets;
    if (forward()) {
      offsets = summed(job.inputs * job.outputs, matrix());
      for (Index u = 0; u < kStrideFactors; ++u)
        for (Index v = 0; v < kStrideFactors; ++v)
          offsets[at(kStrideFactors * u + v)] +=
              begin * job.inputs * y_.phases(y_.point(u)) * x_.phases(x_.point(v));
    } else {
      offsets = apart(matrix());
      job.dst += begin * job.inputs;
    }
    job.at = &offsets;
    ops_.weights(job);
  }

  void run_block(Index n, Index g, Index block, const Interval& part, float* own) {
    const Index first = block * block_;
    const StrideTiles tiles{first, std::min(block_, tiles_ - first), columns_};
    const Index padded = ceil_div(tiles.count, ops_.lanes) * ops_.lanes;
    float* const products = own + sizes_.source;
    float* const scratch = products + sizes_.products;
    transform_source(n, g, tiles, padded, own, scratch);
    StrideResult to;
    to.tiles = tiles;
    to.late_y = !y_.second, to.late_x = !x_.second;
    to.dst_row = step_.row.dst_step, to.dst_step = step_.lane.dst_step;
    to.height = y_.outputs, to.width = x_.outputs;
    to.first = step_.first && input_.begin == 0;
    to.scratch = scratch;
    const Index held = way_.held / width_ * width_;
    for (Index c = part.begin; c < part.end; c += held) {
      const Interval now{c, std::min(part.end, c + held)};
      multiply(own, padded, now, products);
      const StrideOffsets offsets = apart(now.size() * padded);
      to.at = &offsets;
      for (Index i = 0; i < now.size(); ++i) {
        const Index channel = g * step_.co + now.begin + i;
        to.src = products + i * padded;
        to.dst = step_.dst_data + n * step_.dst_n + channel * step_.dst_c;
        to.next = i + kAhead < now.size() ? to.dst + kAhead * step_.dst_c : nullptr;
        const bool last = input_.end == step_.ci;
        to.bias = last && step_.bias != nullptr ? step_.bias + channel * step_.bias_step : nullptr;
        (forward() ? ops_.result : ops_.result_phases)(to);
      }
    }
  }

  void transform_source(Index n, Index g, const StrideTiles& tiles, Index padded, float* source,
                        float* scratch) {
    const Index size = input_.size() * padded;
    const StrideOffsets offsets = forward() ? summed(size, size) : apart(size);
    StrideSource from;
    from.src_row = step_.row.src_step;
    from.y = y_.real, from.x = x_.real;
    from.tiles = tiles, from.padded = padded;
    from.at = &offsets;
    from.scratch = scratch;
    for (Index k = 0; k < input_.size(); ++k) {
      from.src = step_.src_data + n * step_.src_n + (g * step_.ci + input_.begin + k) * step_.src_c;
      from.dst = source + k * padded;
      from.next = k + kAhead < input_.size() ? from.src + kAhead * step_.src_c : nullptr;
      (forward() ? ops_.source_phases : ops_.source)(from);
    }
  }

  void multiply(const float* source, Index padded, const Interval& channels, float* products) {
    const Index ci = input_.size(), skipped = channels.begin - output_.begin;
    WinogradProduct job;
    job.src_step = job.dst_step = padded;
    job.vectors = padded / products_.lanes;
    job.channels = channels.size(), job.width = width_;
    const Index spaced = winograd_spaced(channels.size() * padded);
    const auto run = [&](const float* panels, Index depth, Index product) {
      job.depth = depth, job.panel_step = width_ * depth;
      job.factors = panels + skipped * depth;
      job.dst = products + product * spaced;
      products_.run(job);
    };
    if (forward()) {
      const float* panels = weights();
      job.src = source;
      for (Index p = 0; p < kSums; ++p) {
        const Index depth = ci * phases(p), size = winograd_spaced(depth * padded);
        job.next = p + 1 < kSums ? job.src + size : nullptr;
        run(panels, depth, p);
        job.src += size;
        panels += winograd_spaced(depth * output_.size());
      }
      return;
    }
    for (Index i = 0; i < kSums; ++i) {
      job.src = source + i * winograd_spaced(ci * padded);
      for (Index u = 0; u < kStrideFactors; ++u)
        for (Index v = 0; v < kStrideFactors; ++v) {
          if (kStridePoints * y_.point(u) + x_.point(v) != i) continue;
          const Index p = kStrideFactors * u + v;
          run(weights() + p * winograd_spaced(matrix()), ci, p);
        }
    }
  }

  const Way& way_;
  const DirectStep<float>& step_;
  Side y_, x_;
  const WinogradProductOps& products_;
  const StrideOps& ops_;
  float* workspace_;
  int threads_;
  Sizes sizes_;
  Index columns_ = 0, tiles_ = 0;  // of an image
  Index block_ = 0, blocks_ = 0;   // tiles of a block, blocks of an image
  Interval input_, output_;        // channels in work, of a group
  Index width_ = 1;
};

}  // namespace

Index conv2d_winograd_stride_workspace(Index inputs, Index outputs) {
  return workspace(kForward, inputs, outputs);
}
Index conv2d_transpose_winograd_stride_workspace(Index inputs, Index outputs) {
  return workspace(kBackward, inputs, outputs);
}

namespace {

// Of one axis: the largest sum over products of |inverse| * max|taps' factors| * sum|source's
// factors|, of either phase.
constexpr double kErrorFactor = 4;

KernelTiling tiling(const Way& way, Index side, double phases) {
  KernelTiling t;
  t.anchors[Axis::kY] = t.anchors[Axis::kX] = side;
  t.anchors[Axis::kKy] = t.anchors[Axis::kKx] = 0;
  t.anchors[Axis::kCi] = way.channels;
  t.error = {kErrorFactor * kErrorFactor, kWinogradStrideRoundings, phases};
  return t;
}

// What a byte of factors costs, of those of the source, of products with results, of weights, and
// of workspace that is new, in bytes of the transforms of conv2d_winograd; measured.
constexpr double kSourceCost = 2.4, kResultCost = 0.66, kWeightsCost = 4.5, kFreshCost = 1.5;

KernelWork work(const Way& way, Index side, const Block& step) {
  const auto size = [&](Axis a) { return static_cast<double>(step[a].size()); };
  const double images = size(Axis::kN) * size(Axis::kG);
  const double in = size(Axis::kCi), out = size(Axis::kCo);
  const Index rows = ceil_div(step[Axis::kY].size(), side);
  const Index columns = ceil_div(step[Axis::kX].size(), side);
  // Products fill vectors with any tiles, transforms with those of a row.
  const auto lanes = [](Index tiles) { return ceil_div(tiles, kNominalLanes) * kNominalLanes; };
  const double all = images * static_cast<double>(lanes(rows * columns));
  const double by_rows = images * static_cast<double>(rows * lanes(columns));
  const auto tiles = static_cast<double>(std::min(rows * columns, kStrideMostTiles));
  const auto sources = static_cast<double>(way.sources);
  const auto products = static_cast<double>(way.products);
  const auto blocks = static_cast<double>(ceil_div(step[Axis::kCi].size(), way.channels));
  const double deep = std::min(in, static_cast<double>(way.channels));
  const double held = std::min(out, static_cast<double>(way.held));
  const double written = tiles * (sources * deep + products * held) +
                         kStrideProducts * deep * std::min<double>(out, kWeightsChannels);
  constexpr double kFloat = sizeof(float), kMostFresh = 2 << 20;
  KernelWork work;
  work.flop = 2 * kStrideProducts * all * in * out;
  const double results = 2 * products + static_cast<double>(side * side);
  work.bytes = kFloat * (kSourceCost * sources * by_rows * in +
                         kResultCost * results * by_rows * out * blocks +
                         kWeightsCost * kStrideProducts * size(Axis::kG) * in * out) +
               kFreshCost * std::min(kFloat * written, kMostFresh);
  return work;
}

}  // namespace

KernelTiling conv2d_winograd_stride_tiling(const Layer&) { return tiling(kForward, kStrideOut, 4); }
KernelTiling conv2d_transpose_winograd_stride_tiling(const Layer&) {
  return tiling(kBackward, 2 * kStrideOut, 1);
}
KernelWork conv2d_winograd_stride_work(const Layer&, const Block& step) {
  return work(kForward, kStrideOut, step);
}
KernelWork conv2d_transpose_winograd_stride_work(const Layer&, const Block& step) {
  return work(kBackward, 2 * kStrideOut, step);
}

void run_conv2d_winograd_stride(const StepArgs& args) {
  const DirectStep<float> step = forward_step<float>(args);
  const auto side = [](const StepAxis& a) {
    return Side{a.outputs, intersect(a.real, {0, a.reach()}), false};
  };
  StrideWinograd(kForward, step, side(step.row), side(step.lane), args.workspace, args.threads)
      .run();
}

namespace {

/// Both phases of an axis as one, whose source begins where that of the phase with two taps does;
/// and the same for tiles: what is demanded of the source, and which phase comes first.
struct BothPhases {
  BothPhases(const Window& w, const StepArgs::Place& place, Index outputs, Interval real) {
    const Phase early = phase(w, place, outputs, w.taps, 0),
                late = phase(w, place, outputs, w.taps, 1);
    const bool second = early.taps == 2;
    axis.outputs = outputs, axis.taps = w.taps;
    axis.src = (second ? early : late).src;
    Index reach = early.src + early.outputs + early.taps - 1;
    if (late.outputs > 0) reach = std::max(reach, late.src + late.outputs + late.taps - 1);
    side = {outputs, intersect(real.shifted(-axis.src), {0, reach - axis.src}), second};
  }
  Phase axis;
  Side side;
};

}  // namespace

void run_conv2d_transpose_winograd_stride(const StepArgs& args) {
  const Layer& layer = *args.layer;
  const BothPhases y(layer.window(kY), args.y, args.dst.shape[kY], args.real_y);
  const BothPhases x(layer.window(kX), args.x, args.dst.shape[kX], args.real_x);
  DirectStep<float> step = transpose_step<float>(args, y.axis, x.axis);
  step.row.dst_step = args.dst.strides[kY], step.lane.dst_step = args.dst.strides[kX];
  StrideWinograd(kBackward, step, y.side, x.side, args.workspace, args.threads).run();
}

}  // namespace tilewright::cpu
