// The header of a .npy file: magic, version, and a Python dictionary in ASCII. It comes from
// outside, so every part is checked; the pixels are left to npy_store.cpp.
#pragma once

#include <string>

#include "tilewright/store/file.h"
#include "tilewright/tensor/tensor.h"

namespace tilewright {

struct NpyHeader {
  TensorSpec spec;
  int rank = 4;
  bool fortran_order = false;
  Index data_offset = 0;  // bytes
};

/// Throws StoreError for anything that is not a whole array this library can hold, Unsupported for
/// types and ranks that it cannot.
NpyHeader read_npy_header(const File& file);

/// Version 1.0, padded so that the data begins at a multiple of 64.
std::string npy_header_bytes(const TensorSpec& spec, int rank);

}  // namespace tilewright
