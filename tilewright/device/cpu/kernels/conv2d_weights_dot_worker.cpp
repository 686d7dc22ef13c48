#include "tilewright/device/cpu/kernels/conv2d_weights_dot_worker.h"

#include <algorithm>

#include "tilewright/device/cpu/kernels/conv2d_weights_step.h"

namespace tilewright::cpu {
namespace {

// Register tiles from which on a chunk of results is copied before they read it.
constexpr Index kCopiedTiles = 4;

Index ceil_by(Index a, Index b) { return (a + b - 1) / b; }

/// Spreads a list of rows over `calls` register tiles: rows are asked for during one and copied
/// after the next.
template <class Rows>
class Feed {
 public:
  Feed(Rows& rows, Index calls) : rows_(rows), each_(ceil_by(rows.count(), calls)) {}
  void ask(DotJob& job) {
    for (const Index end = std::min(rows_.count(), asked_ + each_); asked_ < end; ++asked_)
      rows_.ask(job);
  }
  void copy() {
    for (; copied_ < asked_ - each_; ++copied_) rows_.copy();
  }
  void copy_rest() {
    for (; copied_ < rows_.count(); ++copied_) rows_.copy();
  }

 private:
  Rows& rows_;
  Index each_, asked_ = 0, copied_ = 0;
};

}  // namespace

DotWorker::DotWorker(const DotStep& step, std::byte* workspace) : step_(step), d_(step.d) {
  Shelf shelf(workspace);
  constexpr Index kFloat = sizeof(float);
  for (float*& band : bands_) band = shelf.take<float>(d_.room.source / 2 / kFloat);
  for (float*& results : results_) results = shelf.take<float>(d_.room.results / 2 / kFloat);
  sums_ = shelf.take<float>(d_.room.sums / kFloat);
  offsets_ = shelf.take<Index>(d_.room.offsets / Index{sizeof(Index)});
}

const float* DotWorker::run_plane(const DotItem& item) {
  const StepArgs& a = step_.a;
  const DotBlock& b = item.b;
  DotPlane job;
  job.results = a.weights.at<float>(b.n, item.p.g, b.y, b.x);
  job.results_row = a.weights.strides[kY];
  job.source = a.src.at<float>(b.n, item.p.g, b.y, b.x);
  job.source_row = a.src.strides[kY];
  job.dilation_y = d_.window_y.dilation, job.dilation_x = d_.window_x.dilation;
  job.real_y = intersect(a.real_y, {0, a.src.shape[kY]}).shifted(-b.y);
  job.real_x = intersect(a.real_x, {0, a.src.shape[kX]}).shifted(-b.x);
  job.rows = b.rows, job.columns = b.columns;
  job.ky = d_.sizes.ky, job.kx = d_.sizes.kx;
  job.sums = sums_;
  step_.ops.plane(job);
  return sums_;
}

const float* DotWorker::run(const DotItem& item, const DotItem* next) {
  if (d_.planes() && step_.ops.plane != nullptr) return run_plane(item);
  list_offsets(item.p);
  Chunk now = chunk_at(item, 0);
  if (!begun_) begin(now);
  begun_ = false;
  while (now.item == &item) {
    const Index end = now.y + now.rows;
    Chunk after;
    if (end < item.b.rows)
      after = chunk_at(item, end);
    else if (next != nullptr)
      after = chunk_at(*next, 0), begun_ = true;
    run_chunk(now, after);
    now = after;
  }
  return sums_;
}

DotWorker::Chunk DotWorker::chunk_at(const DotItem& item, Index y) const {
  return {&item, y, std::min(d_.chunk, item.b.rows - y)};
}

bool DotWorker::copies_results(const DotItem& item) const {
  return item.b.columns % kDotLanes != 0 || item.p.taps() > kCopiedTiles * d_.tile.taps;
}

void DotWorker::list_offsets(const DotPart& p) {
  const Window& wx = d_.window_x;
  Index* to = offsets_;
  for (Index c = 0; c < p.ci.size(); ++c)
    for (Index ky = 0; ky < p.ky.size(); ++ky)
      for (Index kx = 0; kx < p.kx.size(); ++kx) {
        const Index x = d_.kx == 1 ? 0 : kx * wx.dilation;
        *to++ =
            c * d_.plane + ky * d_.y.per_tap * d_.pitch + x % wx.stride * d_.phase + x / wx.stride;
      }
}

// Those source rows of a chunk that the one before has not left; a new band goes where the one in
// use does not lie.
SourceRows DotWorker::source_of(const Chunk& chunk) {
  if (chunk.item == nullptr) return {};
  const Index in_band = chunk.y % d_.band;
  if (in_band == 0) band_ ^= 1, packed_ = 0;
  const Index need = d_.y.length(in_band + chunk.rows, chunk.item->p.ky.size());
  const Interval lines{packed_, need};
  packed_ = need;
  return {step_,         chunk.item->p,
          chunk.item->b, chunk.y - in_band,
          lines,         bands_[static_cast<std::size_t>(band_)]};
}

// Of the register tile that begins at a channel.
ResultRows DotWorker::results_of(const Chunk& chunk, Index channel, int turn) const {
  if (chunk.item == nullptr) return {};
  const Interval channels{channel, std::min(chunk.item->p.co.size(), channel + d_.tile.co)};
  return {step_,
          chunk.item->p,
          chunk.item->b,
          channels,
          chunk.y,
          chunk.rows,
          results_[static_cast<std::size_t>(turn)]};
}

void DotWorker::begin(const Chunk& chunk) {
  SourceRows source = source_of(chunk);
  Feed(source, 1).copy_rest();
  if (!copies_results(*chunk.item)) return;
  ResultRows results = results_of(chunk, 0, turn_);
  Feed(results, 1).copy_rest();
}

void DotWorker::set_results(const Chunk& chunk, Index channel, DotJob& job) const {
  const DotItem& i = *chunk.item;
  const bool copied = copies_results(i);
  const Index channels = std::min(d_.tile.co, i.p.co.size() - channel);
  job.results_row = copied ? i.b.vectors() * kDotLanes : step_.a.weights.strides[kY];
  for (Index f = 0; f < channels; ++f)
    job.results[f] =
        copied ? results_[static_cast<std::size_t>(turn_)] + f * ResultRows::plane(i.b, chunk.rows)
               : step_.a.weights.at<float>(i.b.n, i.p.g * d_.sizes.co + i.p.co.begin + channel + f,
                                           i.b.y + chunk.y, i.b.x);
}

void DotWorker::run_chunk(const Chunk& now, const Chunk& next) {
  const DotPart& p = now.item->p;
  const float* const source =
      bands_[static_cast<std::size_t>(band_)] + now.y % d_.band * d_.y.per_result * d_.pitch;
  DotJob job;
  job.rows = now.rows;
  job.vectors = now.item->b.vectors(), job.tail = now.item->b.columns % kDotLanes;
  job.source_row = d_.y.per_result * d_.pitch;
  job.first = now.y == 0;
  job.sums = sums_;
  const Index calls = ceil_by(p.taps(), d_.tile.taps);
  SourceRows next_source = source_of(next);
  Feed source_feed(next_source, calls * ceil_by(p.co.size(), d_.tile.co));
  for (Index c = 0; c < p.co.size(); c += d_.tile.co) {
    const Index channels = std::min(d_.tile.co, p.co.size() - c);
    set_results(now, c, job);
    const bool last = c + channels == p.co.size();
    const Chunk& following = last ? next : now;
    ResultRows next_results = results_of(following, last ? 0 : c + channels, turn_ ^ 1);
    Feed results_feed(next_results, calls);
    const bool copies = following.item != nullptr && copies_results(*following.item);
    for (Index t = 0; t < p.taps(); t += d_.tile.taps) {
      const Index taps = std::min(d_.tile.taps, p.taps() - t);
      for (Index k = 0; k < taps; ++k) job.source[k] = source + offsets_[t + k];
      job.asked_count = 0;
      results_feed.ask(job);
      source_feed.ask(job);
      step_.ops.run(job, static_cast<int>(channels), static_cast<int>(taps));
      if (copies) results_feed.copy();
      source_feed.copy();
      job.sums += channels * taps * kDotLanes;
    }
    if (copies) results_feed.copy_rest();
    turn_ ^= 1;
  }
  source_feed.copy_rest();
}

}  // namespace tilewright::cpu
