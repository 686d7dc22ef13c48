// A fingerprint of a tensor's values that does not depend on the order in which its regions are
// visited: the sum over elements of a mix of value and position. All NaNs count as one value,
// since IEEE 754 leaves their payload open.
#pragma once

#include <string>

#include "tilewright/tensor/tensor.h"

namespace tilewright {

class Fingerprint {
 public:
  /// For a tensor of `shape`; positions are its row-major indices.
  explicit Fingerprint(const TensorSpec& spec) : spec_(spec) {}

  /// Adds the values of region `where`, given by `values` of the same shape and the spec's dtype.
  /// Rows must be dense. Every element has to be added exactly once.
  void add(const Region& where, const ConstTensorView& values);
  /// 16 hexadecimal digits over values, shape and dtype.
  std::string text() const;

 private:
  TensorSpec spec_;
  std::uint64_t sum_ = 0;
};

}  // namespace tilewright
