// Bitwise or bounded comparison of regions, collected into a report.
#pragma once

#include "tilewright/api/verify.h"

namespace tilewright {

/// Elements differ if they are not the same bits (any NaN equals any NaN) and, when `tolerance`
/// holds one value per element, differ by more than that. `where` is their place in dst.
void compare(const ConstTensorView& found, const ConstTensorView& expected, const Region& where,
             const ConstTensorView* tolerance, VerifyReport& report);

/// What rounding may change in outputs of `plan`, one f64 per element: twice the bound times
/// `magnitudes` (sum |w||x|, from magnitudes that reach as far as reach_of(plan)), and the rounding
/// to an integer dst.
Tensor tolerances(const Plan& plan, const Tensor& magnitudes);

/// How far from an output's own inputs others take part in its rounding: the kernel's tile.
struct Reach {
  Index y = 0, x = 0;
  bool around = false;  // beyond the edge the image goes on at the other side
};
Reach reach_of(const Plan& plan);
/// The problem whose magnitudes bound the rounding of `plan`: within a tile, zero padding takes
/// part in the rounding of what lies beside it.
Problem bounding_problem(const Plan& plan);

/// A read-only source that shows, for error bounds, the largest magnitude of another store within
/// `reach`.
class MagnitudeStore final : public Store {
 public:
  explicit MagnitudeStore(Store& inner, const Reach& reach = {}) : inner_(inner), reach_(reach) {}
  const TensorSpec& spec() const override { return inner_.spec(); }
  int rank() const override { return inner_.rank(); }
  std::string describe() const override { return "|" + inner_.describe() + "|"; }
  void read(const Region& region, const TensorView& dst) override;
  void write(const Region& region, const ConstTensorView& src) override;

 private:
  void read_largest(const Region& region, const TensorView& dst);

  Store& inner_;
  Reach reach_;
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
