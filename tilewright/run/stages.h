// The stages of a run and the buffers that pass between them. Each stage is used by one
// thread; which thread, and when, is the business of run().
#pragma once

#include <vector>

#include "tilewright/device/device.h"
#include "tilewright/graph/tile_graph.h"
#include "tilewright/run/meter.h"
#include "tilewright/run/pool.h"
#include "tilewright/tensor/fingerprint.h"

namespace tilewright {

/// A source tile with the weights of its step, as far as they are not kept.
struct SrcSlot {
  std::byte* tile = nullptr;
  std::byte* weights = nullptr;
  Region window;         // what the tile shows now; empty at first
  Region weights_shown;  // what `weights` holds
};

struct DstSlot {
  std::byte* tile = nullptr;
};

/// All buffers of a run, and what the stages share.
struct Bench {
  Bench(const Plan& plan, const Stores& stores, const RunOptions& options);

  TileGraph graph;
  Stores stores;
  const RunOptions& options;
  Pool pool;
  std::vector<SrcSlot> src_slots;
  std::vector<DstSlot> dst_slots;
  std::byte* workspace = nullptr;
  std::byte* bias = nullptr;
  std::byte* cell = nullptr;             // one tile, if the layer folds
  DType sums;                            // dtype of dst tiles
  std::vector<std::byte*> kept_weights;  // one block each; empty if streamed
  std::vector<bool> packed_weights;      // which of them Kernel::pack has rearranged
  Factors factors;                       // of the weights, for kernels that want them
  Shape tile_strides{};                  // of every source tile
  Index scratch_bytes = 0;               // that the stores hold for themselves

  const Plan& plan() const { return graph.plan(); }
  /// Of a source tile.
  TensorView src_view(const SrcSlot& slot, const Region& window) const;
  /// What a kernel reads: the tile, or the source itself, where padding is not there to be read.
  ConstTensorView src_shown(const SrcSlot& slot, const Region& window) const;
  TensorView dst_view(const DstSlot& slot, const Region& region) const;
  TensorView cell_view(const Shape& shape) const;
  TensorView weights_view(std::byte* data, const Region& region) const;
  TensorView bias_view(const Interval& channels) const;
  Index bytes_used() const;
  /// Throws Interrupted if the caller has cancelled.
  void check_cancel() const;
  void poison(const TensorView& view) const;
};

/// Reads what a step needs into its slot; rows that the previous tile shows are copied from it.
class Reader {
 public:
  explicit Reader(Bench& bench) : bench_(bench) {}
  void fetch(const Step& step, SrcSlot& slot);
  /// Reads kept weights and bias; once, before the first step.
  void fetch_kept();
  double bytes = 0;
  double seconds = 0;

 private:
  Interval reuse_rows(const Step& step, SrcSlot& slot);
  void pack_kept();
  void fetch_rows(const Step& step, const Interval& fresh, const SrcSlot& slot);
  void fetch_weights(const Step& step, SrcSlot& slot);
  void read_rows(const Step& step, const Interval& fresh, const TensorView& tile);

  Bench& bench_;
  const SrcSlot* previous_ = nullptr;
};

/// Runs the kernel on a step, in slices short enough to notice a cancellation.
class Computer {
 public:
  /// `meter` (may be null) hears of every slice.
  Computer(Bench& bench, Meter* meter);
  void run(const Piece& piece, const Step& step, const SrcSlot& src, const DstSlot& dst);
  double seconds = 0;
  Index steps = 0;

 private:
  void show_image(const Step& step, const Region& in, StepArgs& args) const;
  void run_slices(const Step& step, const Region& region, StepArgs& args);
  void run_summed(const Step& step, StepArgs& args);
  void done(double flop);

  Bench& bench_;
  Meter* meter_;
  const Kernel& kernel_;
  const std::byte* last_weights_ = nullptr;  // of the step before
};

/// Converts and fingerprints a tile, then writes it; another thread may do the one than the other.
class Writer {
 public:
  Writer(Bench& bench, Meter& meter);
  void finish(const Piece& piece, const DstSlot& slot);
  void write(const Piece& piece, const DstSlot& slot);
  const Fingerprint& fingerprint() const { return fingerprint_; }
  double finish_seconds = 0;
  double seconds = 0;
  Index peak_bytes = 0;

 private:
  Region place(const Piece& piece) const;
  TensorView values(const Piece& piece, const DstSlot& slot) const;
  template <class F>
  void for_parts(const Region& region, const TensorView& values, Index unit, F&& f) const;
  void convert(const Region& region, const DstSlot& slot, DType dtype) const;

  Bench& bench_;
  Meter& meter_;
  bool turned_;  // taps are stored in the other order than they are summed
  Fingerprint fingerprint_;
};

}  // namespace tilewright
