// Every tile reads its padded window of the source, computes, and puts results (or gradients) back.
#include "tiled_conv.h"

#include <cmath>
#include <cstring>

namespace tilewright::testkit {
namespace {

// One axis of one tile: results, and the source positions that they reach, in padded coordinates.
struct Side {
  Interval out;
  Index begin = 0, size = 0;  // of the window
  Index stride = 1, dilation = 1, taps = 1, extent = 1, results = 1;
  bool first = true, last = true;
};

template <class T>
class Tiles {
 public:
  Tiles(const Conv2dOptions& o, Bug bug, Index rows, Index columns, const Tensors& inputs)
      : o_(o),
        bug_(bug),
        rows_(rows),
        columns_(columns),
        src_(inputs.at(0)),
        w_(inputs.at(1)),
        bias_(inputs.at(2)) {
    const Shape &s = src_.shape(), &w = w_.shape();
    const Padding& p = o.padding;
    shape_ = {s[0], w[0],
              (s[2] + p.top + p.bottom - o.dilation.y * (w[2] - 1) - 1) / o.stride.y + 1,
              (s[3] + p.left + p.right - o.dilation.x * (w[3] - 1) - 1) / o.stride.x + 1};
  }
  const Shape& shape() const { return shape_; }

  template <class F>
  void for_each_tile(F f) {
    for (Index n = 0; n < shape_[0]; ++n)
      for (Index y = 0; y < shape_[2]; y += rows_)
        for (Index x = 0; x < shape_[3]; x += columns_) {
          const Side sy = side(kY, y, rows_), sx = side(kX, x, columns_);
          if (bug_ == Bug::kLastBlockDropped && y > 0 && sy.out.size() < rows_) continue;
          f(n, sy, sx);
        }
  }

  void forward(Tensor& dst) {
    for_each_tile([&](Index n, const Side& y, const Side& x) {
      const std::vector<T> window = read(n, y, x);
      for (Index co = 0; co < shape_[1]; ++co)
        for (Index i = y.out.begin; i < y.out.end; ++i)
          for (Index j = x.out.begin; j < x.out.end; ++j)
            *dst.view().at<T>(n, co, i, j) = result(window, co, y, x, i, j);
    });
  }

  void backward_src(const Tensor& g, Tensor& grad) {
    std::vector<T> buffer;
    for_each_tile([&](Index n, const Side& y, const Side& x) {
      const std::size_t size = static_cast<std::size_t>(src_.shape()[1] * y.size * x.size);
      if (bug_ != Bug::kBufferNotZeroed) buffer.clear();
      buffer.resize(size, 0);
      each_product(y, x, [&](Index co, Index c, Index ky, Index kx, Index i, Index j, Index at) {
        const T w = bug_ == Bug::kNoFlip ? weight(co, c, y.taps - 1 - ky, x.taps - 1 - kx)
                                         : weight(co, c, ky, kx);
        buffer[static_cast<std::size_t>(at)] += w * *g.view().at<T>(n, co, i, j);
      });
      put_back(buffer, n, y, x, grad);
    });
  }

  void backward_weights(const Tensor& g, Tensor& grad) {
    const Index cg = w_.shape()[1];
    for_each_tile([&](Index n, Side y, Side x) {
      const std::vector<T> window = read(n, y, x);
      if (bug_ == Bug::kHaloTwice && !y.last) ++y.out.end;  // the first row of the tile below
      if (bug_ == Bug::kDilationIgnored) y.dilation = x.dilation = 1;
      if (bug_ == Bug::kStrideIgnored) y.stride = x.stride = 1;
      each_product(y, x, [&](Index co, Index c, Index ky, Index kx, Index i, Index j, Index at) {
        T part = *g.view().at<T>(n, co, i, j) * window[static_cast<std::size_t>(at)];
        if (bug_ == Bug::kMeanOverBatch) part /= static_cast<T>(shape_[0]);
        *grad.view().at<T>(co, c % cg, ky, kx) += part;
      });
    });
  }

  void backward_bias(const Tensor& g, Tensor& grad) {
    for_each_tile([&](Index n, const Side& y, const Side& x) {
      if (bug_ == Bug::kBiasOfItemZero && n > 0) return;
      for (Index co = 0; co < shape_[1]; ++co)
        for (Index i = y.out.begin; i < y.out.end; ++i)
          for (Index j = x.out.begin; j < x.out.end; ++j)
            grad.data<T>()[co] += *g.view().at<T>(n, co, i, j);
    });
  }

