// Traffic is separable: rows read over all pieces times columns read over all pieces. What padding
// shows from elsewhere in the image (mostly: circular padding) is not counted.
#include "tilewright/plan/traffic.h"

#include <cmath>
#include <optional>

#include "tilewright/plan/footprint.h"

namespace tilewright {
namespace {

// Beyond this many blocks the sum over blocks is replaced by count times the largest.
constexpr Index kExactBlocks = 4096;

// One image axis of a problem: of the source, or of results, which are read where the image is
// summed.
struct ImageAxis {
  ImageAxis(const Plan& p, Dim dim, bool results = false)
      : layer(*p.problem.layer),
        dim(dim),
        results(results),
        cover(p.cuts[dim == kY ? Axis::kY : Axis::kX]),
        taps(p.cuts[dim == kY ? Axis::kKy : Axis::kKx]),
        extent(results ? cover.extent() : p.problem.src_shape[static_cast<std::size_t>(dim)]) {}
  Interval demand(const Interval& out, const Interval& used) const {
    return results ? out : layer.demand(dim, out, used);
  }
  Cover all_taps() const { return {taps.extent(), taps.extent()}; }
  const Layer& layer;
  Dim dim;
  bool results;
  const Cover& cover;
  const Cover& taps;
  Index extent;
};

// Sum over the blocks of an axis, and over blocks of its taps, of the inputs demanded, each rounded
// to store blocks.
double demanded(const ImageAxis& a, const Cover& taps, Index granule) {
  const Cover& cover = a.cover;
  const Index extent = a.extent;
  double sum = 0;
  for (Index k = 0; k < taps.count(); ++k) {
    if (cover.count() > kExactBlocks) {
      const Index most = std::min(extent, a.demand({0, cover.block()}, taps[k]).size());
      const Index rounded = std::min(extent, granule > 1 ? most + granule : most);
      sum += static_cast<double>(cover.count()) * static_cast<double>(rounded);
      continue;
    }
    for (Index i = 0; i < cover.count(); ++i) {
      const Interval in = intersect(a.demand(cover[i], taps[k]), {0, extent});
      if (in.empty()) continue;
      const Index begin = in.begin / granule * granule;
      sum += static_cast<double>(std::min(extent, ceil_div(in.end, granule) * granule) - begin);
    }
  }
  return sum;
}

// Inputs demanded by an axis as a whole: each once.
double demanded_once(const ImageAxis& a) {
  const Window& w = a.layer.window(a.dim);
  if (w.stride > w.span()) return demanded(a, a.all_taps(), 1);
  return static_cast<double>(
      intersect(a.demand({0, a.cover.extent()}, {0, a.taps.extent()}), {0, a.extent}).size());
}

// Which neighbouring steps of a plan share source rows, so that the executor copies them from the
// previous tile instead of reading them again.
struct Sharing {
  explicit Sharing(const Plan& p)
      : taps(!p.cuts[Axis::kKx].cut()),
        blocks(taps && !p.cuts[Axis::kCi].cut()),
        pieces(blocks && (p.order == PieceOrder::kColumnsThenRows || !p.cuts[Axis::kX].cut())) {}
  bool taps;    // steps with neighbouring ky
  bool blocks;  // pieces of the same window
  bool pieces;  // pieces with neighbouring y
};

// Rows read in one plane for one column of pieces, step by step as the executor goes.
class RowWalk {
 public:
  explicit RowWalk(const Plan& p) : plan_(p), share_(p), axis_(p, kY) {}

  double rows() {
    const Index passes = plan_.co_innermost ? 1 : plan_.cuts[Axis::kCo].count();
    double sum = pass();
    if (passes == 1) return sum;
    if (plan_.cuts[Axis::kX].cut()) previous_.reset();
    return sum + static_cast<double>(passes - 1) * pass();
  }

 private:
  double pass() {
    const Index blocks = plan_.co_innermost ? plan_.cuts[Axis::kCo].count() : 1;
    double sum = 0;
    for (Index i = 0; i < plan_.cuts[Axis::kY].count(); ++i) {
      if (!share_.pieces) previous_.reset();
      sum += piece(i);
      if (blocks == 1) continue;
      if (!share_.blocks) previous_.reset();
      sum += static_cast<double>(blocks - 1) * piece(i);
    }
    return sum;
  }

