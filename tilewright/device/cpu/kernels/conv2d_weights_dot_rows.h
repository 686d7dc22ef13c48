// Rows that conv2d_weights/dot copies for a chunk, one by one while the chunk before is computed:
// memory is asked for a register tile before it is copied. Each list is gone through in order.
#pragma once

#include "tilewright/device/cpu/kernels/conv2d_weights_dot_deal.h"
#include "tilewright/device/device.h"

namespace tilewright::cpu {

/// A block of results inside which lanes go on.
struct DotBlock {
  Index n = 0, y = 0, x = 0, rows = 0, columns = 0;
  Index vectors() const { return (columns + kDotLanes - 1) / kDotLanes; }
};

/// What all rows of a step have in common.
struct DotStep {
  const StepArgs& a;
  const DotOps& ops;
  const DotDeal& d;
};

/// Goes through the rows of some channels.
struct DotCursor {
  Index channel = 0, row = 0;
  void next(Index rows) {
    if (++row == rows) row = 0, ++channel;
  }
};

/// Rows `lines` of the packed source of a band whose results begin at row y of a block, for all
/// channels and taps of a part; with zeros where the image has no more.
class SourceRows {
 public:
  SourceRows() = default;
  SourceRows(const DotStep& step, const DotPart& p, const DotBlock& b, Index y,
             const Interval& lines, float* to);
  Index count() const { return count_; }
  void ask(DotJob& job);
  void copy();

 private:
  void copy_phase(const float* from, Index phase, float* to) const;

  const DotStep* step_ = nullptr;
  Index count_ = 0, lines_ = 1, channel_step_ = 0, row_step_ = 0;
  Index reach_ = 0, phases_ = 1;
  Interval real_, columns_;  // rows that exist, counted from the first; columns, from the block's
  const float* from_ = nullptr;
  float* to_ = nullptr;
  DotCursor asked_, copied_;
};

/// `rows` rows of results from row y of a block on, of some channels; they end with zeros up to
/// whole vectors.
class ResultRows {
 public:
  ResultRows() = default;
  ResultRows(const DotStep& step, const DotPart& p, const DotBlock& b, const Interval& channels,
             Index y, Index rows, float* to);
  Index count() const { return count_; }
  void ask(DotJob& job);
  void copy();
  /// Elements between channels.
  static Index plane(const DotBlock& b, Index rows) {
    return b.vectors() * kDotLanes * rows + kDotLanes;
  }

 private:
  const DotStep* step_ = nullptr;
  Index count_ = 0, rows_ = 1, columns_ = 0, wide_ = 0;
  const float* from_ = nullptr;
  float* to_ = nullptr;
  DotCursor asked_, copied_;
};

}  // namespace tilewright::cpu
