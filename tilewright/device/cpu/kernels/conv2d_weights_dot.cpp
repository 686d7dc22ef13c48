// A part is some weights of one group (conv2d_weights_dot_deal). For each block of results, their
// sums lie in the workspace, lane by lane; the block's source is packed band by band, with its zero
// padding and with strides taken out, and for each chunk of rows register tiles go on with the
// sums. Threads share parts and blocks; sums of blocks wait until they are added in the order of
// blocks.
#include "tilewright/device/cpu/kernels/conv2d_weights_dot.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "tilewright/device/cpu/arena.h"
#include "tilewright/device/cpu/kernels/conv2d_weights_dot_deal.h"
#include "tilewright/device/cpu/kernels/conv2d_weights_step.h"

namespace tilewright::cpu {
namespace {

// Below this many multiply-adds, waking a thread costs more than it saves.
constexpr double kThreadWork = 1e6;
// Register tiles from which on a chunk of results is packed before they read it.
constexpr Index kPackedTiles = 4;

struct DotBlock {
  Index n, y, x, rows, columns;
};

DotSizes sizes_of(const StepArgs& a) {
  return {a.groups,       a.dst.shape[0] / a.groups, a.dst.shape[1],      a.dst.shape[2],
          a.dst.shape[3], a.weights.shape[kN],       a.weights.shape[kY], a.weights.shape[kX]};
}

class Dot {
 public:
  Dot(const StepArgs& args, const DotOps& ops, int threads)
      : a_(args),
        ops_(ops),
        d_(sizes_of(args), args.layer->window(kY), args.layer->window(kX), ops.max_sums, threads),
        threads_(threads) {
    waiting_ = reinterpret_cast<double*>(args.workspace);
    own_ = args.workspace + d_.room.waiting * threads;
  }

  void run() {
    if (a_.first)
      for (Index i = 0; i < d_.parts(); ++i) clear(d_.part(i));
    const Index parts = d_.parts();
    for (Index b = 0; b < d_.blocks(); b += d_.round) {
      const Index count = std::min(d_.round, d_.blocks() - b);
      parallel_ranges(parts * count, threads_, [&](Index begin, Index end, int slot) {
        for (Index i = begin; i < end; ++i) run_part(i / count, b + i % count, i % count, slot);
      });
      if (d_.round == 1) continue;
      for (Index i = 0; i < parts; ++i)
        for (Index k = 0; k < count; ++k) add(d_.part(i), waiting(i, k));
    }
  }

 private:
  double* waiting(Index part, Index block) const {
    return waiting_ + (block * d_.parts() + part) * d_.part_weights();
  }

  DotBlock block(Index i) const {
    const Index x = i % d_.across * kDotColumns, y = i / d_.across % d_.down * kDotRows;
    return {i / (d_.across * d_.down), y, x, std::min(kDotRows, d_.sizes.rows - y),
            std::min(kDotColumns, d_.sizes.columns - x)};
  }

  /// Of a register tile: f(place of its sums, channels, taps, total(channel, tap)), in the order in
  /// which tiles hold sums.
  template <class F>
  void for_tiles(const DotPart& p, F&& f) const {
    const auto& stride = a_.dst.strides;
    double* const corner =
        a_.dst.at<double>(p.g * d_.sizes.co + p.co.begin, p.ci.begin, p.ky.begin, p.kx.begin);
    Index place = 0;
    for (Index c = 0; c < p.co.size(); c += d_.tile.co) {
      const Index channels = std::min(d_.tile.co, p.co.size() - c);
      Tap tap;
      for (Index t = 0; t < p.taps(); t += d_.tile.taps) {
        const Index taps = std::min(d_.tile.taps, p.taps() - t);
        std::array<double*, DotJob::kMostTaps> first;
        for (Index k = 0; k < taps; ++k) {
          first[static_cast<std::size_t>(k)] =
              corner + c * stride[0] + tap.ci * stride[1] + tap.ky * stride[2] + tap.kx * stride[3];
          if (++tap.kx < p.kx.size()) continue;
          tap.kx = 0;
          if (++tap.ky == p.ky.size()) tap.ky = 0, ++tap.ci;
        }
        f(place, channels, taps, [&](Index i, Index k) -> double& {
          return first[static_cast<std::size_t>(k)][i * stride[0]];
        });
        place += channels * taps;
      }
    }
  }

