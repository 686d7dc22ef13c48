// Regions of memory, by copying.
#include "tilewright/store/memory/memory_store.h"

#include <fmt/format.h>

#include "tilewright/store/transfer.h"
#include "tilewright/tensor/convert.h"

namespace tilewright {

MemoryStore::MemoryStore(const ConstTensorView& view, int rank)
    : view_(view), spec_{view.dtype, view.shape}, rank_(rank) {}

MemoryStore::MemoryStore(const TensorView& view, int rank)
    : view_(view), writable_(view), spec_{view.dtype, view.shape}, rank_(rank) {}

MemoryStore::MemoryStore(Tensor tensor, int rank) : tensor_(std::move(tensor)), rank_(rank) {
  writable_ = tensor_.view();
  view_ = writable_;
  spec_ = tensor_.spec();
}

std::string MemoryStore::describe() const {
  return fmt::format("memory, {}, {}", to_string(spec_.dtype), to_string(spec_.shape));
}

void MemoryStore::read(const Region& region, const TensorView& dst) {
  check_region("memory", spec_, region, dst.shape);
  if (!region.empty()) copy(view_.slice(region), dst);
}

void MemoryStore::write(const Region& region, const ConstTensorView& src) {
  if (writable_.data == nullptr)
    throw Unsupported("memory: this array is read-only; borrow a writable view");
  check_write("memory", spec_, region, src);
  if (!region.empty()) copy(src, writable_.slice(region));
}

ConstTensorView MemoryStore::readable() const {
  const auto size = static_cast<std::uintptr_t>(size_of(view_.dtype));
  const bool aligned = reinterpret_cast<std::uintptr_t>(view_.data) % size == 0;
  return aligned && view_.strides[kX] == 1 ? view_ : ConstTensorView{};
}

TensorView MemoryStore::memory() { return readable().data != nullptr ? writable_ : TensorView{}; }

}  // namespace tilewright
