// Bitwise or bounded comparison of regions, collected into a report.
#pragma once

#include "tilewright/api/verify.h"

namespace tilewright {

/// Elements differ if they are not the same bits (any NaN equals any NaN) and, when `tolerance`
/// holds one value per element, differ by more than that. `where` is their place in dst.
void compare(const ConstTensorView& found, const ConstTensorView& expected, const Region& where,
             const ConstTensorView* tolerance, VerifyReport& report);

/// What rounding may change in outputs of `plan`, one f64 per element: twice the bound times
/// `magnitudes` (sum |w||x|), and the rounding to an integer dst.
Tensor tolerances(const Plan& plan, const Tensor& magnitudes);

/// A read-only source that shows the magnitudes of another store, for error bounds.
class MagnitudeStore final : public Store {
 public:
  explicit MagnitudeStore(Store& inner) : inner_(inner) {}
  const TensorSpec& spec() const override { return inner_.spec(); }
  int rank() const override { return inner_.rank(); }
  std::string describe() const override { return "|" + inner_.describe() + "|"; }
  void read(const Region& region, const TensorView& dst) override;
  void write(const Region& region, const ConstTensorView& src) override;

 private:
  Store& inner_;
};

/// A destination that compares what is written to it with an existing store.
class ComparingStore final : public Store {
 public:
  ComparingStore(Store& existing, VerifyReport& report) : existing_(existing), report_(report) {}
  const TensorSpec& spec() const override { return existing_.spec(); }
  int rank() const override { return existing_.rank(); }
  std::string describe() const override { return existing_.describe(); }
  void read(const Region& region, const TensorView& dst) override;
  void write(const Region& region, const ConstTensorView& src) override;

 private:
  Store& existing_;
  VerifyReport& report_;
};

}  // namespace tilewright