 private:
  Side side(Dim d, Index begin, Index length) const {
    const bool y = d == kY;
    const Padding& p = o_.padding;
    Side s;
    s.results = shape_[static_cast<std::size_t>(d)];
    s.extent = src_.shape()[static_cast<std::size_t>(d)];
    s.taps = w_.shape()[static_cast<std::size_t>(d)];
    s.stride = y ? o_.stride.y : o_.stride.x;
    s.dilation = y ? o_.dilation.y : o_.dilation.x;
    s.out = {begin, std::min(begin + length, s.results)};
    s.first = begin == 0;
    s.last = s.out.end == s.results;
    Index pad = y != (bug_ == Bug::kPaddingSwapped) ? p.top : p.left;
    if (bug_ == Bug::kPaddingTwice) pad *= 2;
    s.begin = begin * s.stride - pad;
    if (bug_ == Bug::kStrideMisaligned) s.begin = ceil_div(s.begin, s.stride) * s.stride;
    s.size = (s.out.size() - 1) * s.stride + (s.taps - 1) * s.dilation + 1;
    return s;
  }

  // The window of a tile, with whatever lies beyond the image as its padding.
  std::vector<T> read(Index n, const Side& y, const Side& x) const {
    std::vector<T> window;
    const Index item = bug_ == Bug::kItemZero ? 0 : n;
    for (Index c = 0; c < src_.shape()[1]; ++c)
      for (Index i = 0; i < y.size; ++i)
        for (Index j = 0; j < x.size; ++j)
          window.push_back(seam(y, i) || seam(x, j) ? T{0}
                                                    : pixel(item, c, y.begin + i, x.begin + j));
    return window;
  }

  // Whether a bug takes position `i` of the window for padding: beyond the tile below or after.
  bool seam(const Side& s, Index i) const {
    const Index own = s.out.size() * s.stride, overlap = s.size - own;
    if (s.last || overlap <= 0) return false;
    if (bug_ == Bug::kSeamsPadded) return i >= own;
    return bug_ == Bug::kHalfOverlap && i >= own + overlap / 2;
  }

  T pixel(Index n, Index c, Index y, Index x) const {
    const Shape& s = src_.shape();
    if (bug_ == Bug::kReflectOffByOne && o_.padding_mode == PaddingMode::kReflect && y < 0)
      ++y;  // the edge is repeated, or skipped
    const Index ry = pad_index(o_.padding_mode, y, s[2]);
    const Index rx = pad_index(o_.padding_mode, x, s[3]);
    const bool next = bug_ == Bug::kNextRow && ry >= 0 && ry + 1 < s[2] && x >= s[3];
    if (next) return *src_.view().at<T>(n, c, ry, std::min(x, 2 * s[3] - 1));
    return ry < 0 || rx < 0 ? T{0} : *src_.view().at<T>(n, c, ry, rx);
  }

  T weight(Index co, Index c, Index ky, Index kx) const {
    const Shape& s = w_.shape();
    const Index tap = bug_ == Bug::kTapsSwapped && s[2] != s[3] ? kx * s[2] + ky : ky * s[3] + kx;
    return w_.data<T>()[(co * s[1] + c % s[1]) * s[2] * s[3] + tap];
  }

  Index first_channel(Index co) const {
    Index group = co / (shape_[1] / o_.groups);
    if (bug_ == Bug::kGroupsMixed) group = (group + 1) % o_.groups;
    return group * w_.shape()[1];
  }

  T result(const std::vector<T>& window, Index co, const Side& y, const Side& x, Index i,
           Index j) const {
    T sum = 0;
    float narrow = 0;
    const Index first = first_channel(co);
    for (Index c = first; c < first + w_.shape()[1]; ++c) {
      for (Index ky = 0; ky < y.taps; ++ky)
        for (Index kx = 0; kx < x.taps; ++kx) {
          const T part = weight(co, c, ky, kx) *
                         window[static_cast<std::size_t>(position(y, x, c, ky, kx, i, j))];
          sum += part;
          narrow += static_cast<float>(part);
        }
      if (bug_ == Bug::kBiasPerBlock && c > first) sum += bias_.data<T>()[co];
    }
    if (bug_ == Bug::kNarrowSums) sum = static_cast<T>(narrow);
    return sum + bias_.data<T>()[co];
  }

