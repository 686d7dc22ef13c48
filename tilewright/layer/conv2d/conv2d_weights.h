// The gradient of conv2d with respect to its weights.
#pragma once

#include "tilewright/layer/conv2d/conv2d.h"

namespace tilewright {

/// dst [co,ci/g,ky,kx] = the gradient of the weights, given src [n,ci,y,x] and, in place of
/// weights, the gradient of the results [n,co,Y,X]. Axes n, y and x run over the results and are
/// summed: in the compute type inside blocks of kRows x kColumns results, anchored at the image's
/// corner, rows then columns ascending; blocks are added in f64, images outermost, then rows, then
/// columns.
class Conv2dWeights final : public Layer {
 public:
  static constexpr Index kRows = 8;
  static constexpr Index kColumns = 128;

  explicit Conv2dWeights(const std::shared_ptr<const Conv2d>& conv) : conv_(conv->without_bias()) {}
  static std::shared_ptr<const Layer> from_words(WordMap& words);

  const char* name() const override { return "conv2d_weights"; }
  std::string words() const override { return conv_->words(); }
  Extents extents(const Shape& src) const override { return conv_->extents(src); }
  Role role(Axis axis) const override;
  Shape shape(Operand operand, const Shape& src) const override;
  Region region(Operand operand, const Block& block) const override;
  const Window& window(Dim dim) const override { return conv_->window(dim); }
  DType accumulator(DType) const override { return DType::kF64; }
  Index sum_block(Axis axis) const override;
  double longest_sum(const Extents& extents, DType compute) const override;
  bool reversed_taps() const override { return conv_->reversed_taps(); }
  double flop(const Block& block) const override { return conv_->flop(block); }

 private:
  std::shared_ptr<const Conv2d> conv_;
};

}  // namespace tilewright
