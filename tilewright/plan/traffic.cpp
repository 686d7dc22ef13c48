// Traffic is separable: rows read over all pieces times columns read over all pieces.
#include "tilewright/plan/traffic.h"

#include <cmath>

#include "tilewright/plan/footprint.h"

namespace tilewright {
namespace {

// Beyond this many blocks the sum over blocks is replaced by count times the largest.
constexpr Index kExactBlocks = 4096;

Interval clipped(const Window& w, const Interval& out, Index extent) {
  return intersect(w.demand(out), {0, extent});
}

// Sum over the blocks of an axis of the inputs demanded, each rounded to store blocks.
double demanded(const Window& w, const Cover& cover, Index extent, Index granule) {
  if (cover.count() > kExactBlocks) {
    const Index most = std::min(extent, w.demand(Interval{0, cover.block()}).size());
    const Index rounded = std::min(extent, granule > 1 ? most + granule : most);
    return static_cast<double>(cover.count()) * static_cast<double>(rounded);
  }
  double sum = 0;
  for (Index i = 0; i < cover.count(); ++i) {
    const Interval in = clipped(w, cover[i], extent);
    if (in.empty()) continue;
    const Index begin = in.begin / granule * granule;
    sum += static_cast<double>(std::min(extent, ceil_div(in.end, granule) * granule) - begin);
  }
  return sum;
}

// Inputs demanded by an axis as a whole: each once.
double demanded_once(const Window& w, const Cover& cover, Index extent) {
  if (w.stride > w.span()) return demanded(w, cover, extent, 1);
  return static_cast<double>(clipped(w, {0, cover.extent()}, extent).size());
}

struct Reads {
  double elements = 0;  // asked of the store
  double decoded = 0;   // touched by a store with blocks
};

Reads src_reads(const Plan& p, const StoreHints& hints) {
  const Shape& s = p.problem.src_shape;
  const Window& wy = p.problem.layer->window(kY);
  const Window& wx = p.problem.layer->window(kX);
  const Cover& y = p.cuts[Axis::kY];
  const Cover& x = p.cuts[Axis::kX];
  const bool one_step = p.counts().steps_per_piece == 1;
  const bool rows_shared =
      one_step && (p.order == PieceOrder::kColumnsThenRows || !x.cut()) && p.co_innermost;
  const bool rows_shared_co_outer =
      one_step && (p.order == PieceOrder::kColumnsThenRows || !x.cut()) && !p.co_innermost;
  const double rows =
      rows_shared || rows_shared_co_outer ? demanded_once(wy, y, s[kY]) : demanded(wy, y, s[kY], 1);
  const double columns = demanded(wx, x, s[kX], 1);
  const bool read_once_per_co = one_step && p.co_innermost;
  const double planes = static_cast<double>(s[kN]) * static_cast<double>(s[kC]) *
                        (read_once_per_co ? 1.0 : static_cast<double>(p.cuts[Axis::kCo].count()));
  const double taps = static_cast<double>(p.cuts[Axis::kKy].count() * p.cuts[Axis::kKx].count());
  Reads r;
  r.elements = planes * taps * rows * columns;
  r.decoded = r.elements;
  if (hints.cached) {
    const bool band_cached = p.order == PieceOrder::kRowsThenColumns && one_step;
    const double file_rows = rows_shared || band_cached ? demanded_once(wy, y, s[kY])
                                                        : demanded(wy, y, s[kY], hints.block[2]);
    const double file_columns =
        band_cached ? static_cast<double>(s[kX]) : demanded(wx, x, s[kX], hints.block[3]);
    // Blocks that hold several channels are decoded whole for each block of channels.
    const Index channels =
        std::max<Index>(1, p.problem.layer->region(Operand::kSrc, largest_step(p.cuts))[kC].size());
    const double extra = static_cast<double>(round_up(channels, std::min(hints.block[1], s[kC]))) /
                         static_cast<double>(channels);
    r.decoded = planes * taps * file_rows * file_columns * extra;
  }
  return r;
}

}  // namespace

void set_traffic(Plan& p, const StoreHints& src, double* src_file_bytes) {
  const Reads reads = src_reads(p, src);
  const auto src_size = static_cast<double>(size_of(p.problem.src_dtype));
  const auto weights_bytes = static_cast<double>(p.problem.spec(Operand::kWeights).bytes());
  const Cuts& c = p.cuts;
  p.moved.src_bytes = reads.elements * src_size;
  p.moved.dst_bytes = static_cast<double>(p.problem.spec(Operand::kDst).bytes());
  // Streamed weights are read again whenever the block in use changes back.
  double rounds = 1;
  if (!p.keep_weights) {
    const bool blocks_alternate = p.co_innermost || p.counts().steps_per_piece > 1;
    const Index again = c[Axis::kN].count() * c[Axis::kY].count() * c[Axis::kX].count();
    rounds = blocks_alternate ? static_cast<double>(again) : 1;
  }
  p.moved.weights_bytes = weights_bytes * rounds;
  if (src_file_bytes != nullptr) *src_file_bytes = reads.decoded * src_size;
}

double lower_bound_bytes(const Problem& problem, double fast_bytes) {
  const auto bytes = [&](Operand o) { return static_cast<double>(problem.spec(o).bytes()); };
  const double compulsory = bytes(Operand::kSrc) + bytes(Operand::kWeights) + bytes(Operand::kDst);
  const Window& y = problem.layer->window(kY);
  const Window& x = problem.layer->window(kX);
  const double reuse = std::max(1.0, static_cast<double>(y.taps) * static_cast<double>(x.taps) /
                                         static_cast<double>(y.stride * x.stride));
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