  static Index position(const Side& y, const Side& x, Index c, Index ky, Index kx, Index i,
                        Index j) {
    const Index row = (i - y.out.begin) * y.stride + ky * y.dilation;
    const Index column = (j - x.out.begin) * x.stride + kx * x.dilation;
    // Bugs that count a row too many stay inside the window.
    return (c * y.size + std::min(row, y.size - 1)) * x.size + column;
  }

  // Calls f with every product of a tile and the position of its source in the window.
  template <class F>
  void each_product(const Side& y, const Side& x, F f) const {
    for (Index co = 0; co < shape_[1]; ++co)
      for (Index c = first_channel(co), end = c + w_.shape()[1]; c < end; ++c)
        for (Index ky = 0; ky < y.taps; ++ky)
          for (Index kx = 0; kx < x.taps; ++kx)
            for (Index i = y.out.begin; i < y.out.end; ++i)
              for (Index j = x.out.begin; j < x.out.end; ++j)
                f(co, c, ky, kx, i, j, position(y, x, c, ky, kx, i, j));
  }

  void put_back(const std::vector<T>& buffer, Index n, const Side& y, const Side& x,
                Tensor& grad) const {
    const T* value = buffer.data();
    for (Index c = 0; c < src_.shape()[1]; ++c)
      for (Index i = 0; i < y.size; ++i)
        for (Index j = 0; j < x.size; ++j, ++value) {
          const Index py = y.begin + i, px = x.begin + j;
          const Index ry = pad_index(o_.padding_mode, py, y.extent);
          const Index rx = pad_index(o_.padding_mode, px, x.extent);
          if (ry < 0 || rx < 0) continue;
          if (bug_ == Bug::kNotFolded && (ry != py || rx != px)) continue;
          T& sum = *grad.view().at<T>(n, c, ry, rx);
          sum = bug_ == Bug::kOverwritten ? *value : sum + *value;
        }
  }

