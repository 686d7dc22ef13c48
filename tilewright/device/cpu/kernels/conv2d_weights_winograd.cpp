// A part is some output and some input channels of one group, for all results of the step. For each
// block of results, source and gradients are packed with channels side by side, transformed, and
// multiplied: for each of 36 products a sum over the block's tiles, by the register tiles of
// conv2d_weights_ops. The products go back to taps, which are added to totals in f64.
#include "tilewright/device/cpu/kernels/conv2d_weights_winograd.h"

#include "tilewright/device/cpu/arena.h"
#include "tilewright/device/cpu/kernels/conv2d_weights_step.h"
#include "tilewright/device/cpu/kernels/conv2d_winograd_ops.h"

namespace tilewright::cpu {
namespace {

constexpr Index kMostTiles = 64;      // of a block: 2 rows of 32
constexpr Index kPartChannels = 128;  // of either side
constexpr Index kHeld = 36;           // output channels whose products are held at once
constexpr Index kTaps = 9;
constexpr Index kLine = 16;  // floats of a cache line
constexpr Index kMostRows = 8 + 2, kMostColumns = 128 + 2;

Index ceil_by(Index a, Index b) { return (a + b - 1) / b; }

// An odd number of cache lines: what lies so far apart does not share cache sets.
constexpr Index spaced(Index size) { return ((size + kLine - 1) / kLine | 1) * kLine; }

/// Channels of a part, as they lie in memory.
Index whole(Index channels) { return ceil_by(channels, kLine) * kLine; }

/// Bytes of one part.
Index part_bytes(Index inputs, Index outputs) {
  const Index ci = whole(inputs), co = whole(outputs);
  const Index factors =
      kWinogradProducts * (spaced(kMostTiles * spaced(ci)) + spaced(kMostTiles * spaced(co)));
  const Index products = kWinogradProducts * spaced(std::min(outputs, kHeld) * ci);
  const Index raw = kMostRows * kMostColumns * kLine;
  return (factors + products + raw + 64) * Index{sizeof(float)} +
         kTaps * outputs * ci * Index{sizeof(double)};
}

class Part {
 public:
  Part(const WeightsStep<float>& s, Index g, Interval co, Interval ci, std::byte* workspace)
      : s_(s), ops_(*winograd_ops()), g_(g), co_(co), ci_(ci), lanes_(s.ops.lanes) {
    source_pitch_ = spaced(whole(ci.size())), results_pitch_ = spaced(whole(co.size()));
    wide_ = ceil_by(ci.size(), lanes_) * lanes_;
    Shelf shelf(workspace);
    totals_ = shelf.take<double>(kTaps * co.size() * wide_);
    source_ = shelf.take<float>(kWinogradProducts * spaced(kMostTiles * source_pitch_));
    results_ = shelf.take<float>(kWinogradProducts * spaced(kMostTiles * results_pitch_));
    products_ = shelf.take<float>(kWinogradProducts * products_step());
    raw_ = shelf.take<float>(kMostRows * kMostColumns * lanes_);
  }

  void run() {
    std::fill_n(totals_, kTaps * co_.size() * wide_, 0.0);
    if (!s_.a.first) exchange([](double& total, double& weight) { total = weight; });
    for (Index i = 0; i < s_.blocks(); ++i) run_block(s_.block(i));
    exchange([](double& total, double& weight) { weight = total; });
  }

 private:
  static constexpr Index kMostFactors = OuterJob<float>::kMaxFactors;

  Index products_step() const { return spaced(std::min(co_.size(), kHeld) * wide_); }
  Index most_factors() const { return std::min<Index>(kMostFactors, s_.ops.max_sums / 2); }

  // Products of output channels [first, first + count) lie in register tiles of `count` x up to 2
  // vectors; so do the totals, for each of the taps.
  Index place(Index co, Index ci) const {
    const Index first = co / most_factors() * most_factors();
    const Index count = std::min(most_factors(), co_.size() - first);
    const Index begin = ci / (2 * lanes_) * 2 * lanes_, width = std::min(2 * lanes_, wide_ - begin);
    return first * wide_ + begin * count + (co - first) * width + ci - begin;
  }

  /// f(total, its weight), for all of them.
  template <class F>
  void exchange(F&& f) {
    for (Index co = 0; co < co_.size(); ++co)
      for (Index ci = 0; ci < ci_.size(); ++ci) {
        double* total = totals_ + place(co, ci);
        for (Index k = 0; k < kTaps; ++k, total += co_.size() * wide_)
          f(*total, *s_.total(g_, co_.begin + co, {ci_.begin + ci, k / 3, k % 3}));
      }
  }

