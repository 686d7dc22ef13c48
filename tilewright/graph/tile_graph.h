// The generated network: pieces, each owning one region of the output, and their steps. Nothing is
// stored; any piece is computed from its number, so memory does not depend on how many there are.
#pragma once

#include <functional>
#include <string>

#include "tilewright/plan/plan.h"

namespace tilewright {

/// A part of a piece that is summed by itself. Where a layer folds, results of padded positions are
/// summed in cells of their own and then added to what they show.
struct Cell {
  PadSegment y, x;
};

/// Work that owns one region of dst. Steps are chained: each continues the sums of the last.
struct Piece {
  Index id = 0;
  Block block;  // with whole step axes
  Region dst;
  /// The padded runs that show dst, in order; their pairs are the cells, columns running fastest.
  /// Empty unless some of dst is folded.
  std::vector<PadSegment> fold_rows, fold_columns;

  bool folded() const { return !fold_rows.empty(); }
  Index cell_count() const {
    return folded() ? static_cast<Index>(fold_rows.size() * fold_columns.size()) : 1;
  }
  Cell cell(Index number) const {
    const auto at = static_cast<std::size_t>(number);
    return {fold_rows[at / fold_columns.size()], fold_columns[at % fold_columns.size()]};
  }
};

/// One select and process: a source window times a block of weights.
struct Step {
  Index index = 0;
  Block block;
  Region window;  // of src, y and x in padded coordinates
  Region weights;
  Index weights_block = 0;  // number of the block of weights, for keeping
  Index cell = 0;           // for Piece::cell
  bool first = true;
  bool last = true;      // of its cell
  bool finishes = true;  // the piece
};

class TileGraph {
 public:
  explicit TileGraph(const Plan& plan);

  const Plan& plan() const { return plan_; }
  Index piece_count() const { return counts_.pieces; }
  /// Of one cell; a piece has as many for each of its cells.
  Index steps_per_cell() const { return counts_.steps_per_piece; }
  Index steps(const Piece& piece) const { return piece.cell_count() * counts_.steps_per_piece; }
  Index weights_blocks() const;

  /// Piece `id` in running order, 0 <= id < piece_count().
  Piece piece(Index id) const;
  /// Fills the fold of a piece whose block is set.
  void set_fold(Piece& piece) const;
  /// Step `index` of `piece`, 0 <= index < steps(piece).
  Step step(const Piece& piece, Index index) const;
  /// The region of the weights that block `number` holds.
  Region weights_region(Index number) const;

  /// Checks that regions of all pieces cover dst exactly once and that every step's operands lie
  /// where the layer says. Throws InternalError. Costs one visit of every piece.
  void verify() const;

 private:
  Plan plan_;
  Counts counts_;
  Extents extents_;
  AxisList piece_axes_, step_axes_;
  std::vector<PadSegment> fold_y_, fold_x_;  // of the whole of dst
};

enum class GraphFormat { kText, kJson, kDot };

/// Writes the network through `write`, chunk by chunk: counts, then at most `limit` pieces (0: all)
/// with their select, process and reassemble nodes.
void dump_graph(const TileGraph& graph, GraphFormat format, Index limit,
                const std::function<void(const std::string&)>& write);

}  // namespace tilewright
