// Threads share parts, for all results of the step: their totals stay in the workspace, in f64 and
// in the order of the register tiles, until the last block. Where parts do not divide evenly among
// threads, and weights are few, threads share the blocks: their sums wait until they are added in
// order.
#include "tilewright/device/cpu/kernels/conv2d_weights_dense.h"

#include "tilewright/device/cpu/arena.h"
#include "tilewright/device/cpu/kernels/conv2d_weights_part.h"

namespace tilewright::cpu {
namespace {

constexpr Index kTotals = Index{32} * 768;  // of one part of one band
constexpr Index kTwoBandTotals = Index{64} * 256;

/// The most vectors that run() takes, at most `count`.
Index listed_vectors(Index count) {
  Index best = 1;
  for (const int v : kOuterVectors)
    if (v <= count) best = v;
  return best;
}

// Vectors of a register tile if they are packed: those with the fewest instructions.
template <class T>
Index packed_width(const WeightsStep<T>& s, Index vectors, Index factors) {
  Index best = 1, least = 0;
  for (Index v = 1; v <= std::min<Index>(vectors, s.ops.max_packed); ++v) {
    const Index f = std::min<Index>({factors, s.ops.max_packed_factors, s.ops.max_sums / v});
    const Index cost = ceil_div(vectors, v) * ceil_div(factors, f) * (v * f + v + f);
    if (least == 0 || cost <= least) best = v, least = cost;
  }
  return best;
}

template <class T>
bool two_bands_fit(const WeightsStep<T>& s, const WeightsShares& r) {
  const Index block = s.block_rows * s.block_columns * static_cast<Index>(sizeof(T));
  const Index wide = 2 * r.width * s.ops.lanes;
  const Index totals = kTwoBandTotals + (r.most - 1) * wide;  // parts take whole register tiles
  return totals * Index{sizeof(double)} + (wide + r.most) * block <= kWeightsDenseWorkspace;
}

template <class T>
WeightsShares shares_of(const WeightsStep<T>& s, DenseLanes lanes) {
  WeightsShares r;
  Index at_once = OuterJob<T>::kMaxFactors;
  if (lanes == DenseLanes::kResults) {
    r.vectors = s.vectors_of(s.co), r.factors = s.taps();
    r.width = packed_width(s, r.vectors, r.factors);
    at_once = s.ops.max_packed_factors;
  } else {
    r.vectors = s.ci * s.ky * s.vectors_of(s.kx), r.factors = s.co;
    const Index beside = std::min<Index>(r.factors, at_once);
    r.width = listed_vectors(std::min(r.vectors, s.ops.max_sums / std::min<Index>(beside, 8)));
  }
  r.most = std::min<Index>(at_once, s.ops.max_sums / r.width);
  r.most = ceil_div(r.factors, ceil_div(r.factors, r.most));
  // One tap meets an element of source once for each band: more bands read it less often.
  if (lanes == DenseLanes::kResults && s.ky * s.kx == 1 && r.vectors > r.width &&
      two_bands_fit(s, r))
    r.bands = 2;
  const Index totals = r.bands == 2 ? kTwoBandTotals : kTotals;
  r.depth = std::max(r.most, totals / (r.width * r.bands * s.ops.lanes));
  r.depth = ceil_div(r.factors, ceil_div(r.factors, r.depth));
  return r;
}

// Parts for all threads, each packing for itself: no more than needed to occupy them evenly.
template <class T>
Index splits_of(const WeightsStep<T>& s, const WeightsShares& r, int threads) {
  const Index parts = s.groups * ceil_div(r.vectors, r.width * r.bands);
  const Index least = ceil_div(r.factors, r.depth), most = ceil_div(r.factors, r.most);
  Index splits = least;
  while (splits < most && parts * splits % threads != 0 && parts * splits < 8 * threads) ++splits;
  return splits;
}

/// All weights of a group, threads sharing blocks of results.
template <class T>
class BlockShares {
 public:
  BlockShares(const WeightsStep<T>& s, const WeightsShares& shares)
      : s_(s), shares_(shares), threads_(s.a.threads) {
    shares_.bands = 1;
    parts_ = ceil_div(shares.vectors, shares.width);
    band_ = shares.width * s.ops.lanes * shares.factors;
    weights_ = parts_ * band_;
    const Index block = s.block_rows * s.block_columns * static_cast<Index>(sizeof(T));
    const Index own =
        std::max(kCopyBytes, shares.most * block) + shares.width * s.ops.lanes * block + 4 * kLine;
    totals_bytes_ = rounded(weights_ * static_cast<Index>(sizeof(double)));
    pitch_ = rounded(weights_ * static_cast<Index>(sizeof(T)));
    const Index room = std::max<Index>(0, kWeightsDenseWorkspace - own - totals_bytes_);
    waiting_ = std::min(room / pitch_, kMostWaiting);
  }

  /// Several blocks for each thread until they wait for one another.
  bool pays() const { return waiting_ >= 4 && s_.blocks() >= 4 * threads_; }

  void run() const {
    for (Index g = 0; g < s_.groups; ++g) run_group(g);
  }