  void clear(const DotPart& p) const {
    for_tiles(p, [](Index, Index channels, Index taps, auto&& total) {
      for (Index i = 0; i < channels; ++i)
        for (Index k = 0; k < taps; ++k) total(i, k) = 0;
    });
  }

  void add(const DotPart& p, const double* sums) const {
    for_tiles(p, [&](Index, Index channels, Index taps, auto&& total) {
      for (Index i = 0; i < channels; ++i)
        for (Index k = 0; k < taps; ++k) total(i, k) += *sums++;
    });
  }

  void add_lanes(const DotPart& p, const float* sums) const {
    for_tiles(p, [&](Index place, Index channels, Index taps, auto&& total) {
      std::array<double, DotJob::kMostResults * DotJob::kMostTaps> sum;
      ops_.add_lanes(sums + place * kDotLanes, channels * taps, sum.data());
      const double* next = sum.data();
      for (Index i = 0; i < channels; ++i)
        for (Index k = 0; k < taps; ++k) total(i, k) += *next++;
    });
  }

  struct Scratch {
    float *source, *sums, *results;
    Index* offsets;
  };

  Scratch scratch(int slot) const {
    Shelf shelf(own_ + slot * (d_.room.all() - d_.room.waiting));
    Scratch s{};
    s.source = shelf.take<float>(d_.room.source / Index{sizeof(float)});
    s.sums = shelf.take<float>(d_.room.sums / Index{sizeof(float)});
    s.results = shelf.take<float>(d_.room.results / Index{sizeof(float)});
    s.offsets = shelf.take<Index>(d_.room.offsets / Index{sizeof(Index)});
    return s;
  }

  void run_part(Index part, Index index, Index turn, int slot) const {
    const DotPart p = d_.part(part);
    const DotBlock b = block(index);
    const Scratch s = scratch(slot);
    list_offsets(p, s.offsets);
    Index packed = 0;  // source rows of the band
    for (Index y = 0; y < b.rows; y += d_.chunk) {
      const Index begin = y / d_.band * d_.band, rows = std::min(d_.chunk, b.rows - y);
      if (y == begin) packed = 0;
      const Index need = d_.y.length(y - begin + rows, p.ky.size());
      pack_source(p, b, begin, {packed, need}, s.source);
      packed = need;
      const Ahead ahead(*this, p, b, y + rows);
      run_chunk(p, b, y, rows, s.source + (y - begin) * d_.y.per_result * d_.pitch, s, ahead);
    }
    if (d_.round > 1) return ops_.add_lanes(s.sums, p.weights(), waiting(part, turn));
    add_lanes(p, s.sums);
  }

  /// The rows that the next chunk reads first, to be asked for while this one is computed.
  class Ahead {
   public:
    Ahead(const Dot& dot, const DotPart& p, const DotBlock& b, Index y) : dot_(dot) {
      const Index rows = std::min(dot.d_.chunk, b.rows - y);
      if (rows <= 0) return;
      const Window &wy = dot.a_.layer->window(kY), &wx = dot.a_.layer->window(kX);
      const StepArgs& a = dot.a_;
      const Interval real_y = intersect(a.real_y, {0, a.src.shape[kY]});
      const Interval real_x = intersect(a.real_x, {0, a.src.shape[kX]});
      // What earlier chunks have read ends here.
      const Index top = (b.y + y - 1) * wy.stride + (p.ky.end - 1) * wy.dilation + 1;
      const Interval lines = intersect(real_y, {top, top + rows * wy.stride});
      const Index left = b.x * wx.stride + p.kx.begin * wx.dilation;
      const Interval columns = intersect(real_x, {left, left + b.columns * wx.stride});
      if (!lines.empty() && !columns.empty()) {
        pieces_ = (columns.size() + kAskedFloats - 1) / kAskedFloats;
        source_lines_ = lines.size();
        source_ =
            a.src.at<float>(b.n, p.g * dot.d_.sizes.ci + p.ci.begin, lines.begin, columns.begin);
        source_count_ = p.ci.size() * source_lines_ * pieces_;
      }
      results_lines_ = rows;
      results_ = a.weights.at<float>(b.n, p.g * dot.d_.sizes.co + p.co.begin, b.y + y, b.x);
      count_ = source_count_ + p.co.size() * rows;
    }
    Index count() const { return count_; }
    const float* operator()(Index i) const {
      if (i >= source_count_) {
        i -= source_count_;
        return results_ + i / results_lines_ * dot_.a_.weights.strides[kC] +
               i % results_lines_ * dot_.a_.weights.strides[kY];
      }
      const Index piece = i % pieces_, line = i / pieces_;
      return source_ + piece * kAskedFloats + line / source_lines_ * dot_.a_.src.strides[kC] +
             line % source_lines_ * dot_.a_.src.strides[kY];
    }

