// Pieces and steps by mixed-radix counting over the plan's covers.
#include "tilewright/graph/tile_graph.h"

#include <fmt/format.h>

namespace tilewright {
namespace {

constexpr std::array<Axis, 5> kWeightAxes{Axis::kG, Axis::kCo, Axis::kCi, Axis::kKy, Axis::kKx};

// Splits `number` into one index per axis, the last axis running fastest, and cuts `block` there.
template <class Axes>
void cut_block(Index number, const Axes& axes, const Cuts& cuts, Block& block) {
  for (auto a = axes.end(); a != axes.begin();) {
    --a;
    const Index count = cuts[*a].count();
    block[*a] = cuts[*a][number % count];
    number /= count;
  }
}

// The padded runs that show a part of `owned`, in order. Runs that stay on one index are cut into
// parts of at most `most`, so that a cell is no larger than a piece.
std::vector<PadSegment> runs_onto(const Interval& owned, const std::vector<PadSegment>& folds,
                                  Index most) {
  std::vector<PadSegment> result;
  if (folds.empty()) return {{owned, owned, PadSegment::Kind::kForward}};
  const auto parts = [&](const PadSegment& s) {
    if (intersect(s.source, owned).empty()) return Index{0};
    return s.kind == PadSegment::Kind::kConstant ? ceil_div(s.padded.size(), most) : 1;
  };
  Index count = 0;
  for (const PadSegment& s : folds) count += parts(s);
  result.reserve(static_cast<std::size_t>(count));  // there may be many, and they are budgeted
  for (const PadSegment& s : folds) {
    const Interval shown = intersect(s.source, owned);
    if (shown.empty()) continue;
    if (s.kind == PadSegment::Kind::kConstant) {
      for (Index p = s.padded.begin; p < s.padded.end; p += most)
        result.push_back({{p, std::min(s.padded.end, p + most)}, shown, s.kind});
      continue;
    }
    const Index before = s.kind == PadSegment::Kind::kForward ? shown.begin - s.source.begin
                                                              : s.source.end - shown.end;
    const Index begin = s.padded.begin + before;
    result.push_back({{begin, begin + shown.size()}, shown, s.kind});
  }
  return result;
}

// The inverse of digits(), from the blocks' begins.
Index block_number(const Block& block, const Cuts& cuts) {
  Index number = 0;
  for (const Axis a : kWeightAxes) {
    Index at = 0;
    if (cuts[a].even()) {
      at = block[a].begin / cuts[a].block();
    } else {
      while (cuts[a][at].begin != block[a].begin) ++at;
    }
    number = number * cuts[a].count() + at;
  }
  return number;
}

}  // namespace

TileGraph::TileGraph(const Plan& plan)
    : plan_(plan),
      counts_(plan.counts()),
      extents_(plan.problem.extents()),
      piece_axes_(plan.loop_order()),
      step_axes_(step_axes(*plan.problem.layer)),
      fold_y_(plan.problem.layer->folds(kY, extents_[Axis::kY])),
      fold_x_(plan.problem.layer->folds(kX, extents_[Axis::kX])) {
  for (const Axis a : kAxes)
    if (plan.cuts[a].extent() != extents_[a])
      throw InternalError(fmt::format("the plan covers {} of the {} indices of axis {}",
                                      plan.cuts[a].extent(), extents_[a], to_string(a)));
}

Index TileGraph::weights_blocks() const {
  Index n = 1;
  for (const Axis a : kWeightAxes) n *= plan_.cuts[a].count();
  return n;
}

Piece TileGraph::piece(Index id) const {
  Piece p;
  p.id = id;
  p.block = whole(extents_);
  cut_block(id, piece_axes_, plan_.cuts, p.block);
  p.dst = plan_.problem.layer->region(Operand::kDst, p.block);
  set_fold(p);
  return p;
}

void TileGraph::set_fold(Piece& piece) const {
  if (fold_y_.empty() && fold_x_.empty()) return;
  const Block& block = piece.block;
  // Rows that stay on one index come one by one: padded rows are the outer order.
  auto rows = runs_onto(block[Axis::kY], fold_y_, 1);
  auto columns = runs_onto(block[Axis::kX], fold_x_, block[Axis::kX].size());
  if (rows.size() == 1 && columns.size() == 1) return;  // inside the image
  piece.fold_rows = std::move(rows);
  piece.fold_columns = std::move(columns);
}

Step TileGraph::step(const Piece& piece, Index index) const {
  Step s;
  s.index = index;
  s.block = piece.block;
  const Index in_cell = index % counts_.steps_per_piece;
  s.cell = index / counts_.steps_per_piece;
  cut_block(in_cell, step_axes_, plan_.cuts, s.block);
  if (piece.folded()) {
    const Cell cell = piece.cell(s.cell);
    s.block[Axis::kY] = cell.y.padded;
    s.block[Axis::kX] = cell.x.padded;
  }
  s.window = plan_.problem.layer->region(Operand::kSrc, s.block);
  s.weights = plan_.problem.layer->region(Operand::kWeights, s.block);
  const bool blocks = !sums_image(*plan_.problem.layer);
  s.weights_block = blocks ? block_number(s.block, plan_.cuts) : -1;
  s.first = in_cell == 0;
  s.last = in_cell + 1 == counts_.steps_per_piece;
  s.finishes = index + 1 == steps(piece);
  return s;
}

Region TileGraph::weights_region(Index number) const {
  Block block = whole(extents_);
  cut_block(number, kWeightAxes, plan_.cuts, block);
  return plan_.problem.layer->region(Operand::kWeights, block);
}

void TileGraph::verify() const {
  const Region all = whole(plan_.problem.spec(Operand::kDst).shape);
  const Region weights = whole(plan_.problem.spec(Operand::kWeights).shape);
  Index covered = 0;
  for (Index i = 0; i < piece_count(); ++i) {
    const Piece p = piece(i);
    // Covers are disjoint by construction, so equal volume means covered exactly once.
    covered = checked_add(covered, p.dst.volume());
    if (p.dst.empty() || !all.contains(p.dst))
      throw InternalError("piece " + std::to_string(i) + " lies outside dst");
    const auto summed = [&](const auto& block) {
      Index product = 1;
      for (const Axis a : step_axes_) product *= block[a].size();
      return product;
    };
    Index products = 0;
    for (Index j = 0; j < steps(p); ++j) {
      const Step s = step(p, j);
      if (!weights.contains(s.weights)) throw InternalError("a step lies outside the weights");
      products += summed(s.block);
    }
    if (products != p.cell_count() * summed(whole(extents_)))
      throw InternalError("piece " + std::to_string(i) + " does not sum every product once");
  }
  if (covered != all.volume()) throw InternalError("the pieces do not cover dst exactly once");
}

}  // namespace tilewright
