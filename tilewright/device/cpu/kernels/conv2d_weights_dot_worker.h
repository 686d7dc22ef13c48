// One thread of conv2d_weights/dot: the sums of one part over one block after another, lane by
// lane. While a chunk of rows is computed, those of the next are asked for and copied.
#pragma once

#include <array>

#include "tilewright/device/cpu/kernels/conv2d_weights_dot_rows.h"

namespace tilewright::cpu {

/// The sums of a part over a block.
struct DotItem {
  DotPart p;
  DotBlock b;
};

class DotWorker {
 public:
  DotWorker(const DotStep& step, std::byte* workspace);
  /// The sums of `item`; `next` is what comes after it, if there is anything.
  const float* run(const DotItem& item, const DotItem* next);

 private:
  /// Rows [y, y + rows) of an item's block.
  struct Chunk {
    const DotItem* item = nullptr;
    Index y = 0, rows = 0;
  };

  const float* run_plane(const DotItem& item);
  Chunk chunk_at(const DotItem& item, Index y) const;
  bool copies_results(const DotItem& item) const;
  void list_offsets(const DotPart& p);
  SourceRows source_of(const Chunk& chunk);
  ResultRows results_of(const Chunk& chunk, Index channel, int turn) const;
  void begin(const Chunk& chunk);
  void run_chunk(const Chunk& now, const Chunk& next);
  void set_results(const Chunk& chunk, Index channel, DotJob& job) const;

  const DotStep& step_;
  const DotDeal& d_;
  std::array<float*, 2> bands_, results_;
  float* sums_;
  Index* offsets_;
  bool begun_ = false;  // the next item's first chunk is packed
  int band_ = 0;        // that holds the chunk
  Index packed_ = 0;    // source rows of that band
  int turn_ = 0;        // results that hold the register tile's channels
};

}  // namespace tilewright::cpu
