// For each block of input channels: the weights are transformed once; then each thread takes a
// block of tiles, transforms its source, multiplies (36 products of matrices) and transforms back.
// Nothing transformed leaves the workspace, which is meant to stay in the cache. Where taps are
// `dilation` apart, tiles lie on phases (WinogradTiles), side by side along x, so that rows are
// loaded as they lie.
#include "tilewright/device/cpu/kernels/conv2d_winograd.h"

#include <algorithm>
#include <array>

#include "tilewright/device/cpu/kernels/conv2d_direct_step.h"
#include "tilewright/device/cpu/kernels/conv2d_winograd_matrices.h"
#include "tilewright/device/cpu/kernels/conv2d_winograd_ops.h"
#include "tilewright/device/cpu/kernels/conv2d_winograd_product.h"

namespace tilewright::cpu {
namespace {

constexpr Index kMostTiles = 64;         // of one block
constexpr Index kOutputChannels = 60;    // whose products are held at once
constexpr Index kWeightsChannels = 128;  // output channels per thread whose weights are held
constexpr Index kSlack = 64;
// Fewer channels are summed in two halves: where the definition's sums are short, the roundings of
// one chain would show beside those of the transforms.
constexpr Index kOneChain = 32;
constexpr Index kAhead = 2;  // channels for which memory is asked early

/// Elements of the workspace of one thread, for steps with so many channels.
struct Sizes {
  Sizes(Index inputs, Index outputs) {
    const Index ci = std::min(inputs, kWinogradChannels);
    weights = kWinogradProducts * winograd_spaced(ci * std::min(outputs, kWeightsChannels));
    source = kWinogradProducts * winograd_spaced(ci * kMostTiles) + kSlack;
    products =
        kWinogradProducts * winograd_spaced(std::min(outputs, kOutputChannels) * kMostTiles) +
        kSlack;
  }
  Index weights, source, products;
  Index own() const { return source + products + winograd_scratch(kMostTiles, kWinogradDilation); }
};

/// Blocks of `rows` x `columns` tiles.
struct Blocks {
  Index rows = 1, columns = 1;
  Index down = 1, across = 1;  // how many blocks
  Index count() const { return down * across; }
};

// What blocks cost, in lanes: products fill vectors with any tiles, transforms with those of a row,
// and take about a quarter of the time; each row ends in cache lines that it shares with others.
Index lanes_of(const Blocks& b, Index rows, Index columns, Index lanes) {
  constexpr Index kRowEnd = 10;
  const auto whole = [lanes](Index tiles) { return ceil_div(tiles, lanes) * lanes; };
  const auto block = [&](Index r, Index c) { return 4 * whole(r * c) + r * (whole(c) + kRowEnd); };
  const Index last_row = rows - (b.down - 1) * b.rows;
  const Index last_column = columns - (b.across - 1) * b.columns;
  const auto column_of_blocks = [&](Index c) {
    return (b.down - 1) * block(b.rows, c) + block(last_row, c);
  };
  return (b.across - 1) * column_of_blocks(b.columns) + column_of_blocks(last_column);
}

// The blocks of at most `most` tiles, whose columns are multiples of `unit`, that cost the fewest
// lanes; of those the widest.
Blocks choose_blocks(Index rows, Index columns, Index unit, Index most, Index lanes) {
  Blocks best;
  Index least = 0;
  const Index groups = ceil_div(columns, unit);
  for (Index c = std::max<Index>(1, std::min(groups, most / unit)); c >= 1; --c) {
    Blocks b;
    b.across = ceil_div(groups, c);
    b.columns = ceil_div(groups, b.across) * unit;
    b.across = ceil_div(columns, b.columns);
    b.rows = std::clamp<Index>(most / b.columns, 1, rows);
    b.down = ceil_div(rows, b.rows);
    const Index cost = lanes_of(b, rows, columns, lanes);
    if (least == 0 || cost < least) best = b, least = cost;
  }
  return best;
}

class Winograd {
 public:
  Winograd(const DirectStep<float>& step, std::byte* workspace, int threads)
      : step_(step),
        products_(*winograd_product_ops()),
        ops_(*winograd_ops()),
        workspace_(reinterpret_cast<float*>(workspace)),
        threads_(threads),
        sizes_(step.ci, step.co),
        down_{step.row.dilation, winograd_outputs(step.taps_y)},
        across_{step.lane.dilation, winograd_outputs(step.taps_x)} {
    rows_ = down_.count(step.row.outputs);
    columns_ = across_.count(step.lane.outputs);
    // Enough blocks for all threads, as long as each fills its vectors.
    Index most = std::min<Index>(kMostTiles, products_.vectors * products_.lanes);
    while (most > 2 * ops_.lanes && ceil_div(rows_ * columns_, most) * step.n < 4 * threads)
      most /= 2;
    blocks_ = choose_blocks(rows_, columns_, across_.dilation, most, ops_.lanes);
  }