   private:
    const Dot& dot_;
    const float *source_ = nullptr, *results_ = nullptr;
    Index pieces_ = 1, source_lines_ = 1, source_count_ = 0, results_lines_ = 1, count_ = 0;
  };

  void list_offsets(const DotPart& p, Index* to) const {
    for (Index c = 0; c < p.ci.size(); ++c)
      for (Index ky = 0; ky < p.ky.size(); ++ky)
        for (Index kx = 0; kx < p.kx.size(); ++kx) {
          const Index x = d_.kx == 1 ? 0 : kx * d_.window_x.dilation;
          *to++ = c * d_.plane + ky * d_.y.per_tap * d_.pitch + x % d_.window_x.stride * d_.phase +
                  x / d_.window_x.stride;
        }
  }

  // Rows `lines` of the packed source of a band whose results begin at row y of a block, for all
  // channels and taps of a part.
  void pack_source(const DotPart& p, const DotBlock& b, Index y, const Interval& lines,
                   float* to) const {
    const Window &wy = a_.layer->window(kY), &wx = a_.layer->window(kX);
    const Index top = (b.y + y) * wy.stride + p.ky.begin * wy.dilation;
    const Index left = b.x * wx.stride + p.kx.begin * wx.dilation;
    const Interval real_y = intersect(a_.real_y, {0, a_.src.shape[kY]}).shifted(-top);
    const Interval real_x = intersect(a_.real_x, {0, a_.src.shape[kX]}).shifted(-left);
    const Index reach = b.columns + (p.kx.size() - 1) * wx.dilation / wx.stride;
    // After so many taps, phases come back.
    const Index phases = std::min(p.kx.size(), wx.stride / std::gcd(wx.stride, wx.dilation));
    for (Index c = 0; c < p.ci.size(); ++c)
      for (Index i = lines.begin; i < lines.end; ++i) {
        const Index row = i * d_.y.step;
        float* const line = to + c * d_.plane + i * d_.pitch;
        for (Index k = 0; k < phases; ++k) {
          const Index phase = k * wx.dilation % wx.stride;
          float* const at = line + (d_.kx == 1 ? 0 : phase * d_.phase);
          if (!real_y.contains(row)) {
            std::fill_n(at, reach, 0.0f);
            continue;
          }
          // Elements j whose position phase + j * stride exists.
          const auto first_from = [&](Index x) {
            return std::clamp<Index>((x - phase + wx.stride - 1) / wx.stride, 0, reach);
          };
          const Index begin = real_x.begin <= phase ? 0 : first_from(real_x.begin);
          const Index end = real_x.end <= phase ? begin : std::max(begin, first_from(real_x.end));
          std::fill_n(at, begin, 0.0f);
          if (begin < end)
            ops_.pick(a_.src.at<float>(b.n, p.g * d_.sizes.ci + p.ci.begin + c, top + row,
                                       left + phase + begin * wx.stride),
                      wx.stride, at + begin, end - begin);
          std::fill_n(at + end, reach - end, 0.0f);
        }
      }
  }

