// Fold: adds results of padded positions to the outputs that they show. The adjoint of making
// padding.
#pragma once

#include "tilewright/graph/tile_graph.h"

namespace tilewright {

/// Adds `from`, which holds the padded positions of `cell`, into `to`, which holds `owned` of dst;
/// the first position that shows an output sets it. `extents` are those of the problem.
void fold_cell(const Layer& layer, const Extents& extents, const Cell& cell,
               const ConstTensorView& from, const Region& owned, const TensorView& to);

}  // namespace tilewright
