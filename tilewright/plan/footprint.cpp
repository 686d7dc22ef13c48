// Buffers: `in_flight` source tiles (with weights, unless those are kept), as many destination
// tiles, the kernel's workspace, and what the file libraries hold.
#include "tilewright/plan/footprint.h"

#include "tilewright/tensor/tile.h"

namespace tilewright {
namespace {

constexpr Index kLeastCache = Index{1} << 18;

// Blocks of a store over the width of a window, one row of them.
Index block_row_bytes(const StoreHints& hints, const Region& window, const TensorSpec& spec) {
  const Index width =
      std::min(checked_add(round_up(window[kX].size(), hints.block[3]), hints.block[3]),
               round_up(spec.shape[3], hints.block[3]));
  const Index channels = std::min(round_up(window[kC].size(), hints.block[1]),
                                  round_up(spec.shape[1], hints.block[1]));
  const Index block = checked_mul(hints.block[2], hints.block[3], size_of(spec.dtype));
  return checked_mul(checked_add(block, hints.cached_block_bytes), width / hints.block[3],
                     channels);
}

// For what is read window by window; with `whole_rows`, the whole band of blocks stays until the
// next band of windows.
Index read_cache(const StoreHints& hints, const TensorSpec& spec, const Region& window,
                 bool whole_rows) {
  if (!hints.cached) return 0;
  Region used = window;
  Index rows = 1;
  if (whole_rows) {
    used[kX] = {0, spec.shape[3]};
    rows = ceil_div(window[kY].size(), hints.block[2]) + 1;
  }
  return std::max(kLeastCache, checked_mul(rows, block_row_bytes(hints, used, spec)));
}

Index dst_cache(const Plan& p, const StoreHints& hints, const Region& tile) {
  if (!hints.cached) return 0;
  const TensorSpec spec = p.problem.spec(Operand::kDst);
  const Index block = checked_mul(volume(hints.block), size_of(spec.dtype));
  const Cover& y = p.cuts[Axis::kY];
  const Cover& x = p.cuts[Axis::kX];
  const bool aligned = y.alignment() % hints.block[2] == 0 && x.alignment() % hints.block[3] == 0;
  if (aligned) return std::max(kLeastCache, checked_mul(4, block));
  Region band = tile;
  band[kX] = {0, spec.shape[3]};
  return std::max(kLeastCache, checked_mul(2, block_row_bytes(hints, band, spec)));
}

// The graph lists the runs of padding once (in a vector that has grown), and each piece on its way
// lists its own.
Index fold_bytes(const Plan& p) {
  const Layer& layer = *p.problem.layer;
  const Index runs =
      checked_add(layer.most_runs(kY, 1), layer.most_runs(kX, p.cuts[Axis::kX].block()));
  return checked_mul(runs, sizeof(PadSegment), 2 + p.in_flight + 2);
}

}  // namespace

Block largest_step(const Cuts& cuts) {
  Block b;
  for (const Axis a : kAxes) b[a] = {0, cuts[a].block()};
  return b;
}

namespace {

bool needs_no_padding(const Problem& problem) {
  const Region all = problem.layer->region(Operand::kSrc, whole(problem.extents()));
  return whole(problem.src_shape).contains(all);
}

void set_stores(Plan& p, const PlanOptions& hints, const Region& window, const Region& weights,
                const Region& tile) {
  const bool summed = sums_image(*p.problem.layer), columns = p.cuts[Axis::kX].cut();
  const TensorSpec src = p.problem.spec(Operand::kSrc), taps = p.problem.spec(Operand::kWeights);
  p.dst_cache_bytes = dst_cache(p, hints.dst, tile);
  const auto set = [&](bool rows) {
    p.caches_rows = rows;
    p.src_cache_bytes = read_cache(hints.src, src, window, rows);
    p.weights_cache_bytes = summed ? read_cache(hints.weights, taps, weights, rows) : 0;
    p.memory.stores = p.src_cache_bytes + p.weights_cache_bytes + p.dst_cache_bytes +
                      hints.src.scratch_bytes + hints.weights.scratch_bytes +
                      hints.dst.scratch_bytes;
  };
  set(columns && (summed || p.order == PieceOrder::kRowsThenColumns));
  // Where the image is summed the same steps can do with less, by decoding more often.
  if (summed && p.caches_rows && p.peak_bytes() > p.budget_bytes) set(false);
}

}  // namespace

void set_footprint(Plan& p, const PlanOptions& hints) {
  const Layer& layer = *p.problem.layer;
  const DType compute = p.problem.compute, sums = layer.accumulator(compute);
  const Block step = largest_step(p.cuts);
  Region window = layer.region(Operand::kSrc, step);
  const Shape largest = layer.largest_window(step);
  for (const Dim d : {kY, kX}) window[d].end = window[d].begin + largest[d];
  const Region tile = layer.region(Operand::kDst, step);
  const Region taps = layer.region(Operand::kWeights, step);
  MemoryUse m;
  p.src_in_place = hints.src.in_place && p.problem.src_dtype == compute &&
                   (p.kernel.in_place ? layer.padding_mode() == PaddingMode::kZero
                                      : needs_no_padding(p.problem));
  p.weights_in_place = hints.weights.in_place && sums_image(layer) &&
                       p.problem.spec(Operand::kWeights).dtype == compute;
  if (!p.src_in_place) m.src_tiles = checked_mul(p.in_flight, tile_bytes(window.shape(), compute));
  const bool turned = sums_image(layer) && layer.reversed_taps();
  p.dst_in_place = hints.dst.in_place && p.problem.dst_dtype == sums && !turned;
  if (!p.dst_in_place) m.dst_tiles = checked_mul(p.in_flight, dense_bytes(tile.shape(), sums));
  if (layer.folded())
    m.dst_tiles =
        checked_add(checked_add(m.dst_tiles, dense_bytes(tile.shape(), sums)), fold_bytes(p));
  // Kept weights lie block by block, each with its own slack.
  const Index blocks =
      checked_mul(p.cuts[Axis::kG].count(), p.cuts[Axis::kCo].count(), p.cuts[Axis::kCi].count(),
                  p.cuts[Axis::kKy].count(), p.cuts[Axis::kKx].count());
  const Index slack = checked_mul(blocks, kTileSlackBytes + 64);
  m.weights = p.keep_weights ? checked_add(p.problem.spec(Operand::kWeights).bytes(), slack)
                             : checked_mul(p.in_flight, dense_bytes(taps.shape(), compute));
  if (p.kernel.factored)
    m.weights = checked_add(m.weights, round_up(8 * (taps.shape()[kY] + taps.shape()[kX]), 64));
  if (p.weights_in_place) m.weights = 0;
  if (p.problem.has_bias()) m.bias = dense_bytes(p.problem.spec(Operand::kBias).shape, compute);
  m.workspace = workspace_bytes(p.kernel, step, p.threads);
  p.memory = m;
  set_stores(p, hints, window, taps, tile);
}

}  // namespace tilewright
