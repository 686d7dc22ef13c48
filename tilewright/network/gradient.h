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

/// The transposed convolution of `src` [n,ci,y,x] with `weights` [ci,co/g,ky,kx] to `rows` x
/// `columns`: the gradient of the source of the convolution that `options` describe, whose result
/// for a source of that size is src. Throws InvalidArgument if the sizes do not belong together.
Problem conv2d_transpose_problem(const TensorSpec& src, const Shape& weights, Index rows,
                                 Index columns, const Conv2dOptions& options = {});

/// The gradient of `forward` with respect to its source, weights or bias; the gradient of its
/// result has the forward result's shape and is read in any dtype, `gradient`. The result is in
/// `forward`'s compute type. Throws InvalidArgument for a bias that the layer lacks, Unsupported
/// for layers without gradients.
GradientProblem gradient_problem(const Problem& forward, Operand wrt, DType gradient);

}  // namespace tilewright
