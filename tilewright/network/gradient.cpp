// The bias of a channel is a weight whose source is one everywhere.
#include "tilewright/network/gradient.h"

#include "tilewright/layer/conv2d/conv2d_transpose.h"
#include "tilewright/layer/conv2d/conv2d_weights.h"

namespace tilewright {
namespace {

using From = GradientProblem::From;

GradientProblem made(const Problem& forward, std::shared_ptr<const Layer> layer, const Shape& src,
                     DType src_dtype, From from_src, From from_weights) {
  GradientProblem g;
  g.problem = forward;
  g.problem.layer = std::move(layer);
  g.problem.src_shape = src;
  g.problem.src_dtype = src_dtype;
  g.problem.dst_dtype = forward.compute;
  g.src = from_src;
  g.weights = from_weights;
  return g;
}

GradientProblem of_bias(const Problem& forward) {
  if (!forward.has_bias()) throw InvalidArgument("this layer has no bias, so it has no gradient");
  Shape ones = forward.spec(Operand::kDst).shape;
  const Index channels = ones[kC];
  ones[kC] = 1;
  const auto conv = Conv2d::make(ones, {channels, 1, 1, 1}, false, {});
  return made(forward, std::make_shared<Conv2dWeights>(conv), ones, DType::kF32, From::kOnes,
              From::kGradient);
}

}  // namespace

Problem conv2d_transpose_problem(const TensorSpec& src, const Shape& weights, Index rows,
                                 Index columns, const Conv2dOptions& options) {
  const Shape made{src.shape[kN], checked_mul(weights[1], options.groups), rows, columns};
  TensorSpec forward{src.dtype, made};
  const Problem p =
      gradient_problem(conv2d_problem(forward, weights, options), Operand::kSrc, src.dtype).problem;
  p.layer->extents(src.shape);  // throws if src is not what the convolution gives
  return p;
}

GradientProblem gradient_problem(const Problem& forward, Operand wrt, DType gradient) {
  if (wrt == Operand::kBias) return of_bias(forward);
  if (wrt == Operand::kDst)
    throw InvalidArgument("a result has no gradient with respect to itself");
  const Shape& src = forward.src_shape;
  const Shape dst = forward.spec(Operand::kDst).shape;
  if (const auto conv = std::dynamic_pointer_cast<const Conv2d>(forward.layer)) {
    if (wrt == Operand::kSrc)
      return made(forward, std::make_shared<Conv2dTranspose>(conv, src[kY], src[kX]), dst, gradient,
                  From::kGradient, From::kWeights);
    return made(forward, std::make_shared<Conv2dWeights>(conv), src, forward.src_dtype, From::kSrc,
                From::kGradient);
  }
  if (const auto turned = std::dynamic_pointer_cast<const Conv2dTranspose>(forward.layer)) {
    if (wrt == Operand::kSrc)
      return made(forward, turned->convolution(), dst, gradient, From::kGradient, From::kWeights);
    return made(forward, std::make_shared<Conv2dWeights>(turned->convolution()), dst, gradient,
                From::kGradient, From::kSrc);
  }
  throw Unsupported(std::string("the layer ") + forward.layer->name() + " has no gradients yet");
}

}  // namespace tilewright
