// A small tiled convolution written for the tests of the kit: right as it stands, and wrong in one
// of many ways that real systems have been wrong in. Each is a line or two behind a Bug.
#pragma once

#include <map>

#include "tilewright/testkit/testkit.h"

namespace tilewright::testkit {

enum class Bug {
  kNone,
  kHalfOverlap,
  kSeamsPadded,
  kPaddingTwice,
  kPaddingSwapped,
  kLastBlockDropped,
  kStrideMisaligned,
  kTapsSwapped,
  kNextRow,
  kReflectOffByOne,
  kGroupsMixed,
  kBiasPerBlock,
  kNarrowSums,
  kItemZero,
  kBufferNotZeroed,
  kOverwritten,
  kHaloTwice,
  kNoFlip,
  kNotFolded,
  kDilationIgnored,
  kStrideIgnored,
  kMeanOverBatch,
  kBiasOfItemZero,
  kNotReset,
  kSumsOverwritten,
  kFrozenUpdated,
  kFrozenStopsAll,
  kFrozenDropped,
  kF32Source,
  kF32Halves,
  kLastTensorLost,
  kDamageAccepted,
  kStridesIgnored,
};

struct Mutant {
  Bug bug;
  const char* name;
};

/// All of them, without kNone.
const std::vector<Mutant>& mutants();

class TiledConv final : public Subject {
 public:
  /// Tiles of `rows` x `columns` results. Padding must be Padding::sides.
  TiledConv(const Conv2dOptions& options, Bug bug, Index rows = 3, Index columns = 4)
      : options_(options), bug_(bug), rows_(rows), columns_(columns) {}

  std::string name() const override { return "tiled convolution"; }
  std::vector<std::string> inputs() const override { return {"src", "weights", "bias"}; }
  Tensor forward(const Tensors& inputs) const override;
  Tensors backward(const Tensors& inputs, const Tensor& gradient,
                   const std::vector<bool>& wanted) const override;
  void add_backward(const Tensors& inputs, const Tensor& gradient, Tensors& sums) const override;
  Tensor forward_views(const Views& inputs) const override;
  std::vector<double> gradient_work() const override { return work_; }
  std::vector<Variant> variants(const Tensors& inputs, std::uint64_t seed) const override;
  std::string save(const Tensors& inputs) const override;
  Tensors load(const std::string& bytes) const override;

 private:
  Conv2dOptions options_;
  Bug bug_;
  Index rows_, columns_;
  mutable std::vector<double> work_{0, 0, 0};
  mutable std::map<DType, Tensor> kept_;  // of kNotReset
};

}  // namespace tilewright::testkit