 private:
  static constexpr Index kLine = 64, kMostWaiting = 64;
  static Index rounded(Index bytes) { return ceil_div(bytes, kLine) * kLine; }

  std::byte* workspace(int slot) const { return s_.a.workspace + slot * kWeightsDenseWorkspace; }

  // Of the i-th block that waits, in any thread's workspace.
  T* sums(Index i) const {
    return reinterpret_cast<T*>(workspace(static_cast<int>(i / waiting_)) + totals_bytes_ +
                                i % waiting_ * pitch_);
  }

  WeightsPart<T> part(Index g, Index i, std::byte* workspace) const {
    const Interval vectors{i * shares_.width, std::min(shares_.vectors, (i + 1) * shares_.width)};
    return {s_,
            DenseLanes::kResults,
            shares_,
            g,
            vectors,
            {0, shares_.factors},
            WeightsPart<T>::Totals::kElsewhere,
            workspace};
  }

  // In the workspace of the first thread: totals, sums that wait, its part. The others leave room
  // for totals, too.
  void run_group(Index g) const {
    auto* const totals = reinterpret_cast<double*>(workspace(0));
    const auto exchange = [&](auto&& f) {
      for (Index i = 0; i < parts_; ++i)
        part(g, i, workspace(0)).exchange_results(totals + i * band_, f);
    };
    std::fill_n(totals, weights_, 0.0);
    if (!s_.a.first) exchange([](double& total, double& weight) { total = weight; });
    for (Index first = 0; first < s_.blocks(); first += waiting_ * threads_) {
      const Index count = std::min(waiting_ * threads_, s_.blocks() - first);
      parallel_ranges(count, threads_, [&](Index begin, Index end, int slot) {
        std::byte* const own = workspace(slot) + totals_bytes_ + waiting_ * pitch_;
        for (Index p = 0; p < parts_; ++p) {
          WeightsPart<T> band = part(g, p, own);
          band.clear_idle_lanes();
          for (Index i = begin; i < end; ++i) band.sum(first + i, sums(i) + p * band_);
        }
      });
      for (Index i = 0; i < count; ++i) s_.ops.add(sums(i), weights_, totals);
    }
    exchange([](double& total, double& weight) { weight = total; });
  }

  const WeightsStep<T>& s_;
  WeightsShares shares_;
  int threads_;
  Index parts_ = 1, band_ = 0, weights_ = 0;
  Index totals_bytes_ = 0;
  Index waiting_ = 0, pitch_ = 0;  // blocks that wait in a workspace; bytes from one to the next
};

}  // namespace

template <class T>
void run_dense_weights(const WeightsStep<T>& s, DenseLanes lanes) {
  const WeightsShares shares = shares_of(s, lanes);
  const int threads = s.a.threads;
  const Index width = shares.width * shares.bands;
  const Index blocks = ceil_div(shares.vectors, width);
  if (lanes == DenseLanes::kResults && s.groups * blocks % threads != 0) {
    const BlockShares<T> by_block(s, shares);
    if (by_block.pays()) return by_block.run();
  }
  const Index splits = splits_of(s, shares, threads);
  // Whole register tiles in each part.
  const Index share = ceil_div(ceil_div(shares.factors, splits), shares.most) * shares.most;
  parallel_ranges(s.groups * blocks * splits, threads, [&](Index begin, Index end, int slot) {
    for (Index i = begin; i < end; ++i) {
      const Index split = i % splits, block = i / splits % blocks, g = i / (splits * blocks);
      const Interval vectors{block * width, std::min(shares.vectors, (block + 1) * width)};
      const Interval factors{split * share, std::min(shares.factors, (split + 1) * share)};
      if (factors.begin < factors.end)
        WeightsPart<T>(s, lanes, shares, g, vectors, factors, WeightsPart<T>::Totals::kHere,
                       s.a.workspace + slot * kWeightsDenseWorkspace)
            .run();
    }
  });
}

template <class T>
double dense_weights_cycles(const WeightsStep<T>& s, DenseLanes lanes) {
  const WeightsShares r = shares_of(s, lanes);
  const bool packed = lanes == DenseLanes::kResults;
  // Of a register tile: two multiply-adds or loads a cycle, four cycles until a sum goes on. Loads
  // of neighbouring taps meet two cache lines.
  const auto sums = static_cast<double>(r.width * r.most);
  const auto loads = static_cast<double>(r.width * (packed ? 1 : 2) + r.most);
  const double tile = std::max({sums, loads, 8.0}) / 2;
  const double packing = packed ? 4.0 * static_cast<double>(r.vectors) : 0;
  return static_cast<double>(s.groups) *
         (tile * static_cast<double>(ceil_div(r.vectors, r.width) * ceil_div(r.factors, r.most)) +
          packing);
}

template void run_dense_weights(const WeightsStep<float>&, DenseLanes);
template void run_dense_weights(const WeightsStep<double>&, DenseLanes);
template double dense_weights_cycles(const WeightsStep<float>&, DenseLanes);
template double dense_weights_cycles(const WeightsStep<double>&, DenseLanes);

}  // namespace tilewright::cpu
