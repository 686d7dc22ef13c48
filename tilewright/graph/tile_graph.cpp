// Pieces and steps by mixed-radix counting over the plan's covers.
#include "tilewright/graph/tile_graph.h"

#include <fmt/format.h>

namespace tilewright {
namespace {

constexpr std::array<Axis, 5> kWeightAxes{Axis::kG, Axis::kCo, Axis::kCi, Axis::kKy, Axis::kKx};

// Splits `number` into one index per axis, the last axis running fastest.
template <std::size_t N>
std::array<Index, N> digits(Index number, const std::array<Axis, N>& axes, const Cuts& cuts) {
  std::array<Index, N> result{};
  for (std::size_t i = N; i-- > 0;) {
    const Index count = cuts[axes[i]].count();
    result[i] = number % count;
    number /= count;
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
    : plan_(plan), counts_(plan.counts()), extents_(plan.problem.extents()) {
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
  const auto order = plan_.loop_order();
  const auto at = digits(id, order, plan_.cuts);
  for (std::size_t i = 0; i < order.size(); ++i) p.block[order[i]] = plan_.cuts[order[i]][at[i]];
  p.dst = plan_.problem.layer->region(Operand::kDst, p.block);
  return p;
}

Step TileGraph::step(const Piece& piece, Index index) const {
  Step s;
  s.index = index;
  s.block = piece.block;
  const auto at = digits(index, kStepAxes, plan_.cuts);
  for (std::size_t i = 0; i < kStepAxes.size(); ++i)
    s.block[kStepAxes[i]] = plan_.cuts[kStepAxes[i]][at[i]];
  s.window = plan_.problem.layer->region(Operand::kSrc, s.block);
  s.weights = plan_.problem.layer->region(Operand::kWeights, s.block);
  s.weights_block = block_number(s.block, plan_.cuts);
  s.first = index == 0;
  s.last = index + 1 == counts_.steps_per_piece;
  return s;
}

Region TileGraph::weights_region(Index number) const {
  Block block = whole(extents_);
  const auto at = digits(number, kWeightAxes, plan_.cuts);
  for (std::size_t i = 0; i < kWeightAxes.size(); ++i)
    block[kWeightAxes[i]] = plan_.cuts[kWeightAxes[i]][at[i]];
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
    Index products = 0;
    for (Index j = 0; j < steps_per_piece(); ++j) {
      const Step s = step(p, j);
      if (!weights.contains(s.weights)) throw InternalError("a step lies outside the weights");
      products += s.block[Axis::kCi].size() * s.block[Axis::kKy].size() * s.block[Axis::kKx].size();
    }
    if (products != extents_[Axis::kCi] * extents_[Axis::kKy] * extents_[Axis::kKx])
      throw InternalError("piece " + std::to_string(i) + " does not sum every product once");
  }
  if (covered != all.volume()) throw InternalError("the pieces do not cover dst exactly once");
}

}  // namespace tilewright
