// The adjoint of conv2d with respect to its source: the gradient of the source, and the layer known
// as transposed convolution.
#pragma once

#include "tilewright/layer/conv2d/conv2d.h"

namespace tilewright {

/// dst [n,co,Y,X] = the gradient of a convolution's source, given src [n,ci,y,x], the gradient of
/// its results, and its weights [ci,co/g,ky,kx]. Channels are named as seen from here: `co` are
/// written, `ci` are summed; axes y and x run over dst. Results that a tap would need beyond the
/// edges of src count as zero. Where the convolution pads otherwise than with zeros, results of
/// padded positions are added to what they show, in ascending order.
class Conv2dTranspose final : public Layer {
 public:
  /// The gradient of the source of `conv`, whose source has `rows` x `columns`. Throws
  /// InvalidArgument if there are none, or if padding shows the image more often than can be told.
  Conv2dTranspose(std::shared_ptr<const Conv2d> conv, Index rows, Index columns);
  static std::shared_ptr<const Layer> from_words(WordMap& words);

  const char* name() const override { return "conv2d_transpose"; }
  std::string words() const override;
  Extents extents(const Shape& src) const override;
  Role role(Axis axis) const override { return conv_->role(axis); }
  Shape shape(Operand operand, const Shape& src) const override;
  Region region(Operand operand, const Block& block) const override;
  const Window& window(Dim dim) const override { return conv_->window(dim); }
  Interval demand(Dim dim, const Interval& out, const Interval& taps) const override;
  PaddingMode padding_mode() const override { return PaddingMode::kZero; }
  bool folded() const override;
  Index most_runs(Dim dim, Index part) const override;
  std::vector<PadSegment> folds(Dim dim, Index extent) const override;
  Shape largest_window(const Block& block) const override;
  bool reversed_taps() const override { return conv_->reversed_taps(); }
  double longest_sum(const Extents& extents, DType compute) const override;
  double flop(const Block& block) const override;

  /// The convolution whose adjoint this is.
  const std::shared_ptr<const Conv2d>& convolution() const { return conv_; }

 private:
  std::shared_ptr<const Conv2d> conv_;
  Index rows_, columns_;
};

}  // namespace tilewright
