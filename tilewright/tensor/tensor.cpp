// Owning tensors.
#include "tilewright/tensor/tensor.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

namespace tilewright {
namespace {

constexpr Index kHugeBytes = Index{4} << 20;

// Kernels walk several planes at once, more than the processor has small pages at hand for.
void prefer_huge_pages(void* p, Index bytes) {
  constexpr std::uintptr_t kPage = 4096;
  const auto begin = reinterpret_cast<std::uintptr_t>(p);
  const auto first = (begin + kPage - 1) / kPage * kPage;
  const auto size = (begin + static_cast<std::uintptr_t>(bytes) - first) / kPage * kPage;
  ::madvise(reinterpret_cast<void*>(first), size, MADV_HUGEPAGE);  // as good without
}

std::byte* allocate_zeroed(Index bytes) {
  const Index rounded = std::max<Index>(64, round_up(bytes, 64));
  void* p = std::aligned_alloc(64, static_cast<std::size_t>(rounded));
  if (p == nullptr)
    throw InvalidArgument(fmt::format("cannot allocate {} bytes for a tensor", rounded));
  if (rounded >= kHugeBytes) prefer_huge_pages(p, rounded);
  std::memset(p, 0, static_cast<std::size_t>(rounded));
  return static_cast<std::byte*>(p);
}

}  // namespace

Shape dense_strides(const Shape& s) {
  return {checked_mul(s[1], s[2], s[3]), checked_mul(s[2], s[3]), s[3], 1};
}

void Tensor::Free::operator()(std::byte* p) const { std::free(p); }

Tensor::Tensor(const TensorSpec& spec) : spec_(spec) {
  for (const Index size : spec.shape)
    if (size < 0) throw InvalidArgument("a tensor cannot have the shape " + to_string(spec.shape));
  data_.reset(allocate_zeroed(spec.bytes()));
}

Tensor Tensor::from(const Shape& shape, const std::vector<float>& values) {
  Tensor t(DType::kF32, shape);
  if (t.spec().volume() != static_cast<Index>(values.size()))
    throw InvalidArgument(
        fmt::format("{} values do not fill the shape {}", values.size(), to_string(shape)));
  std::copy(values.begin(), values.end(), t.data<float>());
  return t;
}

Tensor::Tensor(const Tensor& other) : spec_(other.spec_) {
  if (other.empty()) return;
  const Index bytes = spec_.bytes();
  data_.reset(allocate_zeroed(bytes));
  std::memcpy(data_.get(), other.data_.get(), static_cast<std::size_t>(bytes));
}

Tensor& Tensor::operator=(const Tensor& other) { return *this = Tensor(other); }

TensorView Tensor::view() {
  return {data_.get(), spec_.dtype, spec_.shape, dense_strides(spec_.shape)};
}

ConstTensorView Tensor::view() const {
  return {data_.get(), spec_.dtype, spec_.shape, dense_strides(spec_.shape)};
}

}  // namespace tilewright
