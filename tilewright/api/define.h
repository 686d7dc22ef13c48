// The definitions of whole problems, on whole tensors: what every plan is compared with.
#pragma once

#include <atomic>

#include "tilewright/network/problem.h"

namespace tilewright {

/// The result of `p` by its definition, in the accumulator type (to be rounded once); tensors as
/// the problem's operands, of any dtype. `bias` may be null. Throws Interrupted.
Tensor define(const Problem& p, const Tensor& src, const Tensor& weights, const Tensor* bias,
              const std::atomic<bool>* cancel = nullptr);

}  // namespace tilewright
