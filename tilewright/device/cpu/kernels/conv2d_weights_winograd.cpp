// A part is some output and some input channels of one group, for all results of the step. For each
// block of results, source and gradients are packed with channels side by side, transformed, and
// multiplied: for each of 36 products a sum over the block's tiles. The products go back to taps,
// which are added to totals in f64. Where taps are apart, the rows of a phase are packed by
// themselves and hold one row of tiles; along x tiles of all phases lie side by side. Threads share
// parts, or where those are few the sums of a part.
#include "tilewright/device/cpu/kernels/conv2d_weights_winograd.h"

#include <numeric>
#include <vector>

#include "tilewright/device/cpu/arena.h"
#include "tilewright/device/cpu/kernels/conv2d_weights_step.h"
#include "tilewright/device/cpu/kernels/conv2d_winograd.h"
#include "tilewright/device/cpu/kernels/conv2d_winograd_ops.h"
#include "tilewright/device/cpu/kernels/conv2d_winograd_product.h"

namespace tilewright::cpu {
namespace {

constexpr Index kMostTiles = 64;      // whose products are summed
constexpr Index kMostColumns = 32;    // of tiles of a block
constexpr Index kPartChannels = 128;  // of either side
constexpr Index kHeld = 36;           // output channels whose products are held at once
constexpr Index kTaps = 9;
constexpr Index kLine = 16;  // floats of a cache line
// Elements of a channel that are packed at once: both rows of tiles, or one of a phase.
constexpr Index kRowWidth = kWinogradOut * kMostColumns;
constexpr Index kRawRows = 10 * (kRowWidth + 2),
                kRawPhase = kWinogradIn * (kRowWidth + 2 * kWinogradDilation);
constexpr Index kMostRaw = std::max(kRawRows, kRawPhase);

Index ceil_by(Index a, Index b) { return (a + b - 1) / b; }

// An odd number of cache lines: what lies so far apart does not share cache sets.
constexpr Index spaced(Index size) { return ((size + kLine - 1) / kLine | 1) * kLine; }

/// Channels of a part, as they lie in memory.
Index whole(Index channels) { return ceil_by(channels, kLine) * kLine; }

/// Where tiles of results lie, and the blocks in which they are summed: whole rows of tiles of all
/// phases, as wide as the layer's blocks where that makes whole groups.
struct Tiles {
  explicit Tiles(const Layer& layer)
      : down{layer.window(kY).dilation}, across{layer.window(kX).dilation} {
    rows = std::lcm(layer.sum_block(Axis::kY), kWinogradOut * down.dilation);
    columns = kWinogradOut * (kMostColumns / across.dilation) * across.dilation;
  }
  WinogradTiles down, across;
  Index rows, columns;  // of results of a block
  bool dilated() const { return down.dilation > 1 || across.dilation > 1; }
};

/// Bytes of the totals of one part.
Index sum_bytes(Index inputs, Index outputs) {
  return kTaps * spaced(outputs * whole(inputs)) * Index{sizeof(double)};
}

/// Bytes of one part whose sums are over so many tiles.
Index part_bytes(Index inputs, Index outputs, Index tiles = kMostTiles) {
  const Index ci = whole(inputs), co = whole(outputs);
  const Index factors =
      kWinogradProducts * (spaced(tiles * spaced(ci)) + spaced(tiles * spaced(co)));
  const Index products = kWinogradProducts * spaced(std::min(outputs, kHeld) * ci);
  const Index raw = kMostRaw * kLine;
  return (factors + products + raw + 64) * Index{sizeof(float)} + sum_bytes(inputs, outputs);
}

/// Products of at most kMostTiles tiles, rows of a block of results, that are added up in f32.
struct Sum {
  ResultBlock block;
  Interval rows;  // of tiles
};

class Part {
 public:
  Part(const WeightsStep<float>& s, Index g, Interval co, Interval ci, std::byte* workspace)
      : s_(s),
        ops_(*winograd_ops()),
        multiply_(*winograd_product_ops()),
        tiles_(*s.a.layer),
        g_(g),
        co_(co),
        ci_(ci),
        lanes_(s.ops.lanes) {
    source_pitch_ = spaced(whole(ci.size())), results_pitch_ = spaced(whole(co.size()));
    wide_ = ceil_by(ci.size(), lanes_) * lanes_;
    rows_of_chain_ = s.a.layer->sum_block(Axis::kY) / kWinogradOut;
    Shelf shelf(workspace);
    totals_ = shelf.take<double>(size());
    source_ = shelf.take<float>(kWinogradProducts * spaced(kMostTiles * source_pitch_));
    results_ = shelf.take<float>(kWinogradProducts * spaced(kMostTiles * results_pitch_));
    products_ = shelf.take<float>(kWinogradProducts * products_step());
    raw_ = shelf.take<float>(kMostRaw * lanes_);
  }