  void run() {
    for (Index g = 0; g < step_.groups; ++g)
      for (Index ci = 0; ci < step_.ci; ci += kWinogradChannels) {
        input_ = {ci, std::min(step_.ci, ci + kWinogradChannels)};
        const Index most = kWeightsChannels * threads_;
        for (Index co = 0; co < step_.co; co += most) {
          output_ = {co, std::min(step_.co, co + most)};
          run_channels(g);
        }
      }
  }

 private:
  // Weights of all threads lie together, in front.
  float* weights() const { return workspace_; }
  float* own(int slot) const {
    return workspace_ + sizes_.weights * threads_ + sizes_.own() * slot;
  }

  void run_channels(Index g) {
    width_ = products_.width(ceil_div(blocks_.rows * blocks_.columns, ops_.lanes));
    winograd_shares(
        {output_, width_, step_.n * blocks_.count(), threads_},
        [&](Index panel) { transform_panel(g, panel); },
        [&](Index block, const Interval& part, int slot) {
          run_block(block / blocks_.count(), g, block % blocks_.count(), part, own(slot));
        });
  }

  // Matrices of weights lie as the register tiles want them: [panel][input channel][output
  // channel].
  Index matrix() const { return winograd_spaced(output_.size() * input_.size()); }

  void transform_panel(Index g, Index panel) {
    const Index begin = panel * width_;
    const Index sign = step_.mirrored ? -1 : 1;
    const Index last_y = step_.mirrored ? step_.taps_y - 1 : 0;
    const Index last_x = step_.mirrored ? step_.taps_x - 1 : 0;
    WinogradWeights job;
    job.weights = step_.weights + g * step_.weights_g + (output_.begin + begin) * step_.weights_co +
                  input_.begin * step_.weights_ci + last_y * step_.weights_y +
                  last_x * step_.weights_x;
    job.output = step_.weights_co, job.input = step_.weights_ci;
    job.row = sign * step_.weights_y, job.column = sign * step_.weights_x;
    job.taps_y = step_.taps_y, job.taps_x = step_.taps_x;
    job.outputs = std::min(width_, output_.size() - begin), job.inputs = input_.size();
    job.dst = weights() + begin * job.inputs;
    job.product_step = matrix();
    ops_.weights(job);
  }

