// Tensors: a spec says what, a view borrows memory, a tensor owns it.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "tilewright/geometry/interval.h"
#include "tilewright/tensor/dtype.h"

namespace tilewright {

struct TensorSpec {
  DType dtype = DType::kF32;
  Shape shape{1, 1, 1, 1};

  /// Number of elements and bytes; throw InvalidArgument if they do not fit in 63 bits.
  Index volume() const { return tilewright::volume(shape); }
  Index bytes() const { return checked_mul(volume(), size_of(dtype)); }
  bool operator==(const TensorSpec&) const = default;
};

/// Strides in elements of a dense row-major tensor of `shape`.
Shape dense_strides(const Shape& shape);

/// Borrowed memory of any strides (in elements). `Byte` is std::byte or const std::byte.
template <class Byte>
struct BasicView {
  Byte* data = nullptr;
  DType dtype = DType::kF32;
  Shape shape{0, 0, 0, 0};
  Shape strides{0, 0, 0, 0};

  BasicView() = default;
  BasicView(Byte* data, DType dtype, const Shape& shape, const Shape& strides)
      : data(data), dtype(dtype), shape(shape), strides(strides) {}
  template <class Other>
  requires std::is_convertible_v<Other*, Byte*> BasicView(const BasicView<Other>& o)
      : data(o.data), dtype(o.dtype), shape(o.shape), strides(o.strides) {}

  /// Offset in elements of position (n, c, y, x).
  Index offset(Index n, Index c, Index y, Index x) const {
    return n * strides[0] + c * strides[1] + y * strides[2] + x * strides[3];
  }
  /// Address of element (n, c, y, x) as T, which must be the view's dtype.
  template <class T>
  auto at(Index n, Index c, Index y, Index x) const {
    using Pointer = std::conditional_t<std::is_const_v<Byte>, const T*, T*>;
    return reinterpret_cast<Pointer>(data) + offset(n, c, y, x);
  }
  /// The part of this view in `r`, which must lie inside.
  BasicView slice(const Region& r) const {
    BasicView v = *this;
    v.data += offset(r[0].begin, r[1].begin, r[2].begin, r[3].begin) * size_of(dtype);
    v.shape = r.shape();
    return v;
  }
};

using TensorView = BasicView<std::byte>;
using ConstTensorView = BasicView<const std::byte>;

/// Dense row-major tensor, 64-byte aligned. Copies are deep.
class Tensor {
 public:
  Tensor() = default;
  /// Zero-filled. Throws InvalidArgument for negative or overflowing sizes.
  explicit Tensor(const TensorSpec& spec);
  Tensor(DType dtype, const Shape& shape) : Tensor(TensorSpec{dtype, shape}) {}
  /// An f32 tensor holding `values` in row-major order; their number must match.
  static Tensor from(const Shape& shape, const std::vector<float>& values);

  Tensor(const Tensor& other);
  Tensor& operator=(const Tensor& other);
  Tensor(Tensor&&) noexcept = default;
  Tensor& operator=(Tensor&&) noexcept = default;

  const TensorSpec& spec() const { return spec_; }
  const Shape& shape() const { return spec_.shape; }
  DType dtype() const { return spec_.dtype; }
  bool empty() const { return data_ == nullptr; }
  TensorView view();
  ConstTensorView view() const;
  template <class T>
  T* data() {
    return reinterpret_cast<T*>(data_.get());
  }
  template <class T>
  const T* data() const {
    return reinterpret_cast<const T*>(data_.get());
  }

 private:
  struct Free {
    void operator()(std::byte* p) const;
  };
  TensorSpec spec_;
  std::unique_ptr<std::byte, Free> data_;
};

}  // namespace tilewright
