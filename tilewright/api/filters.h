// Named and written kernels: "gauss:sigma=3", "box:9", "sobel-x", "[[0,1,0],[1,-4,1],[0,1,0]]".
#pragma once

#include <string>
#include <vector>

#include "tilewright/tensor/tensor.h"

namespace tilewright {

struct FilterInfo {
  const char* name;
  const char* help;
};

/// The named filters.
const std::vector<FilterInfo>& filter_table();

/// The taps that `spec` describes, f64 [1,1,ky,kx]: a named filter with its parameters, or a
/// bracketed list of rows. Gaussians are cut at 4 sigma and sum to 1, boxes sum to 1. Throws
/// InvalidArgument that names what is not understood.
Tensor make_filter(const std::string& spec);

}  // namespace tilewright
