// Gradients as problems of their own: what a problem's gradient is, and which tensors it takes.
#pragma once

#include "tilewright/network/problem.h"

namespace tilewright {

/// A gradient of a forward problem. Its src and weights are tensors of the forward pass.
struct GradientProblem {
  enum class From {
    kSrc,       // the forward source
    kWeights,   // the forward weights
    kGradient,  // the gradient of the forward result
    kOnes,      // a constant
  };
  Problem problem;
  From src = From::kGradient;
  From weights = From::kWeights;
};

/// The gradient of `forward` with respect to its source, weights or bias; the gradient of its
/// result has the forward result's shape and is read in any dtype, `gradient`. The result is in
/// `forward`'s compute type. Throws InvalidArgument for a bias that the layer lacks, Unsupported
/// for layers without gradients.
GradientProblem gradient_problem(const Problem& forward, Operand wrt, DType gradient);

}  // namespace tilewright
