// Conversion row by row. Rows go through a small stack buffer, so that in-place narrowing and
// vectorised loops do not disturb each other.
#include "tilewright/tensor/convert.h"

#include <cstring>

namespace tilewright {
namespace {

constexpr Index kChunk = 256;

template <class From, class To>
void convert_typed(const From* src, To* dst, Index count) {
  To buffer[kChunk];
  for (Index i = 0; i < count; i += kChunk) {
    const Index n = std::min(kChunk, count - i);
    for (Index j = 0; j < n; ++j) buffer[j] = convert_value<To>(src[i + j]);
    std::memcpy(dst + i, buffer, static_cast<std::size_t>(n) * sizeof(To));
  }
}

void copy_strided_row(const ConstTensorView& s, const TensorView& d, Index n, Index c, Index y) {
  dispatch(s.dtype, [&](auto from) {
    dispatch(d.dtype, [&](auto to) {
      using From = decltype(from);
      using To = decltype(to);
      const From* src = s.at<From>(n, c, y, 0);
      To* dst = d.at<To>(n, c, y, 0);
      for (Index x = 0; x < s.shape[3]; ++x)
        dst[x * d.strides[3]] = convert_value<To>(src[x * s.strides[3]]);
    });
  });
}

// The first axis from which on both lie without gaps; 4 if not even rows do.
std::size_t first_dense(const ConstTensorView& s, const TensorView& d) {
  std::size_t first = 4;
  for (Index run = 1; first > 0; run *= s.shape[--first]) {
    const bool dense = s.strides[first - 1] == run && d.strides[first - 1] == run;
    if (!dense && (first == 4 || s.shape[first - 1] != 1)) break;
  }
  return first;
}

}  // namespace

void convert_row(const void* src, DType src_type, void* dst, DType dst_type, Index count) {
  if (count <= 0) return;
  if (src_type == dst_type) {
    std::memmove(dst, src, static_cast<std::size_t>(count * size_of(src_type)));
    return;
  }
  dispatch(src_type, [&](auto from) {
    dispatch(dst_type, [&](auto to) {
      convert_typed(static_cast<const decltype(from)*>(src), static_cast<decltype(to)*>(dst),
                    count);
    });
  });
}

void copy(const ConstTensorView& s, const TensorView& d) {
  if (s.shape != d.shape)
    throw InternalError("copy of shape " + to_string(s.shape) + " to " + to_string(d.shape));
  const bool rows_dense = s.strides[3] == 1 && d.strides[3] == 1;
  const std::size_t first = first_dense(s, d);
  Index run = 1;
  Shape outer = s.shape;
  for (std::size_t a = first; a < 4; ++a) run *= s.shape[a], outer[a] = s.shape[a] == 0 ? 0 : 1;
  for (Index n = 0; n < outer[0]; ++n)
    for (Index c = 0; c < outer[1]; ++c)
      for (Index y = 0; y < outer[2]; ++y) {
        if (!rows_dense) {
          copy_strided_row(s, d, n, c, y);
          continue;
        }
        convert_row(s.data + s.offset(n, c, y, 0) * size_of(s.dtype), s.dtype,
                    d.data + d.offset(n, c, y, 0) * size_of(d.dtype), d.dtype, run);
      }
}

void fill_zero(const TensorView& d) {
  const Index bytes = size_of(d.dtype);
  for (Index n = 0; n < d.shape[0]; ++n)
    for (Index c = 0; c < d.shape[1]; ++c)
      for (Index y = 0; y < d.shape[2]; ++y) {
        std::byte* row = d.data + d.offset(n, c, y, 0) * bytes;
        if (d.strides[3] == 1) {
          std::memset(row, 0, static_cast<std::size_t>(d.shape[3] * bytes));
          continue;
        }
        for (Index x = 0; x < d.shape[3]; ++x)
          std::memset(row + x * d.strides[3] * bytes, 0, static_cast<std::size_t>(bytes));
      }
}

}  // namespace tilewright