  double piece(Index i) {
    const Cover& taps = plan_.cuts[Axis::kKy];
    double sum = 0;
    for (Index k = 0; k < taps.count(); ++k) {
      if (!share_.taps) previous_.reset();
      sum += step(axis_.demand(plan_.cuts[Axis::kY][i], taps[k]));
    }
    return sum;
  }

  double step(const Interval& shown) {
    Interval fresh = shown;
    if (previous_ && previous_->contains(shown.begin))
      fresh.begin = std::min(previous_->end, shown.end);
    previous_ = shown;
    return static_cast<double>(intersect(fresh, {0, axis_.extent}).size());
  }

  const Plan& plan_;
  Sharing share_;
  ImageAxis axis_;
  std::optional<Interval> previous_;
};

// Rows read in one plane for one column of pieces, over all blocks of output channels.
double rows_read(const Plan& p) {
  const ImageAxis axis(p, kY);
  const Cover& y = axis.cover;
  const Cover& taps = axis.taps;
  if (y.count() * taps.count() <= kExactBlocks) return RowWalk(p).rows();
  const Sharing share(p);
  const bool once = p.co_innermost && share.blocks && !taps.cut();
  const double rows =
      share.pieces ? demanded_once(axis) : demanded(axis, share.taps ? axis.all_taps() : taps, 1);
  return rows * (once ? 1.0 : static_cast<double>(p.cuts[Axis::kCo].count()));
}

// The padded positions whose results are computed: more than the outputs where those are folded.
Interval padded(const Layer& layer, Dim dim, Index extent) {
  const Window& w = layer.window(dim);
  return layer.folded() ? Interval{-w.pad_begin, extent + w.pad_end} : Interval{0, extent};
}

// By how much the runs of padding read more than the outputs that they are added to.
double folded_reads(const Plan& p, Dim dim) {
  const Layer& layer = *p.problem.layer;
  if (!layer.folded()) return 1;
  const Index outputs = p.cuts[dim == kY ? Axis::kY : Axis::kX].extent();
  const Index taps = p.cuts[dim == kY ? Axis::kKy : Axis::kKx].extent();
  const Index extent = p.problem.src_shape[static_cast<std::size_t>(dim)];
  const auto size = [&](const Interval& out) {
    return static_cast<double>(intersect(layer.demand(dim, out, {0, taps}), {0, extent}).size());
  };
  const Interval all = padded(layer, dim, outputs);
  const double halo = static_cast<double>(layer.demand(dim, {0, 1}, {0, taps}).size()) - 1;
  const double again = static_cast<double>(folded_runs(p, dim) - 1) * std::max(0.0, halo);
  return std::max(1.0, (size(all) + again) / std::max(1.0, size({0, outputs})));
}

struct Reads {
  double elements = 0;  // asked of the store
  double decoded = 0;   // touched by a store with blocks
};

// How often the rows of the image are begun anew.
double sweeps(const Plan& p) {
  double count = 1;
  for (const Axis a : p.loop_order()) {
    if (a == Axis::kY) break;
    if (a != Axis::kN) count *= static_cast<double>(p.cuts[a].count());
  }
  return count;
}

// Rows and columns of blocks that a store decodes for one plane.
double decoded_plane(const Plan& p, const StoreHints& hints) {
  const Shape& s = p.problem.src_shape;
  const ImageAxis y(p, kY), x(p, kX);
  const auto columns = [&] { return demanded(x, x.taps, hints.block[3]); };
  const auto rows = [&] { return demanded(y, y.taps, hints.block[2]); };
  const auto blocks_of_co = static_cast<double>(p.cuts[Axis::kCo].count());
  const Sharing share(p);
  if (!hints.cached)
    return rows() * columns() * (share.blocks && p.co_innermost ? 1 : blocks_of_co);
  const bool one_step = p.counts().steps_per_piece == 1;
  const bool once = one_step && (p.co_innermost || (!y.cover.cut() && !x.cover.cut()));
  const double passes = once ? 1.0 : blocks_of_co;
  if (p.order == PieceOrder::kRowsThenColumns && one_step)
    return passes * demanded_once(y) * static_cast<double>(s[kX]);
  return passes * (share.pieces && one_step ? demanded_once(y) : rows()) * columns();
}

// Blocks that hold several channels are decoded whole for each block of channels.
double channels_decoded(const Plan& p, Operand operand, const StoreHints& hints) {
  const Index all = p.problem.spec(operand).shape[kC];
  const Index used =
      std::max<Index>(1, p.problem.layer->region(operand, largest_step(p.cuts))[kC].size());
  return static_cast<double>(round_up(used, std::min(hints.block[1], all))) /
         static_cast<double>(used);
}

Reads src_reads(const Plan& p, const StoreHints& hints) {
  const Shape& s = p.problem.src_shape;
  const double planes = static_cast<double>(s[kN]) * static_cast<double>(s[kC]);
  Reads r;
  const ImageAxis x(p, kX);
  r.elements =
      planes * rows_read(p) * demanded(x, x.taps, 1) * folded_reads(p, kY) * folded_reads(p, kX);
  r.decoded = r.elements;
  if (!hints.cached && volume(hints.block) == 1) return r;
  r.decoded = planes * decoded_plane(p, hints) * channels_decoded(p, Operand::kSrc, hints) *
              folded_reads(p, kY) * folded_reads(p, kX);
  // A picture that can only be decoded from its start is decoded up to where it is needed.
  if (hints.sequential)
    r.decoded = std::max(
        r.decoded, planes * static_cast<double>(s[kY]) * static_cast<double>(s[kX]) * sweeps(p));
  return r;
}

// How often streamed weights are read. The slots in flight take turns, so a step finds the block of
// the step `flight` before it; blocks come round again with every tile.
double weights_rounds(const Plan& p) {
  if (p.keep_weights) return 1;
  const Counts counts = p.counts();
  const Index flight = counts.elemental_convolutions == 1 ? 1 : p.in_flight;
  const Index images = p.cuts[Axis::kN].count();
  const Index tiles = p.cuts[Axis::kY].count() * p.cuts[Axis::kX].count();
  const Index groups = p.cuts[Axis::kG].count();
  const Index co = p.cuts[Axis::kCo].count();
  const bool all = tiles == 1;
  const Index rotating = counts.steps_per_piece * (all ? groups * co : p.co_innermost ? co : 1);
  const bool one_run = all || (groups == 1 && (p.co_innermost || co == 1));
  const Index length = one_run ? images * tiles : tiles;
  const Index reads = flight % rotating == 0 ? std::min(flight / rotating, length) : length;
  return static_cast<double>(one_run ? 1 : images) * static_cast<double>(reads);
}

// One operand that streams by `passes` times where the image is summed: the source, or results.
Reads summed_reads(const Plan& p, Operand operand, double passes, const StoreHints& hints) {
  const bool results = operand == Operand::kWeights;
  const ImageAxis y(p, kY, results), x(p, kX, results);
  const Shape s = p.problem.spec(operand).shape;
  const double planes = passes * static_cast<double>(s[kN]) * static_cast<double>(s[kC]);
  const auto read = [&](Index rows, Index columns) {
    return demanded(y, y.all_taps(), rows) * demanded(x, x.all_taps(), columns);
  };
  Reads r;
  r.elements =
      planes * (x.cover.cut() ? read(1, 1) : demanded_once(y) * demanded(x, x.all_taps(), 1));
  const bool once = hints.cached && (!x.cover.cut() || p.caches_rows);
  const double plane =
      once ? demanded_once(y) * static_cast<double>(s[kX]) : read(hints.block[2], hints.block[3]);
  const bool blocks = hints.cached || volume(hints.block) > 1;
  r.decoded = blocks ? planes * plane * channels_decoded(p, operand, hints) : r.elements;
  if (hints.sequential)
    r.decoded = std::max(r.decoded,
                         static_cast<double>(volume(s)) * static_cast<double>(p.counts().pieces));
  return r;
}

// Where the image is summed, it streams by once for every block of the weights that shares it.
DecodedBytes set_summed_traffic(Plan& p, const PlanOptions& hints) {
  const auto read = [&](Operand operand, Axis channels, const StoreHints& h, double& moved) {
    const auto passes = static_cast<double>(checked_mul(
        p.cuts[channels].count(), p.cuts[Axis::kKy].count(), p.cuts[Axis::kKx].count()));
    const Reads reads = summed_reads(p, operand, passes, h);
    const auto size = static_cast<double>(size_of(p.problem.spec(operand).dtype));
    moved = reads.elements * size;
    return std::max(reads.elements, reads.decoded) * size;
  };
  p.moved.dst_bytes = static_cast<double>(p.problem.spec(Operand::kDst).bytes());
  return {read(Operand::kSrc, Axis::kCo, hints.src, p.moved.src_bytes),
          read(Operand::kWeights, Axis::kCi, hints.weights, p.moved.weights_bytes)};
}

}  // namespace

DecodedBytes set_traffic(Plan& p, const PlanOptions& hints) {
  if (sums_image(*p.problem.layer)) return set_summed_traffic(p, hints);
  const Reads reads = src_reads(p, hints.src);
  const auto src_size = static_cast<double>(size_of(p.problem.src_dtype));
  const auto weights_bytes = static_cast<double>(p.problem.spec(Operand::kWeights).bytes());
  p.moved.src_bytes = reads.elements * src_size;
  p.moved.dst_bytes = static_cast<double>(p.problem.spec(Operand::kDst).bytes());
  p.moved.weights_bytes = weights_bytes * weights_rounds(p);
  return {std::max(reads.decoded, reads.elements) * src_size, p.moved.weights_bytes};
}

Index folded_runs(const Plan& p, Dim dim) {
  return p.problem.layer->most_runs(dim, dim == kY ? 1 : p.cuts[Axis::kX].block());
}

double folded_work(const Problem& problem) {
  const Extents e = problem.extents();
  double work = 1;
  for (const auto& [dim, axis] : {std::pair{kY, Axis::kY}, {kX, Axis::kX}})
    work *= static_cast<double>(padded(*problem.layer, dim, e[axis]).size()) /
            static_cast<double>(e[axis]);
  return work;
}

namespace {

// Rows or columns of the source that any output needs, at least: some may never be met.
double needed(const Problem& problem, Dim dim, Axis axis, Axis tap_axis) {
  const Extents e = problem.extents();
  const Index extent = problem.src_shape[static_cast<std::size_t>(dim)];
  const Interval positions = padded(*problem.layer, dim, e[axis]);
  const Interval all = problem.layer->demand(dim, positions, {0, e[tap_axis]});
  const double met = static_cast<double>(positions.size()) * static_cast<double>(e[tap_axis]);
  return std::min(met, static_cast<double>(intersect(all, {0, extent}).size()));
}

}  // namespace

double lower_bound_bytes(const Problem& problem, double fast_bytes) {
  const auto bytes = [&](Operand o) { return static_cast<double>(problem.spec(o).bytes()); };
  const double src =
      static_cast<double>(problem.src_shape[kN]) * static_cast<double>(problem.src_shape[kC]) *
      needed(problem, kY, Axis::kY, Axis::kKy) * needed(problem, kX, Axis::kX, Axis::kKx) *
      static_cast<double>(size_of(problem.src_dtype));
  const double compulsory = src + bytes(Operand::kWeights) + bytes(Operand::kDst);
  const Window& y = problem.layer->window(kY);
  const Window& x = problem.layer->window(kX);
  const double reuse =
      std::max(1.0, static_cast<double>(y.taps) * static_cast<double>(x.taps) /
                        (static_cast<double>(y.stride) * static_cast<double>(x.stride)));
  const auto size = static_cast<double>(size_of(problem.compute));
  const double fast = std::max(1.0, fast_bytes / size);
  const double madds = problem.flop() / 2;
  const double bound = 2 * madds / std::sqrt(reuse * fast) - 2 * fast;
  // Stored elements may be smaller than computed ones.
  const double smallest =
      static_cast<double>(std::min(size_of(problem.src_dtype), size_of(problem.dst_dtype)));
  return std::max(compulsory, bound * std::min(size, smallest));
}

}  // namespace tilewright