  const Conv2dOptions& o_;
  Bug bug_;
  Index rows_, columns_;
  const Tensor &src_, &w_, &bias_;
  Shape shape_;
};

// Bugs that only f32 has.
void spoil_f32(Bug bug, std::size_t which, Tensor& gradient) {
  float* v = gradient.data<float>();
  for (Index k = 0; k < gradient.spec().volume(); ++k) {
    if (bug == Bug::kF32Source && which == 0) v[k] *= 1.5f;
    if (bug == Bug::kF32Halves && which == 1) {
      int exponent = 0;  // eleven bits, as a half has
      const float part = std::frexp(v[k], &exponent);
      v[k] = std::ldexp(std::round(std::ldexp(part, 11)), exponent - 11);
    }
  }
}

}  // namespace

Tensor TiledConv::forward(const Tensors& inputs) const {
  return dispatch(inputs.at(0).dtype(), [&](auto type) {
    Tiles<decltype(type)> tiles(options_, bug_, rows_, columns_, inputs);
    Tensor dst(inputs[0].dtype(), tiles.shape());
    tiles.forward(dst);
    return dst;
  });
}

Tensors TiledConv::backward(const Tensors& inputs, const Tensor& gradient,
                            const std::vector<bool>& wanted) const {
  return dispatch(inputs.at(0).dtype(), [&](auto type) {
    using T = decltype(type);
    using Pass = void (Tiles<T>::*)(const Tensor&, Tensor&);
    constexpr Pass kPasses[] = {&Tiles<T>::backward_src, &Tiles<T>::backward_weights,
                                &Tiles<T>::backward_bias};
    Tiles<T> tiles(options_, bug_, rows_, columns_, inputs);
    Tensors found(3);
    for (std::size_t i = 0; i < 3; ++i) {
      const bool anyway = bug_ == Bug::kFrozenUpdated || bug_ == Bug::kFrozenDropped;
      if (!wanted.at(i) && !(anyway && i == 1)) continue;
      if (bug_ == Bug::kFrozenStopsAll && !wanted[0]) continue;
      found[i] = Tensor(inputs[i].spec());
      Tensor& kept = kept_[inputs[i].dtype()];
      const bool keeps = bug_ == Bug::kNotReset && i == 1;
      if (keeps && kept.spec() == found[i].spec() && !kept.empty()) found[i] = kept;
      (tiles.*kPasses[i])(gradient, found[i]);
      if (keeps) kept = found[i];
      if (sizeof(T) == 4) spoil_f32(bug_, i, found[i]);
      work_[i] += 1;
      if (!wanted[i] && bug_ == Bug::kFrozenDropped) found[i] = Tensor();
    }
    return found;
  });
}

void TiledConv::add_backward(const Tensors& inputs, const Tensor& gradient, Tensors& sums) const {
  if (bug_ != Bug::kSumsOverwritten) return Subject::add_backward(inputs, gradient, sums);
  sums = backward(inputs, gradient, {!sums[0].empty(), !sums[1].empty(), !sums[2].empty()});
}

Tensor TiledConv::forward_views(const Views& inputs) const {
  if (bug_ != Bug::kStridesIgnored) return Subject::forward_views(inputs);
  Tensors dense;
  for (const ConstTensorView& v : inputs) {
    dense.emplace_back(v.dtype, v.shape);
    std::memcpy(dense.back().data<char>(), v.data,
                static_cast<std::size_t>(dense.back().spec().bytes()));
  }
  return forward(dense);
}

std::vector<Variant> TiledConv::variants(const Tensors& inputs, std::uint64_t) const {
  // Tiles add gradients in another order than the library does.
  const double bound = inputs.at(0).dtype() == DType::kF64 ? 1e-13 : 1e-5;
  return {{"the library", conv2d_subject(options_, true), bound},
          {"other tiles", std::make_shared<TiledConv>(options_, bug_, 2, 5), bound}};
}

std::string TiledConv::save(const Tensors& tensors) const {
  if (bug_ != Bug::kLastTensorLost) return Subject::save(tensors);
  return Subject::save({tensors.begin(), tensors.end() - 1});
}

Tensors TiledConv::load(const std::string& bytes) const {
  if (bug_ != Bug::kDamageAccepted || bytes.size() < 24) return Subject::load(bytes);
  const std::string body = bytes.substr(0, bytes.size() - 8);
  const std::uint64_t sum = text_hash(body);
  return Subject::load(body + std::string(reinterpret_cast<const char*>(&sum), 8));
}

const std::vector<Mutant>& mutants() {
  static const std::vector<Mutant> list{
      {Bug::kHalfOverlap, "overlap of tiles half as wide as needed"},
      {Bug::kSeamsPadded, "inner seams padded as if they were edges"},
      {Bug::kPaddingTwice, "padding applied twice"},
      {Bug::kPaddingSwapped, "padding of the top used at the left"},
      {Bug::kLastBlockDropped, "last uneven block dropped"},
      {Bug::kStrideMisaligned, "tiles begin at multiples of the stride, whatever the padding"},
      {Bug::kTapsSwapped, "x and y swapped for kernels that are not square"},
      {Bug::kNextRow, "edge tile reads on into the next row"},
      {Bug::kReflectOffByOne, "reflected padding off by one at the top"},
      {Bug::kGroupsMixed, "groups read each other's channels"},
      {Bug::kBiasPerBlock, "bias added once for every block of channels"},
      {Bug::kNarrowSums, "f64 summed in f32"},
      {Bug::kItemZero, "every item of a batch reads the first"},
      {Bug::kBufferNotZeroed, "gradient buffer of a tile not zeroed"},
      {Bug::kOverwritten, "overlapping gradients overwritten instead of added"},
      {Bug::kHaloTwice, "rows of the halo counted twice in the gradient of weights"},
      {Bug::kNoFlip, "gradient of the source without turning the kernel"},
      {Bug::kNotFolded, "gradient of circular padding not folded back"},
      {Bug::kDilationIgnored, "gradient of weights ignores dilation"},
      {Bug::kStrideIgnored, "gradient of weights ignores the stride"},
      {Bug::kMeanOverBatch, "gradient of weights divided by the batch"},
      {Bug::kBiasOfItemZero, "gradient of the bias from the first item only"},
      {Bug::kNotReset, "gradient of weights not reset between passes"},
      {Bug::kSumsOverwritten, "sums of gradients overwritten"},
      {Bug::kFrozenUpdated, "frozen weights still get a gradient"},
      {Bug::kFrozenStopsAll, "a frozen source stops all other gradients"},
      {Bug::kFrozenDropped, "gradient of frozen weights computed, then dropped"},
      {Bug::kF32Source, "in f32 alone, gradient of the source half as large again"},
      {Bug::kF32Halves, "in f32 alone, gradient of weights passed on in 16 bits"},
      {Bug::kLastTensorLost, "values saved without the last tensor"},
      {Bug::kDamageAccepted, "checksum of values not compared"},
      {Bug::kStridesIgnored, "strided views read as if they were dense"},
  };
  return list;
}

}  // namespace tilewright::testkit
