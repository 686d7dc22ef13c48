#include "tilewright/run/fold.h"

namespace tilewright {
namespace {

// Where the positions of one axis of a cell go.
class Landing {
 public:
  Landing(const Window& window, const PadSegment& run, Index extent)
      : window_(window), run_(run), extent_(extent) {}

  Index index(Index i) const {
    if (run_.kind == PadSegment::Kind::kConstant) return run_.source.begin;
    return run_.kind == PadSegment::Kind::kForward ? run_.source.begin + i
                                                   : run_.source.end - 1 - i;
  }
  bool first(Index i) const {
    return window_.first_position(index(i), extent_) == run_.padded.begin + i;
  }

 private:
  const Window& window_;
  const PadSegment& run_;
  Index extent_;
};

template <class T>
void fold_typed(const Landing& y, const Landing& x, const ConstTensorView& from,
                const Region& owned, const TensorView& to) {
  for (Index j = 0; j < from.shape[kX]; ++j) {
    const Index column = x.index(j) - owned[kX].begin;
    const bool first_column = x.first(j);
    for (Index i = 0; i < from.shape[kY]; ++i) {
      const Index row = y.index(i) - owned[kY].begin;
      const bool first = first_column && y.first(i);
      for (Index n = 0; n < from.shape[kN]; ++n)
        for (Index c = 0; c < from.shape[kC]; ++c) {
          const T value = *from.at<T>(n, c, i, j);
          T& sum = *to.at<T>(n, c, row, column);
          sum = first ? value : sum + value;
        }
    }
  }
}

}  // namespace

void fold_cell(const Layer& layer, const Extents& extents, const Cell& cell,
               const ConstTensorView& from, const Region& owned, const TensorView& to) {
  const Landing y(layer.window(kY), cell.y, extents[Axis::kY]);
  const Landing x(layer.window(kX), cell.x, extents[Axis::kX]);
  if (to.dtype == DType::kF64) return fold_typed<double>(y, x, from, owned, to);
  fold_typed<float>(y, x, from, owned, to);
}

}  // namespace tilewright
