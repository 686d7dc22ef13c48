// A Problem: a layer with sizes, element types and a pass. Pure data with a canonical line.
#pragma once

#include <memory>
#include <string>

#include "tilewright/layer/conv2d/conv2d.h"
#include "tilewright/tensor/tensor.h"

namespace tilewright {

struct Problem {
  std::shared_ptr<const Layer> layer;
  Shape src_shape{1, 1, 1, 1};
  DType src_dtype = DType::kF32;
  DType compute = DType::kF32;
  DType dst_dtype = DType::kF32;

  Extents extents() const { return layer->extents(src_shape); }
  TensorSpec spec(Operand operand) const;
  /// By name: "src", "weights", "bias", "dst". Throws InvalidArgument for other names.
  TensorSpec spec(const std::string& name) const;
  bool has_bias() const;
  /// Floating-point operations of the whole problem.
  double flop() const;
  /// "conv2d n1 ci64 y512 x512 co128 k3x3 s1x1 d1x1 p1,1,1,1 g1 f32", then what is not default:
  /// "m:reflect flip bias src:u8 dst:u8".
  std::string line() const;
};

/// Reads a problem line; words may come in any order, sizes and strides may be left at their
/// defaults. Throws InvalidArgument that names the word at fault.
Problem parse_problem(const std::string& line);

/// The problem of conv2d on `src` [n,ci,y,x] with `weights` [co,ci/g,ky,kx]. `dst` defaults to the
/// compute type, which is f64 if src or dst need it (see compute_dtype) and f32 otherwise.
Problem conv2d_problem(const TensorSpec& src, const Shape& weights,
                       const Conv2dOptions& options = {}, bool bias = false);
Problem conv2d_problem(const TensorSpec& src, const Shape& weights, const Conv2dOptions& options,
                       bool bias, DType dst);

}  // namespace tilewright
