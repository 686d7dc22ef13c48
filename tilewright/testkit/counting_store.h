// A CountingStore: a tensor that counts the bytes read of it, so that a layer on top of
// conv2d_gradients(GradientStores) can tell what its gradients have cost.
#pragma once

#include "tilewright/tilewright.h"

namespace tilewright::testkit {

class CountingStore final : public Store {
 public:
  /// Borrows `view`, read-only.
  explicit CountingStore(const ConstTensorView& view) : inner_(view) {}

  const TensorSpec& spec() const override { return inner_.spec(); }
  int rank() const override { return inner_.rank(); }
  std::string describe() const override { return inner_.describe() + ", counted"; }
  void read(const Region& region, const TensorView& dst) override {
    bytes_read += static_cast<double>(checked_mul(region.volume(), size_of(spec().dtype)));
    inner_.read(region, dst);
  }
  void write(const Region& region, const ConstTensorView& src) override {
    inner_.write(region, src);
  }

  double bytes_read = 0;

 private:
  MemoryStore inner_;
};

}  // namespace tilewright::testkit
