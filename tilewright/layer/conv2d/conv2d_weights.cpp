// Weights and results of the convolution change places.
#include "tilewright/layer/conv2d/conv2d_weights.h"

namespace tilewright {

std::shared_ptr<const Layer> Conv2dWeights::from_words(WordMap& words) {
  const auto conv = std::static_pointer_cast<const Conv2d>(Conv2d::from_words(words));
  if (conv->bias()) throw InvalidArgument("problem line: conv2d_weights has no bias");
  return std::make_shared<Conv2dWeights>(conv);
}

Role Conv2dWeights::role(Axis axis) const {
  const bool summed = axis == Axis::kN || axis == Axis::kY || axis == Axis::kX;
  return summed ? Role::kReduce : Role::kIndependent;
}

Shape Conv2dWeights::shape(Operand operand, const Shape& src) const {
  if (operand == Operand::kWeights) return conv_->shape(Operand::kDst, src);
  if (operand == Operand::kDst) return conv_->shape(Operand::kWeights, src);
  return conv_->shape(operand, src);
}

Region Conv2dWeights::region(Operand operand, const Block& b) const {
  if (operand == Operand::kWeights) return conv_->region(Operand::kDst, b);
  if (operand == Operand::kDst) return conv_->region(Operand::kWeights, b);
  return conv_->region(operand, b);
}

Index Conv2dWeights::sum_block(Axis axis) const {
  if (axis == Axis::kY) return kRows;
  return axis == Axis::kX ? kColumns : 1;
}

double Conv2dWeights::longest_sum(const Extents& e, DType compute) const {
  if (compute == DType::kF64) return Layer::longest_sum(e, compute) + 1;
  // The sums in f64 add next to nothing; the last rounding adds one.
  return static_cast<double>(std::min(kRows, e[Axis::kY]) * std::min(kColumns, e[Axis::kX])) + 1;
}

}  // namespace tilewright
