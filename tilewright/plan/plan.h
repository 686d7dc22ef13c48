// A Plan: how a problem is cut and run within a budget. A value that can be printed, saved, loaded
// and checked; it holds no buffers and no handles.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "tilewright/geometry/cover.h"
#include "tilewright/machine/machine.h"
#include "tilewright/network/problem.h"

namespace tilewright {

/// What a plan promises about bits (docs/exactness.md); smaller is stronger.
enum class Exactness { kBits, kStable, kBound };
const char* to_string(Exactness e);
/// Throws InvalidArgument for names other than bits, stable, bound.
Exactness parse_exactness(std::string_view name);

using Cuts = PerAxis<Cover>;

/// Some of the axes, outermost first.
class AxisList {
 public:
  void add(Axis a) { axes_[size_++] = a; }
  const Axis* begin() const { return axes_.data(); }
  const Axis* end() const { return axes_.data() + size_; }

 private:
  std::array<Axis, kAxisCount> axes_{};
  std::size_t size_ = 0;
};
/// The axes that are summed: they tell apart the steps of a piece. The others tell pieces apart.
AxisList step_axes(const Layer& layer);

/// In which order pieces come, outermost axis first. Neighbours in this order share source rows.
enum class PieceOrder { kColumnsThenRows, kRowsThenColumns };

/// Bytes by purpose; the peak is their sum.
struct MemoryUse {
  Index src_tiles = 0;
  Index dst_tiles = 0;
  Index weights = 0;
  Index bias = 0;
  Index workspace = 0;
  Index stores = 0;  // caches and scratch of files
  Index total() const;
  bool operator==(const MemoryUse&) const = default;
};

struct Traffic {
  double src_bytes = 0;
  double weights_bytes = 0;
  double dst_bytes = 0;
  double total() const { return src_bytes + weights_bytes + dst_bytes; }
};

/// How the work divides, in the words of the select-process-reassemble network.
struct Counts {
  Index tiles = 1;           // boxes of n, y, x
  Index channel_blocks = 1;  // blocks of g x co x ci
  Index tap_blocks = 1;
  Index pieces = 1;
  Index steps_per_piece = 1;
  Index elemental_convolutions = 1;  // pieces x steps
};

/// What planning needs to know about the stores. Defaults are plain memory.
struct StoreHints {
  bool file = false;  // as fast as a file, not as memory
  /// For src and summed results: read where they lie, for dst: computed where it ends up, without
  /// a tile. The store must offer readable() or memory().
  bool in_place = false;
  /// For weights: Store::factors() has them.
  bool factored = false;
  Shape block{1, 1, 1, 1};
  bool cached = false;
  Index cached_block_bytes = 0;  // with each block of a channel, besides its elements
  bool sequential = false;
  Index scratch_bytes = 0;
  double decode_seconds_per_byte = 0;  // beyond reading a file
};

struct PlanOptions {
  Exactness least = Exactness::kStable;
  /// "tile=128x128,co=128,ci=64,order=rows,flight=1,weights=streamed"; see parse_force.
  std::string force;
  /// "direct", "reference", "cpu:conv2d/direct" …; empty for the best.
  std::string kernel;
  StoreHints src, weights, dst;
};

struct Plan {
  Problem problem;
  Cuts cuts;
  PieceOrder order = PieceOrder::kColumnsThenRows;
  bool co_innermost = true;
  int in_flight = 2;
  bool keep_weights = true;
  bool src_in_place = false;
  /// The gradient of the results, where that takes the place of weights.
  bool weights_in_place = false;
  bool dst_in_place = false;
  KernelInfo kernel;
  int threads = 1;

  Index budget_bytes = 0;
  Index one_piece_bytes = 0;
  Index smallest_budget_bytes = 0;
  MemoryUse memory;
  Index src_cache_bytes = 0;
  Index weights_cache_bytes = 0;
  Index dst_cache_bytes = 0;
  /// Caches hold whole rows of blocks, so that no block of a summed image is decoded twice a pass.
  bool caches_rows = false;
  Traffic moved;
  double lower_bound_bytes = 0;
  double compute_seconds = 0;
  double seconds = 0;
  Exactness exact = Exactness::kBits;
  /// |y - truth| <= bound * sum|w||x| for every output; if the kernel states a bound of its own,
  /// bound * sum|w| max|x|, the largest |x| of each channel within the kernel's tile.
  double bound = 0;
  bool forced = false;
  std::string measured;   // when the machine's rates were; empty for first guesses
  std::string next_best;  // one line about the runner-up

  Index peak_bytes() const { return memory.total(); }
  Counts counts() const;
  /// Axes of the piece loop, outermost first.
  AxisList loop_order() const;
  /// The explanation of every number, a few lines.
  std::string explain() const;
  /// Versioned JSON text.
  std::string to_json() const;
};

/// The cheapest plan for `problem` that fits `machine.host_bytes`. Pure: touches no file, device or
/// clock. Throws BudgetTooSmall (with a budget that works), InvalidArgument for a force that does
/// not fit the problem, Unsupported if no kernel reaches the exactness asked for.
Plan plan(const Problem& problem, const Machine& machine, const PlanOptions& options = {});

}  // namespace tilewright
