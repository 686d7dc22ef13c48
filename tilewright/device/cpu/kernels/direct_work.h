// What steps cost the direct kernels, for the planner.
#pragma once

#include "tilewright/layer/kernel_traits.h"

namespace tilewright::cpu {

KernelWork conv2d_direct_work(const Layer& layer, const Block& step);
KernelWork conv2d_transpose_direct_work(const Layer& layer, const Block& step);
KernelWork conv2d_weights_direct_work(const Layer& layer, const Block& step);

}  // namespace tilewright::cpu
