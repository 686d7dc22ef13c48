// Stands in for the kernels of OpenBLAS in a build without it.
#include "tilewright/device/cpu/kernels/blas/conv2d_blas.h"

namespace tilewright::cpu {

std::vector<Kernel> blas_kernels() { return {}; }

std::string blas_version() { return "no OpenBLAS (built without libopenblas-dev)"; }

}  // namespace tilewright::cpu