  void run_block(const ResultBlock& b) {
    const Index rows = ceil_by(b.rows, kWinogradOut), columns = ceil_by(b.columns, kWinogradOut);
    WinogradLanes job;
    job.rows = rows, job.columns = columns;
    job.column = lanes_;
    job.src = raw_;
    for (Index c = 0; c < ci_.size(); c += lanes_) {
      pack(b.rows + 2, b.columns + 2, kWinogradOut * rows + 2, kWinogradOut * columns + 2, s_.a.src,
           s_.source(b.n, g_, {ci_.begin + c, 0, 0}, b.y, b.x), ci_.size() - c);
      job.row = (kWinogradOut * columns + 2) * lanes_;
      job.dst = source_ + c;
      job.tile_step = source_pitch_, job.product_step = spaced(rows * columns * source_pitch_);
      ops_.source_lanes(job);
    }
    for (Index c = 0; c < co_.size(); c += lanes_) {
      pack(b.rows, b.columns, kWinogradOut * rows, kWinogradOut * columns, s_.a.weights,
           s_.results(b.n, g_, co_.begin + c, b.y, b.x), co_.size() - c);
      job.row = kWinogradOut * columns * lanes_;
      job.dst = results_ + c;
      job.tile_step = results_pitch_, job.product_step = spaced(rows * columns * results_pitch_);
      ops_.result_lanes(job);
    }
    // As many whole register tiles as are held at once.
    const Index held = kHeld / most_factors() * most_factors();
    for (Index c = 0; c < co_.size(); c += held) {
      const Index count = std::min(held, co_.size() - c);
      for (Index p = 0; p < kWinogradProducts; ++p) multiply(p, rows * columns, c, count);
      WinogradTaps taps;
      taps.src = products_, taps.product_step = products_step();
      taps.count = count * wide_;
      taps.totals = totals_ + c * wide_, taps.total_step = co_.size() * wide_;
      ops_.taps(taps);
    }
  }

  // `rows` x `columns` elements of the next channels side by side, and zeros up to whole tiles.
  void pack(Index rows, Index columns, Index all_rows, Index all_columns,
            const ConstTensorView& view, const float* first, Index channels) {
    if (rows < all_rows || columns < all_columns)
      std::fill_n(raw_, all_rows * all_columns * lanes_, 0.0f);
    LanesJob<float> job;
    for (Index l = 0; l < std::min(channels, lanes_); ++l)
      job.lane[static_cast<std::size_t>(l)] = first + l * view.strides[kC];
    job.rows = rows, job.columns = columns;
    job.row_step = job.ahead = view.strides[kY];
    job.to = raw_;
    job.to_step = lanes_, job.to_row = all_columns * lanes_;
    s_.ops.side_by_side(job);
  }

  // Product p of output channels [first, first + count) with all input channels, over all tiles.
  void multiply(Index p, Index tiles, Index first, Index count) {
    const float* const source = source_ + p * spaced(tiles * source_pitch_);
    const float* const results = results_ + p * spaced(tiles * results_pitch_) + first;
    float* to = products_ + p * products_step();
    OuterJob<float> job;
    job.rows = 1, job.columns = tiles;
    job.vector_step = source_pitch_, job.factor_step = results_pitch_;
    for (Index c = 0; c < count; c += most_factors()) {
      const Index factors = std::min(most_factors(), count - c);
      for (Index f = 0; f < factors; ++f) job.factor[f] = results + c + f;
      for (Index v = 0; v < wide_; v += 2 * lanes_) {
        const Index vectors = std::min<Index>(2, (wide_ - v) / lanes_);
        job.vector[0] = source + v, job.vector[1] = source + v + lanes_;
        job.sums = to;
        s_.ops.run(job, static_cast<int>(vectors), static_cast<int>(factors));
        to += factors * vectors * lanes_;
      }
    }
  }

  const WeightsStep<float>& s_;
  const WinogradOps& ops_;
  Index g_;
  Interval co_, ci_;
  Index lanes_, source_pitch_, results_pitch_;
  Index wide_;  // input channels, in whole vectors
  double* totals_;
  float *source_, *results_, *products_, *raw_;
};

}  // namespace

Index conv2d_weights_winograd_workspace(Index inputs, Index outputs) {
  const Index bytes = part_bytes(std::min(inputs, kPartChannels), std::min(outputs, kPartChannels));
  return ceil_by(bytes, 64) * 64 + 256;
}

KernelWork conv2d_weights_winograd_work(const Layer&, const Block& step) {
  const auto size = [&](Axis a) { return static_cast<double>(step[a].size()); };
  const auto tiles = [&](Axis a) {
    return static_cast<double>(ceil_by(step[a].size(), kWinogradOut));
  };
  const auto parts = [&](Axis a) {
    return static_cast<double>(ceil_by(step[a].size(), kPartChannels));
  };
  const double all = size(Axis::kN) * size(Axis::kG) * tiles(Axis::kY) * tiles(Axis::kX);
  const double in = size(Axis::kCi), out = size(Axis::kCo);
  const double blocks =
      size(Axis::kN) * size(Axis::kG) *
      static_cast<double>(ceil_by(step[Axis::kY].size(), 8) * ceil_by(step[Axis::kX].size(), 128));
  constexpr double kProducts = kWinogradProducts, kFloat = sizeof(float);
  KernelWork work;
  work.flop = 2 * kProducts * all * in * out;
  // Each part transforms for itself; products become taps once per block.
  work.bytes = kFloat * (4 * kProducts * all * (in * parts(Axis::kCo) + out * parts(Axis::kCi)) +
                         3 * kProducts * blocks * in * out);
  return work;
}

void run_conv2d_weights_winograd(const StepArgs& args) {
  const WeightsStep<float> s(args, *outer_ops_f32());
  const Index threads = args.threads;
  const Index co_parts = ceil_by(s.co, kPartChannels);
  Index ci_parts = ceil_by(s.ci, kPartChannels);
  // Parts for all threads, of whole vectors.
  while (s.groups * co_parts * ci_parts < threads && 2 * s.ops.lanes * ci_parts < s.ci) ++ci_parts;
  const Index co = ceil_by(s.co, co_parts);
  const Index ci = ceil_by(ceil_by(s.ci, ci_parts), s.ops.lanes) * s.ops.lanes;
  const Index bytes = conv2d_weights_winograd_workspace(s.ci, s.co);
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