  void run_block(Index n, Index g, Index block, const Interval& part, float* own) {
    const Index y = block / blocks_.across * blocks_.rows,
                x = block % blocks_.across * blocks_.columns;
    const Index rows = std::min(blocks_.rows, rows_ - y),
                columns = std::min(blocks_.columns, columns_ - x);
    if (rows <= 0 || columns <= 0) return;
    const Index padded = ceil_div(rows * columns, ops_.lanes) * ops_.lanes;
    float* const source = own;
    float* const products = source + sizes_.source;
    float* const scratch = products + sizes_.products;
    const Index left = across_.begin(x);
    const Interval all_y{0, step_.row.reach()}, all_x{0, step_.lane.reach()};
    WinogradSource from;
    from.src_row = step_.row.src_step;
    from.y = intersect(step_.row.real, all_y);
    from.x = intersect(step_.lane.real, all_x).shifted(-left);
    from.down = down_, from.across = across_;
    from.row = y, from.rows = rows, from.columns = columns, from.padded = padded;
    from.product_step = winograd_spaced(input_.size() * padded);
    from.scratch = scratch;
    for (Index k = 0; k < input_.size(); ++k) {
      from.src =
          step_.src_data + n * step_.src_n + (g * step_.ci + input_.begin + k) * step_.src_c + left;
      from.dst = source + k * padded;
      from.next = k + kAhead < input_.size() ? from.src + kAhead * step_.src_c : nullptr;
      ops_.source(from);
    }
    WinogradResult to;
    to.down = down_, to.across = across_;
    to.row = y, to.rows = rows, to.columns = columns;
    to.dst_row = step_.row.dst_step, to.dst_step = step_.lane.dst_step;
    to.height = step_.row.outputs;
    to.width = std::min(step_.lane.outputs - left, across_.whole(columns) * across_.outputs);
    to.first = step_.first && input_.begin == 0;
    to.scratch = scratch;
    const Index held = kOutputChannels / width_ * width_;
    for (Index c = part.begin; c < part.end; c += held) {
      const Interval now{c, std::min(part.end, c + held)};
      multiply(source, padded, now, products);
      to.product_step = winograd_spaced(now.size() * padded);
      for (Index i = 0; i < now.size(); ++i) {
        const Index channel = g * step_.co + now.begin + i;
        to.src = products + i * padded;
        to.dst =
            step_.dst_data + n * step_.dst_n + channel * step_.dst_c + left * step_.lane.dst_step;
        const bool ahead = !to.first && to.dst_step == 1 && i + kAhead < now.size();
        to.next = ahead ? to.dst + kAhead * step_.dst_c : nullptr;
        const bool last = input_.end == step_.ci;
        to.bias = last && step_.bias != nullptr ? step_.bias + channel * step_.bias_step : nullptr;
        ops_.result(to);
      }
    }
  }

  // products[p][channel][tile] = sum over k of weights[p][k][channel] * source[p][k][tile]
  void multiply(const float* source, Index padded, const Interval& channels, float* products) {
    const Index depth = input_.size();
    WinogradProduct job;
    job.src_step = job.dst_step = padded;
    job.vectors = padded / products_.lanes, job.depth = depth;
    job.chain = depth < kOneChain ? ceil_div(depth, 2) : 0;
    job.channels = channels.size(), job.width = width_, job.panel_step = width_ * depth;
    for (Index p = 0; p < kWinogradProducts; ++p) {
      job.src = source + p * winograd_spaced(depth * padded);
      job.next = p + 1 < kWinogradProducts ? job.src + winograd_spaced(depth * padded) : nullptr;
      job.factors = weights() + p * matrix() + (channels.begin - output_.begin) * depth;
      job.dst = products + p * winograd_spaced(channels.size() * padded);
      products_.run(job);
    }
  }