  void run() {
    begin();
    each_sum([&](const Sum& sum) { add(sum, totals_); });
    end();
  }

  void begin() {
    std::fill_n(totals_, size(), 0.0);
    if (!s_.a.first) exchange([](double& total, double& weight) { total = weight; });
  }
  void end() {
    exchange([](double& total, double& weight) { weight = total; });
  }

  /// f(sum), in the order in which they are added.
  template <class F>
  void each_sum(F&& f) const {
    for (Index n = 0; n < s_.images; ++n)
      for (Index y = 0; y < s_.rows; y += tiles_.rows)
        for (Index x = 0; x < s_.columns; x += tiles_.columns) {
          const ResultBlock b{n, y, x, std::min(tiles_.rows, s_.rows - y),
                              std::min(tiles_.columns, s_.columns - x)};
          const Index rows = tiles_.down.count(b.rows);
          const Index most = kMostTiles / tiles_.across.count(b.columns);
          for (Index r = 0; r < rows; r += most) f(Sum{b, {r, std::min(rows, r + most)}});
        }
  }

  /// Adds a sum to `totals`, size() of them.
  void add(const Sum& sum, double* totals) {
    run_rows(sum.block, sum.rows, tiles_.across.count(sum.block.columns), totals);
  }

  Index size() const { return kTaps * tap_step(); }
  double* totals() const { return totals_; }

 private:
  // Between the totals of two taps: each output channel's lie side by side.
  Index tap_step() const { return spaced(co_.size() * wide_); }
  Index products_step() const { return spaced(std::min(co_.size(), kHeld) * wide_); }

  /// f(total, its weight), for all of them.
  template <class F>
  void exchange(F&& f) {
    for (Index co = 0; co < co_.size(); ++co)
      for (Index ci = 0; ci < ci_.size(); ++ci) {
        double* total = totals_ + co * wide_ + ci;
        for (Index k = 0; k < kTaps; ++k, total += tap_step())
          f(*total, *s_.total(g_, co_.begin + co, {ci_.begin + ci, k / 3, k % 3}));
      }
  }

  void run_rows(const ResultBlock& b, const Interval& rows, Index columns, double* totals) {
    const Index tiles = rows.size() * columns;
    const Index each = tiles_.dilated() ? 1 : rows.size();
    for (Index r = rows.begin; r < rows.end; r += each)
      transform(b, {r, r + each}, columns, (r - rows.begin) * columns, tiles);
    for (Index c = 0; c < co_.size(); c += kHeld) {
      const Index count = std::min(kHeld, co_.size() - c);
      for (Index p = 0; p < kWinogradProducts; ++p)
        multiply(p, tiles, rows_of_chain_ * columns, c, count);
      WinogradTaps taps;
      taps.src = products_, taps.product_step = products_step();
      taps.count = count * wide_;
      taps.totals = totals + c * wide_, taps.total_step = tap_step();
      ops_.taps(taps);
    }
  }

  // Rows of tiles that lie one below another in a phase become tiles `first` and on, of `tiles`.
  void transform(const ResultBlock& b, const Interval& rows, Index columns, Index first,
                 Index tiles) {
    const Index step = tiles_.down.dilation, apart = tiles_.across.dilation;
    const Index top = tiles_.down.begin(rows.begin), y = b.y + top;
    const Index high = kWinogradOut * rows.size();
    const Index wide = kWinogradOut * tiles_.across.whole(columns);
    const Index results = std::min(high, ceil_by(b.rows - top, step));
    WinogradLanes job;
    job.rows = rows.size(), job.columns = columns;
    job.across = tiles_.across;
    job.column = lanes_;
    job.src = raw_;
    job.row = (wide + 2 * apart) * lanes_;
    job.tile_step = source_pitch_, job.product_step = spaced(tiles * source_pitch_);
    for (Index c = 0; c < ci_.size(); c += lanes_) {
      pack({results + 2, b.columns + 2 * apart}, {high + 2, wide + 2 * apart}, s_.a.src,
           s_.source(b.n, g_, {ci_.begin + c, 0, 0}, y, b.x), ci_.size() - c);
      job.dst = source_ + first * source_pitch_ + c;
      ops_.source_lanes(job);
    }
    job.row = wide * lanes_;
    job.tile_step = results_pitch_, job.product_step = spaced(tiles * results_pitch_);
    for (Index c = 0; c < co_.size(); c += lanes_) {
      pack({results, b.columns}, {high, wide}, s_.a.weights,
           s_.results(b.n, g_, co_.begin + c, y, b.x), co_.size() - c);
      job.dst = results_ + first * results_pitch_ + c;
      ops_.result_lanes(job);
    }
  }

