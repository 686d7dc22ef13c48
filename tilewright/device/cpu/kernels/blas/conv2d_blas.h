// Kernels by matrix products of OpenBLAS, an optional library: the windows that outputs see become
// columns of a matrix, strip by strip, so that the matrix fits the workspace.
#pragma once

#include <string>

#include "tilewright/device/device.h"

namespace tilewright::cpu {

/// conv2d/blas, conv2d_transpose/blas and conv2d_weights/blas; empty in a build without OpenBLAS.
std::vector<Kernel> blas_kernels();

/// "OpenBLAS 0.3.21", or how to get it.
std::string blas_version();

}  // namespace tilewright::cpu
