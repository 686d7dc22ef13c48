// A store in memory: borrows the caller's view, or owns a tensor. Nothing is copied to open one.
#pragma once

#include "tilewright/store/store.h"

namespace tilewright {

class MemoryStore final : public Store {
 public:
  /// Borrows `view`, which must outlive the store; `rank` axes are shown (2, 3 or 4).
  explicit MemoryStore(const TensorView& view, int rank = 4);
  /// Borrows read-only.
  explicit MemoryStore(const ConstTensorView& view, int rank = 4);
  /// Owns `tensor`.
  explicit MemoryStore(Tensor tensor, int rank = 4);

  const TensorSpec& spec() const override { return spec_; }
  int rank() const override { return rank_; }
  std::string describe() const override;
  void read(const Region& region, const TensorView& dst) override;
  void write(const Region& region, const ConstTensorView& src) override;

  ConstTensorView readable() const override;
  TensorView memory() override;

  /// All of it.
  ConstTensorView view() const { return view_; }

 private:
  Tensor tensor_;
  ConstTensorView view_;
  TensorView writable_;  // without data if read-only
  TensorSpec spec_;
  int rank_;
};

}  // namespace tilewright