  struct Extent {
    Index rows = 0, columns = 0;
  };

  // Elements of the next channels side by side, rows of one phase, and zeros up to whole tiles.
  void pack(Extent real, Extent all, const ConstTensorView& view, const float* first,
            Index channels) {
    if (real.rows < all.rows || real.columns < all.columns)
      std::fill_n(raw_, all.rows * all.columns * lanes_, 0.0f);
    LanesJob<float> job;
    for (Index l = 0; l < std::min(channels, lanes_); ++l)
      job.lane[static_cast<std::size_t>(l)] = first + l * view.strides[kC];
    job.rows = real.rows, job.columns = real.columns;
    job.row_step = job.ahead = tiles_.down.dilation * view.strides[kY];
    job.to = raw_;
    job.to_step = lanes_, job.to_row = all.columns * lanes_;
    s_.ops.side_by_side(job);
  }

  // Product p of output channels [first, first + count) with all input channels, over all tiles.
  void multiply(Index p, Index tiles, Index chain, Index first, Index count) {
    const Index size = spaced(tiles * source_pitch_);
    WinogradProduct job;
    job.src = source_ + p * size, job.src_step = source_pitch_;
    job.next = p + 1 < kWinogradProducts ? job.src + size : nullptr;
    job.vectors = wide_ / lanes_, job.depth = tiles, job.chain = chain;
    job.factors = results_ + p * spaced(tiles * results_pitch_) + first;
    job.factor_step = results_pitch_;
    job.channels = count;
    job.width = job.panel_step = multiply_.width(job.vectors);
    job.dst = products_ + p * products_step(), job.dst_step = wide_;
    multiply_.run(job);
  }

