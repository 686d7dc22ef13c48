// The generated network: pieces, each owning one region of the output, and their steps. Nothing is
// stored; any piece is computed from its number, so memory does not depend on how many there are.
#pragma once

#include <functional>
#include <string>

#include "tilewright/plan/plan.h"

namespace tilewright {

/// Work that owns one region of dst. Steps are chained: each continues the sums of the last.
struct Piece {
  Index id = 0;
  Block block;  // with whole step axes
  Region dst;
};

/// One select and process: a source window times a block of weights.
struct Step {
  Index index = 0;
  Block block;
  Region window;  // of src, y and x in padded coordinates
  Region weights;
  Index weights_block = 0;  // number of the block of weights, for keeping
  bool first = true;
  bool last = true;
};

class TileGraph {
 public:
  explicit TileGraph(const Plan& plan);

  const Plan& plan() const { return plan_; }
  Index piece_count() const { return counts_.pieces; }
  Index steps_per_piece() const { return counts_.steps_per_piece; }
  Index weights_blocks() const;

  /// Piece `id` in running order, 0 <= id < piece_count().
  Piece piece(Index id) const;
  /// Step `index` of `piece`, 0 <= index < steps_per_piece().
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
};

enum class GraphFormat { kText, kJson, kDot };

/// Writes the network through `write`, chunk by chunk: counts, then at most `limit` pieces (0: all)
/// with their select, process and reassemble nodes.
void dump_graph(const TileGraph& graph, GraphFormat format, Index limit,
                const std::function<void(const std::string&)>& write);

}  // namespace tilewright