  const DirectStep<float>& step_;
  const WinogradProductOps& products_;
  const WinogradOps& ops_;
  float* workspace_;
  int threads_;
  Sizes sizes_;
  WinogradTiles down_, across_;
  Index rows_ = 0, columns_ = 0;  // of tiles
  Blocks blocks_;
  Interval input_, output_;  // channels in work, of a group
  Index width_ = 1;
};

}  // namespace

Index conv2d_winograd_workspace(Index inputs, Index outputs) {
  const Sizes sizes(inputs, outputs);
  return (sizes.weights + sizes.own()) * static_cast<Index>(sizeof(float));
}

namespace {

WinogradTiles tiles_of(const Window& w) { return {w.dilation, winograd_outputs(w.taps)}; }

// Of one axis by its taps, from 3 on: the largest sum over products of |inverse| * max|taps'
// factors| * sum|source's factors|.
constexpr std::array<double, 3> kErrorFactor{13.75, 14.75, 16.2};
double error_factor(const Window& w) { return kErrorFactor[static_cast<std::size_t>(w.taps - 3)]; }

}  // namespace

KernelTiling conv2d_winograd_tiling(const Layer& layer) {
  const Window &y = layer.window(kY), &x = layer.window(kX);
  KernelTiling t;
  t.anchors[Axis::kY] = tiles_of(y).group();
  t.anchors[Axis::kX] = tiles_of(x).group();
  t.anchors[Axis::kKy] = t.anchors[Axis::kKx] = 0;
  t.anchors[Axis::kCi] = kWinogradChannels;
  t.error = {error_factor(y) * error_factor(x), kWinogradRoundings};
  return t;
}

// Without padding, sums of 16 channels have twice the error of direct sums, those of 4 channels 3.3
// times. Products with zeros add to neither error, but tiles keep theirs; fitted so that the ratio
// stays about 2. Sums of several blocks err so much less that padding does not matter.
double conv2d_winograd_least_products(double real) {
  constexpr double kLeast = 144, kPadded = 100, kSeveralBlocks = 2 * 9 * kWinogradChannels;
  const double real4 = real * real * real * real;
  return std::clamp(kPadded / (real4 * real4 * real4 * real), kLeast, kSeveralBlocks);
}

KernelWork conv2d_winograd_work(const Layer& layer, const Block& step) {
  const auto size = [&](Axis a) { return static_cast<double>(step[a].size()); };
  const auto tiles = [&](Axis a) {
    return tiles_of(layer.window(a == Axis::kY ? kY : kX)).count(step[a].size());
  };
  const double images = size(Axis::kN) * size(Axis::kG);
  const double in = size(Axis::kCi), out = size(Axis::kCo), channels = in * out;
  const double inputs = static_cast<double>(ceil_div(step[Axis::kCi].size(), kWinogradChannels));
  const Index each = tiles(Axis::kY) * tiles(Axis::kX);
  const double all = images * static_cast<double>(ceil_div(each, kNominalLanes) * kNominalLanes);
  constexpr double kProducts = kWinogradProducts;
  const auto results =
      static_cast<double>(tiles_of(layer.window(kY)).outputs * tiles_of(layer.window(kX)).outputs);
  constexpr double kFloat = sizeof(float), kMebi = 1 << 20;
  // Of one thread: what a block of tiles becomes.
  const double in_block = std::min<double>(in, kWinogradChannels);
  const double block = kFloat * kProducts * static_cast<double>(std::min(each, kMostTiles)) *
                       (in_block + std::min<double>(out, kOutputChannels));
  KernelWork work;
  work.flop = 2 * kProducts * all * channels;
  // Each transform runs along both axes and passes its scratch twice; the larger a block, the
  // farther away it lies in the caches.
  const double transforms =
      kFloat * (4 * kProducts * all * in + (3 * kProducts + results) * all * out * inputs);
  work.bytes = std::min(1.0, 0.42 + 0.31 * block / kMebi) * transforms +
               kFloat * 6 * kProducts * size(Axis::kG) * channels;
  return work;
}

void run_conv2d_winograd(const StepArgs& args) {
  const DirectStep<float> step = forward_step<float>(args);
  Winograd(step, args.workspace, args.threads).run();
}

void run_conv2d_transpose_winograd(const StepArgs& args) {
  const Window &wy = args.layer->window(kY), &wx = args.layer->window(kX);
  const Phase y = phase(wy, args.y, args.dst.shape[kY], args.weights.shape[2], 0);
  const Phase x = phase(wx, args.x, args.dst.shape[kX], args.weights.shape[3], 0);
  const DirectStep<float> step = transpose_step<float>(args, y, x);
  Winograd(step, args.workspace, args.threads).run();
}

}  // namespace tilewright::cpu
