// A window is cut into cells where both axes run forward, backward, stay or are zero. The cell
// inside the image is read; others are copied from it if it holds their source, read otherwise.
#include "tilewright/run/select.h"

#include <algorithm>

#include "tilewright/tensor/convert.h"

namespace tilewright {
namespace {

using Kind = PadSegment::Kind;

struct Cell {
  PadSegment y, x;
};

class Selector {
 public:
  Selector(Store& src, const Layer& layer, const Region& window, const TensorView& tile)
      : src_(src), layer_(layer), window_(window), tile_(tile), shape_(src.spec().shape) {
    real_y_ = intersect(window[kY], Interval{0, shape_[kY]});
    real_x_ = intersect(window[kX], Interval{0, shape_[kX]});
  }

  double fill(const Interval& fresh) {
    const auto ys = segments(fresh, kY);
    const auto xs = segments(window_[kX], kX);
    // The image first: padding is copied from it.
    for (const bool inside : {true, false})
      for (const PadSegment& y : ys)
        for (const PadSegment& x : xs)
          if (is_real(y, kY) && is_real(x, kX) ? inside : !inside) fill_cell({y, x});
    return bytes_;
  }

 private:
  std::vector<PadSegment> segments(const Interval& padded, Dim dim) const {
    Window w;
    w.mode = layer_.padding_mode();
    return w.segments(padded, shape_[static_cast<std::size_t>(dim)]);
  }

  bool is_real(const PadSegment& s, Dim dim) const {
    return s.padded.begin >= 0 && s.padded.begin < shape_[static_cast<std::size_t>(dim)];
  }

  TensorView part(const Interval& y, const Interval& x) const {
    Region r = whole(tile_.shape);
    r[kY] = y.shifted(-window_[kY].begin);
    r[kX] = x.shifted(-window_[kX].begin);
    return tile_.slice(r);
  }

  void fill_cell(const Cell& c) {
    const TensorView out = part(c.y.padded, c.x.padded);
    if (c.y.kind == Kind::kZero || c.x.kind == Kind::kZero) return fill_zero(out);
    const bool real = is_real(c.y, kY) && is_real(c.x, kX);
    if (!real && real_y_.contains(c.y.source) && real_x_.contains(c.x.source))
      return copy_mapped(part(c.y.source, c.x.source), c, out);
    read(c, out);
    spread(c, out);
  }

  void read(const Cell& c, const TensorView& out) {
    Region to = whole(out.shape);
    to[kY] = {0, c.y.source.size()};
    to[kX] = {0, c.x.source.size()};
    Region from{{{window_[kN], window_[kC], c.y.source, c.x.source}}};
    src_.read(from, out.slice(to));
    bytes_ += static_cast<double>(from.volume() * size_of(src_.spec().dtype));
  }

  // Offset inside the source run of the i-th index of a segment.
  static Index mapped(const PadSegment& s, Index i) {
    if (s.kind == Kind::kForward) return i;
    return s.kind == Kind::kBackward ? s.source.size() - 1 - i : 0;
  }

  void copy_mapped(const TensorView& in, const Cell& c, const TensorView& out) const {
    if (out.dtype == DType::kF64) return copy_typed<double>(in, c, out);
    copy_typed<float>(in, c, out);
  }

  template <class T>
  static void copy_typed(const TensorView& in, const Cell& c, const TensorView& out) {
    for (Index n = 0; n < out.shape[0]; ++n)
      for (Index ch = 0; ch < out.shape[1]; ++ch)
        for (Index y = 0; y < out.shape[2]; ++y) {
          const T* from = in.at<T>(n, ch, mapped(c.y, y), 0);
          T* to = out.at<T>(n, ch, y, 0);
          if (c.x.kind == Kind::kForward) {
            std::copy(from, from + out.shape[3], to);
          } else {
            for (Index x = 0; x < out.shape[3]; ++x) to[x] = from[mapped(c.x, x)];
          }
        }
  }

  // The source run lies in the first rows and columns of the cell: turn or repeat it in place.
  static void spread(const Cell& c, const TensorView& out) {
    if (c.y.kind == Kind::kForward && c.x.kind == Kind::kForward) return;
    if (out.dtype == DType::kF64) return spread_typed<double>(c, out);
    spread_typed<float>(c, out);
  }

  template <class T>
  static void spread_typed(const Cell& c, const TensorView& out) {
    const Index rows = c.y.source.size(), width = out.shape[3];
    for (Index n = 0; n < out.shape[0]; ++n)
      for (Index ch = 0; ch < out.shape[1]; ++ch) {
        for (Index y = 0; y < rows; ++y) {
          T* row = out.at<T>(n, ch, y, 0);
          if (c.x.kind == Kind::kBackward) std::reverse(row, row + width);
          if (c.x.kind == Kind::kConstant) std::fill(row, row + width, row[0]);
        }
        const auto row = [&](Index y) { return out.at<T>(n, ch, y, 0); };
        if (c.y.kind == Kind::kBackward)
          for (Index y = 0; y < rows / 2; ++y)
            std::swap_ranges(row(y), row(y) + width, row(rows - 1 - y));
        if (c.y.kind == Kind::kConstant)
          for (Index y = 1; y < out.shape[2]; ++y) std::copy(row(0), row(0) + width, row(y));
      }
  }

  Store& src_;
  const Layer& layer_;
  const Region& window_;
  const TensorView& tile_;
  Shape shape_;
  Interval real_y_, real_x_;  // what the tile shows of the image itself
  double bytes_ = 0;
};

}  // namespace

Region stored_taps(const Layer& layer, const Region& region) {
  Region stored = region;
  const Index ky = layer.window(kY).taps, kx = layer.window(kX).taps;
  stored[2] = {ky - region[2].end, ky - region[2].begin};
  stored[3] = {kx - region[3].end, kx - region[3].begin};
  return stored;
}

void reverse_taps(const TensorView& block) {
  const Index taps = block.shape[2] * block.shape[3];
  dispatch(block.dtype, [&](auto type) {
    using T = decltype(type);
    for (Index co = 0; co < block.shape[0]; ++co)
      for (Index ci = 0; ci < block.shape[1]; ++ci) {
        T* first = block.at<T>(co, ci, 0, 0);
        std::reverse(first, first + taps);
      }
  });
}

double select_window(Store& src, const Layer& layer, const Region& window, const Interval& fresh,
                     const TensorView& tile) {
  return Selector(src, layer, window, tile).fill(fresh);
}

double select_weights(Store& weights, const Layer& layer, const Region& region,
                      const TensorView& block) {
  const bool reversed = layer.reversed_taps() && !sums_image(layer);
  const Region from = reversed ? stored_taps(layer, region) : region;
  weights.read(from, block);
  if (reversed) reverse_taps(block);
  return static_cast<double>(from.volume() * size_of(block.dtype));
}

}  // namespace tilewright
