// Named and written kernels: "gauss:sigma=3", "box:9", "sobel-x", "[[0,1,0],[1,-4,1],[0,1,0]]".
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tilewright/store/store.h"

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

/// The column and the row whose products, rounded to f64, are exactly the f64 taps [1,1,ky,kx], as
/// those of gauss, box and sobel are; nothing if none were found.
std::optional<Factors> factors_of(const Tensor& taps);

/// One filter for every band: `taps`, f64 [1,1,ky,kx], seen as weights [bands,1,ky,kx], which know
/// their factors if factors_of() finds any.
std::unique_ptr<Store> repeated_filter(Tensor taps, Index bands);

}  // namespace tilewright