  const WeightsStep<float>& s_;
  const WinogradOps& ops_;
  const WinogradProductOps& multiply_;
  const Tiles tiles_;
  Index g_;
  Interval co_, ci_;
  Index lanes_, source_pitch_, results_pitch_;
  Index wide_;           // input channels, in whole vectors
  Index rows_of_chain_;  // of tiles: as many results as the definition sums in f32
  double* totals_;
  float *source_, *results_, *products_, *raw_;
};

constexpr Index kSharedChannels = 64;  // of either side, at most, of parts whose sums are shared

// Bytes per thread of sums that wait for their turn: of a step with so many channels, and never
// less than what one with fewer takes.
Index waiting_bytes(Index inputs, Index outputs) {
  constexpr Index kMost = 32, kBytes = 256 * 1024;
  const Index one =
      sum_bytes(std::min(inputs, kSharedChannels), std::min(outputs, kSharedChannels));
  return std::max(one, std::min(kMost * one, kBytes));
}

/// Where a part is all that there is, threads share its sums, which are added in their order.
void run_shared(const WeightsStep<float>& s, Index g, Index bytes) {
  const StepArgs& a = s.a;
  const Interval co{0, s.co}, ci{0, s.ci};
  const auto own = [&](Index slot) { return a.workspace + slot * bytes; };
  Part all(s, g, co, ci, own(0));
  const Index size = all.size(), each = waiting_bytes(s.ci, s.co) / sum_bytes(s.ci, s.co);
  const auto waiting = [&](Index i) {
    return reinterpret_cast<double*>(own(i / each + 1)) - (i % each + 1) * size;
  };
  std::vector<Sum> sums;
  const auto add_all = [&] {
    const auto count = static_cast<Index>(sums.size());
    parallel_ranges(count, a.threads, [&](Index begin, Index end, int slot) {
      Part part(s, g, co, ci, own(slot));
      for (Index i = begin; i < end; ++i) {
        std::fill_n(waiting(i), size, -0.0);  // the only number that changes no other
        part.add(sums[static_cast<std::size_t>(i)], waiting(i));
      }
    });
    parallel_ranges(kTaps, a.threads, [&](Index begin, Index end, int) {
      const Index tap = size / kTaps;
      for (Index i = 0; i < count; ++i)
        for (Index at = begin * tap; at < end * tap; ++at) all.totals()[at] += waiting(i)[at];
    });
    sums.clear();
  };
  all.begin();
  all.each_sum([&](const Sum& sum) {
    sums.push_back(sum);
    if (static_cast<Index>(sums.size()) == each * a.threads) add_all();
  });
  add_all();
  all.end();
}

}  // namespace

Index conv2d_weights_winograd_workspace(Index inputs, Index outputs) {
  const Index ci = std::min(inputs, kPartChannels), co = std::min(outputs, kPartChannels);
  return ceil_by(part_bytes(ci, co) + waiting_bytes(inputs, outputs), 64) * 64 + 256;
}

KernelTiling conv2d_weights_winograd_tiling(const Layer& layer) {
  const Tiles tiles(layer);
  KernelTiling t;
  // Cuts between the layer's own blocks are the layer's affair.
  const auto anchor = [&](Axis a, const WinogradTiles& along, Index block) {
    return block == layer.sum_block(a) ? kWinogradOut * along.dilation : block;
  };
  t.anchors[Axis::kY] = anchor(Axis::kY, tiles.down, tiles.rows);
  t.anchors[Axis::kX] = anchor(Axis::kX, tiles.across, tiles.columns);
  t.anchors[Axis::kKy] = t.anchors[Axis::kKx] = 0;
  t.error = {kWeightsWinogradErrorFactor, kWeightsWinogradRoundings};
  return t;
}

// 8 rows of 26 results have twice the error of direct sums, and more where products lie in padding:
// fitted to images of 14 to 96 rows with dilations of 1 to 8.
double conv2d_weights_winograd_least_products(double real) {
  constexpr double kLeast = 190;
  return kLeast / (real * real * real);
}

KernelWork conv2d_weights_winograd_work(const Layer& layer, const Block& step) {
  const Tiles tiles(layer);
  const auto size = [&](Axis a) { return static_cast<double>(step[a].size()); };
  // Of an axis, over blocks of `block` results.
  const auto count = [](const WinogradTiles& t, Index block, Index results) {
    return results / block * t.count(block) + t.count(results % block);
  };
  const auto parts = [&](Axis a) {
    return static_cast<double>(ceil_by(step[a].size(), kPartChannels));
  };
  const Index rows = step[Axis::kY].size(), columns = step[Axis::kX].size();
  const Index down = count(tiles.down, tiles.rows, rows),
              across = count(tiles.across, tiles.columns, columns);
  const double images = size(Axis::kN) * size(Axis::kG);
  const double all = images * static_cast<double>(down * across);
  const double in = size(Axis::kCi), out = size(Axis::kCo);
  const Index wide = ceil_by(columns, tiles.columns);
  const double sums =
      images * static_cast<double>(
                   wide * ceil_by(down, std::max<Index>(1, kMostTiles / ceil_by(across, wide))));
  constexpr double kProducts = kWinogradProducts, kFloat = sizeof(float);
  KernelWork work;
  work.flop = 2 * kProducts * all * in * out;
  // Each part transforms for itself; products become taps once per sum. What is transformed is
  // mostly near in the caches; totals, which each step reads and writes, are far.
  constexpr double kNear = 0.75, kFar = 8;
  work.bytes = kNear * kFloat *
                   (4 * kProducts * all * (in * parts(Axis::kCo) + out * parts(Axis::kCi)) +
                    3 * kProducts * sums * in * out) +
               kFar * sizeof(double) * kTaps * size(Axis::kG) * in * out;
  return work;
}

void run_conv2d_weights_winograd(const StepArgs& args) {
  const WeightsStep<float> s(args, *outer_ops_f32());
  const Index threads = args.threads;
  const Index co_parts = ceil_by(s.co, kPartChannels);
  Index ci_parts = ceil_by(s.ci, kPartChannels);
  const Index bytes = conv2d_weights_winograd_workspace(s.ci, s.co);
  if (s.groups * co_parts * ci_parts < threads && std::max(s.ci, s.co) <= kSharedChannels) {
    for (Index g = 0; g < s.groups; ++g) run_shared(s, g, bytes);
    return;
  }
  // Parts for all threads, of whole vectors.
  while (s.groups * co_parts * ci_parts < threads && 2 * s.ops.lanes * ci_parts < s.ci) ++ci_parts;
  const Index co = ceil_by(s.co, co_parts);
  const Index ci = ceil_by(ceil_by(s.ci, ci_parts), s.ops.lanes) * s.ops.lanes;
  parallel_ranges(
      s.groups * co_parts * ci_parts, args.threads, [&](Index begin, Index end, int slot) {
        for (Index i = begin; i < end; ++i) {
          const Index x = i % ci_parts * ci, y = i / ci_parts % co_parts * co;
          const Interval in{x, std::min(s.ci, x + ci)}, out{y, std::min(s.co, y + co)};
          if (in.begin < in.end && out.begin < out.end)
            Part(s, i / (ci_parts * co_parts), out, in, args.workspace + slot * bytes).run();
        }
      });
}

}  // namespace tilewright::cpu