  void run_chunk(const DotPart& p, const DotBlock& b, Index y, Index rows, const float* source,
                 const Scratch& s, const Ahead& ahead) const {
    DotJob job;
    job.rows = rows;
    job.vectors = (b.columns + kDotLanes - 1) / kDotLanes, job.tail = b.columns % kDotLanes;
    job.source_row = d_.y.per_result * d_.pitch;
    job.first = y == 0;
    job.sums = s.sums;
    const Index taps = p.taps();
    const bool packed = job.tail != 0 || taps > kPackedTiles * d_.tile.taps;
    const Index wide = job.vectors * kDotLanes, plane = wide * rows + kDotLanes;
    const Index calls =
        ((p.co.size() + d_.tile.co - 1) / d_.tile.co) * ((taps + d_.tile.taps - 1) / d_.tile.taps);
    const Index each = std::min<Index>((ahead.count() + calls - 1) / calls, DotJob::kMostAsked);
    Index asked = 0;
    job.results_row = packed ? wide : a_.weights.strides[kY];
    for (Index c = 0; c < p.co.size(); c += d_.tile.co) {
      const Index channels = std::min(d_.tile.co, p.co.size() - c);
      for (Index f = 0; f < channels; ++f) {
        const float* const from =
            a_.weights.at<float>(b.n, p.g * d_.sizes.co + p.co.begin + c + f, b.y + y, b.x);
        job.results[f] = packed ? s.results + f * plane : from;
        if (packed) pack_results(from, rows, b.columns, wide, s.results + f * plane);
      }
      for (Index t = 0; t < taps; t += d_.tile.taps) {
        const Index count = std::min(d_.tile.taps, taps - t);
        for (Index k = 0; k < count; ++k) job.source[k] = source + s.offsets[t + k];
        job.asked_count = static_cast<int>(std::clamp<Index>(ahead.count() - asked, 0, each));
        for (int i = 0; i < job.asked_count; ++i) job.asked[i] = ahead(asked++);
        ops_.run(job, static_cast<int>(channels), static_cast<int>(count));
        job.sums += channels * count * kDotLanes;
      }
    }
  }

  void pack_results(const float* from, Index rows, Index columns, Index wide, float* to) const {
    for (Index i = 0; i < rows; ++i, from += a_.weights.strides[kY], to += wide) {
      ops_.pick(from, 1, to, columns);
      std::fill_n(to + columns, wide - columns, 0.0f);
    }
  }

  const StepArgs& a_;
  const DotOps& ops_;
  DotDeal d_;
  int threads_;
  double* waiting_;  // [block][part][weight]
  std::byte* own_;
};

}  // namespace

namespace {

DotSizes sizes_of(const Block& step) {
  const auto size = [&](Axis a) { return step[a].size(); };
  return {size(Axis::kG),  size(Axis::kCo), size(Axis::kCi), size(Axis::kKy),
          size(Axis::kKx), size(Axis::kN),  size(Axis::kY),  size(Axis::kX)};
}

}  // namespace

Index conv2d_weights_dot_workspace(const Block& step) { return DotRoom(sizes_of(step)).all(); }

KernelWork conv2d_weights_dot_work(const Layer& layer, const Block& step) {
  constexpr Index kNominalSums = 24;
  constexpr double kFlopPerCycle = 4 * kNominalLanes, kFloat = sizeof(float);
  const auto count = [](Index v) { return static_cast<double>(v); };
  const DotSizes s = sizes_of(step);
  const DotDeal d(s, layer.window(kY), layer.window(kX), kNominalSums, 1);
  const Index tail = s.columns % kDotColumns;
  const double vectors = count(s.columns / kDotColumns * (kDotColumns / kDotLanes) +
                               (tail + kDotLanes - 1) / kDotLanes);
  const double planes = count(s.groups * s.images), rows = planes * count(s.rows);
  const double chunks = planes * count((s.rows + d.chunk - 1) / d.chunk) * count(d.across);
  const double weights = count(s.co) * count(s.taps());
  KernelWork work = default_work(layer, step);
  work.flop = kFlopPerCycle * d.tile.cycles * vectors * rows;
  work.bytes += 2 * kFloat * kDotLanes * vectors * rows * d.copied_rows() / count(d.chunk);
  // A register tile comes and goes once per chunk, lanes are added once per block.
  work.visits = chunks * (weights / count(d.tile.co * d.tile.taps) + d.copied_rows() / 8) +
                planes * count(d.down * d.across) * weights / 6;
  return work;
}

void run_conv2d_weights_dot(const StepArgs& args) {
  const double work = static_cast<double>(volume(args.dst.shape)) *
                      static_cast<double>(volume(args.weights.shape) / args.weights.shape[kC]);
  Dot(args, *dot_ops(), work < kThreadWork ? 1 : args.threads).run();
}

}  // namespace tilewright::cpu
