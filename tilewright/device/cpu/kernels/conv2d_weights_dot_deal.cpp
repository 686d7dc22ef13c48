#include "tilewright/device/cpu/kernels/conv2d_weights_dot_deal.h"

#include <algorithm>
#include <limits>

#include "tilewright/device/cpu/kernels/conv2d_weights_dot.h"

namespace tilewright::cpu {
namespace {

constexpr Index kSourceBytes = 256 * 1024;  // packed source of a band; two take turns
constexpr Index kChannelBytes = 48 * 1024;  // of a channel, where there are few
constexpr Index kBandBytes = 16 * 1024;     // of a channel, beyond the first chunk
constexpr Index kMostWeights = 16384;       // of a part
constexpr Index kChunkVectors = 64;         // of a channel, between two visits of a sum
constexpr Index kWaitingBytes = 256 * 1024;
constexpr Index kMostWaiting = 64;  // blocks per thread
constexpr Index kFloat = sizeof(float);
constexpr Index kLine = 16;   // floats of a cache line
constexpr Index kSlack = 64;  // floats that whole vectors reach beyond a packed row

Index ceil_by(Index a, Index b) { return (a + b - 1) / b; }
Index whole(Index a, Index unit) { return ceil_by(a, unit) * unit; }
// An odd number of cache lines: what lies so far apart does not share cache sets.
Index spaced(Index size) { return (ceil_by(size, kLine) | 1) * kLine; }

Index source_floats(const DotRoom& room) { return room.source / 2 / kFloat - kSlack; }

}  // namespace

DotRoom::DotRoom(const DotSizes& s) {
  const Index weights = std::min(kMostWeights, checked_mul(s.co, s.ci, s.ky, s.kx));
  source = 2 * (std::min(kSourceBytes, s.ci * kChannelBytes) + kSlack * kFloat);
  sums = weights * kDotLanes * kFloat;
  offsets = whole(std::min(kMostWeights, s.taps()) * Index{sizeof(Index)}, 64);
  results = 2 * DotJob::kMostResults * spaced(kChunkVectors * kDotLanes) * kFloat;
  waiting = whole(std::min(kWaitingBytes, kMostWaiting * 8 * s.groups * weights), 64);
}

// Two loads or multiply-adds a cycle, a load of source mostly meets two cache lines; a sum goes on
// after four cycles; more pointers than the processor has registers for take loads of their own.
DotTile choose_dot_tile(Index co, Index taps, Index max_sums) {
  const auto eighths = [](Index f, Index t) {
    const Index loads = 4 * f + 7 * t;
    const Index most = std::max({4 * f * t, loads + 4 * std::max<Index>(0, f + t - 10), Index{32}});
    return static_cast<double>(most + loads / 8);
  };
  DotTile best;
  for (Index f = 1; f <= std::min<Index>(co, DotJob::kMostResults); ++f)
    for (Index t = 1; t <= std::min<Index>(taps, DotJob::kMostTaps) && f * t <= max_sums; ++t) {
      const auto row = [&](Index channels) {
        return static_cast<double>(taps / t) * eighths(channels, t) +
               (taps % t == 0 ? 0 : eighths(channels, taps % t));
      };
      const double all =
          (static_cast<double>(co / f) * row(f) + (co % f == 0 ? 0 : row(co % f))) / 8;
      if (best.cycles == 0 || all <= best.cycles) best = {f, t, all};
    }
  return best;
}

DotDeal::DotDeal(const DotSizes& all, const Window& wy, const Window& wx, Index max_sums,
                 int threads)
    : sizes(all),
      room(all),
      window_y(wy),
      window_x(wx),
      down(ceil_by(all.rows, kDotRows)),
      across(ceil_by(all.columns, kDotColumns)) {
  const Index wide = whole(std::min(sizes.columns, kDotColumns), kDotLanes);
  chunk = std::clamp<Index>(kChunkVectors * kDotLanes / wide, 1, std::min(sizes.rows, kDotRows));
  choose_taps();
  tile = choose_dot_tile(sizes.co, sizes.ci * ky * kx, max_sums);
  // Sums of a single register tile may stay in registers for longer.
  if (sizes.co <= tile.co && sizes.taps() <= tile.taps &&
      plane_of(4 * chunk) <= source_floats(room))
    chunk = std::min({DotJob::kMostResults / tile.co * chunk, sizes.rows, kDotRows});
  choose_channels();
  share(threads);
  choose_round(threads);
  choose_band();
}

void DotDeal::lay_out() {
  const Index wide = whole(std::min(sizes.columns, kDotColumns), kDotLanes);
  y = DotAxis(ky, window_y);
  phase = whole(wide + (kx - 1) * window_x.dilation / window_x.stride, kLine);
  pitch = phase * (kx == 1 ? 1 : window_x.stride);
}

Index DotDeal::plane_of(Index results) const { return spaced(y.length(results, ky) * pitch); }

// Taps of one channel that fit.
void DotDeal::choose_taps() {
  ky = sizes.ky, kx = sizes.kx;
  for (lay_out(); plane_of(chunk) > source_floats(room) || ky * kx > kMostWeights; lay_out()) {
    if (ky > 1)
      ky = ceil_by(ky, 2);
    else
      kx = ceil_by(kx, 2);
  }
}

void DotDeal::choose_band() {
  const Index rows = std::min(sizes.rows, kDotRows);
  const Index most = std::min(source_floats(room), ci * kBandBytes / kFloat);
  band = std::min(chunk, rows);
  while (band < rows && ci * plane_of(band + chunk) <= most) band += chunk;
  plane = plane_of(band);
}

bool DotDeal::planes() const {
  const bool near = window_y.stride == 1 && window_x.stride == 1;
  return near && sizes.co == 1 && sizes.ci == 1 && ky == sizes.ky && kx == sizes.kx &&
         std::max(ky, kx) <= DotPlane::kMostTaps;
}

double DotDeal::copied_rows() const {
  const auto count = [](Index v) { return static_cast<double>(v); };
  const double bands = count(y.length(band, ky)) * count(chunk) / count(band);
  const double taps = count(ceil_by(sizes.ky, ky) * ceil_by(sizes.kx, kx));
  return taps * (count(ceil_by(sizes.co, co)) * count(sizes.ci) * bands +
                 count(ceil_by(sizes.ci, ci)) * count(sizes.co) * count(chunk));
}

// The channels of a part for which the fewest rows are copied.
void DotDeal::choose_channels() {
  const Index taps = ky * kx;
  const Index most = std::clamp<Index>(
      std::min(source_floats(room) / plane_of(chunk), kMostWeights / taps), 1, sizes.ci);
  Index best_co = 0, best_ci = 0;
  double least = std::numeric_limits<double>::infinity();
  for (Index parts = ceil_by(sizes.ci, most); parts <= sizes.ci; ++parts) {
    ci = ceil_by(sizes.ci, parts);
    co = std::clamp<Index>(kMostWeights / (ci * taps), 1, sizes.co);
    choose_band();
    const double rows = copied_rows();
    if (rows < least) least = rows, best_co = co, best_ci = ci;
    if (co == sizes.co && band >= std::min(sizes.rows, kDotRows)) break;
  }
  co = best_co, ci = best_ci;
}

void DotDeal::choose_round(int threads) {
  const Index most = room.waiting * threads / (8 * parts() * part_weights());
  round = std::clamp<Index>(most, 1, blocks());
}

// Even parts of whole register tiles, enough for all threads.
void DotDeal::share(int threads) {
  const Index fit = co;
  const auto split = [&](Index parts) {
    const Index tiles = whole(ceil_by(sizes.co, parts), tile.co);
    co = tiles <= fit ? tiles : ceil_by(sizes.co, parts);
  };
  const auto enough = [&] {
    choose_round(threads);
    const Index items = parts() * round;
    return items % threads == 0 || items >= 8 * threads;
  };
  Index co_parts = ceil_by(sizes.co, co);
  split(co_parts);
  while (!enough() && co > tile.co) split(++co_parts);
  Index ci_parts = ceil_by(sizes.ci, ci);
  while (!enough() && ci > 1) ci = ceil_by(sizes.ci, ++ci_parts);
}

Index DotDeal::parts() const {
  return sizes.groups * ceil_by(sizes.co, co) * ceil_by(sizes.ci, ci) * ceil_by(sizes.ky, ky) *
         ceil_by(sizes.kx, kx);
}

DotPart DotDeal::part(Index i) const {
  const auto take = [&i](Index all, Index size) {
    const Index parts = ceil_by(all, size), begin = i % parts * size;
    i /= parts;
    return Interval{begin, std::min(all, begin + size)};
  };
  DotPart p;
  p.kx = take(sizes.kx, kx), p.ky = take(sizes.ky, ky);
  p.ci = take(sizes.ci, ci), p.co = take(sizes.co, co);
  p.g = i;
  return p;
}

}  // namespace tilewright::cpu
