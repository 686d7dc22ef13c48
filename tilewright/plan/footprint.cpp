// Buffers: `in_flight` source tiles (with weights, unless those are kept), as many destination
// tiles, the kernel's workspace, and what the file libraries hold.
#include "tilewright/plan/footprint.h"

#include "tilewright/tensor/tile.h"

namespace tilewright {
namespace {

constexpr Index kLeastCache = Index{1} << 18;

// Rows of store blocks that a piece leaves half read, over the width of its window.
Index block_row_bytes(const StoreHints& hints, const Region& window, const TensorSpec& spec) {
  const Index width =
      std::min(checked_add(round_up(window[kX].size(), hints.block[3]), hints.block[3]),
               round_up(spec.shape[3], hints.block[3]));
  const Index channels = std::min(round_up(window[kC].size(), hints.block[1]),
                                  round_up(spec.shape[1], hints.block[1]));
  return checked_mul(hints.block[2], width, channels, size_of(spec.dtype));
}

Index src_cache(const Plan& p, const StoreHints& hints, const Region& window) {
  if (!hints.cached) return 0;
  const TensorSpec spec = p.problem.spec(Operand::kSrc);
  Region used = window;
  Index rows = 1;
  if (p.order == PieceOrder::kRowsThenColumns && p.cuts[Axis::kX].cut()) {
    // The whole band of blocks stays until the next band of pieces.
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

}  // namespace

Block largest_step(const Cuts& cuts) {
  Block b;
  for (const Axis a : kAxes) b[a] = {0, cuts[a].block()};
  return b;
}

bool folds(const Problem& problem) {
  const Extents e = problem.extents();
  return !problem.layer->folds(kY, e[Axis::kY]).empty() ||
         !problem.layer->folds(kX, e[Axis::kX]).empty();
}

void set_footprint(Plan& p, const StoreHints& src, const StoreHints& dst) {
  const Layer& layer = *p.problem.layer;
  const DType compute = p.problem.compute, sums = layer.accumulator(compute);
  const Block step = largest_step(p.cuts);
  Region window = layer.region(Operand::kSrc, step);
  const Shape largest = layer.largest_window(step);
  for (const Dim d : {kY, kX}) window[d].end = window[d].begin + largest[d];
  const Region tile = layer.region(Operand::kDst, step);
  const TensorSpec weights = p.problem.spec(Operand::kWeights);
  MemoryUse m;
  m.src_tiles = checked_mul(p.in_flight, tile_bytes(window.shape(), compute));
  const bool turned = sums_image(layer) && layer.reversed_taps();
  p.dst_in_place = dst.in_place && p.problem.dst_dtype == sums && !turned;
  if (!p.dst_in_place) m.dst_tiles = checked_mul(p.in_flight, dense_bytes(tile.shape(), sums));
  if (folds(p.problem)) m.dst_tiles = checked_add(m.dst_tiles, dense_bytes(tile.shape(), sums));
  // Kept weights lie block by block, each with its own slack.
  const Index blocks =
      checked_mul(p.cuts[Axis::kG].count(), p.cuts[Axis::kCo].count(), p.cuts[Axis::kCi].count(),
                  p.cuts[Axis::kKy].count(), p.cuts[Axis::kKx].count());
  const Index slack = checked_mul(blocks, kTileSlackBytes + 64);
  m.weights =
      p.keep_weights
          ? checked_add(weights.bytes(), slack)
          : checked_mul(p.in_flight,
                        dense_bytes(layer.region(Operand::kWeights, step).shape(), compute));
  if (p.problem.has_bias()) m.bias = dense_bytes(p.problem.spec(Operand::kBias).shape, compute);
  m.workspace = checked_mul(p.threads, p.kernel.workspace_bytes_per_thread);
  p.src_cache_bytes = src_cache(p, src, window);
  p.dst_cache_bytes = dst_cache(p, dst, tile);
  m.stores = p.src_cache_bytes + p.dst_cache_bytes + src.scratch_bytes + dst.scratch_bytes;
  p.memory = m;
}

}  // namespace tilewright
