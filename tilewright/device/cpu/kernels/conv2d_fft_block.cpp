// Blocks of the FFT kernels.
#include "tilewright/device/cpu/kernels/conv2d_fft_block.h"

#include <cmath>
#include <iterator>

namespace tilewright::cpu {
namespace {

struct Edge {
  Index most_taps, size;
};
constexpr Edge kEdges[] = {{12, 64}, {33, 128}, {84, 256}, {200, 512}, {400, 1024}, {1024, 2048}};

Index edge_of(Index taps) {
  for (const Edge& e : kEdges)
    if (taps <= e.most_taps) return e.size;
  return kEdges[std::size(kEdges) - 1].size;
}

double levels(const FftBlock& b) { return std::log2(static_cast<double>(b.ny * b.nx)); }

}  // namespace

FftBlock fft_block(Index ky, Index kx) { return {edge_of(ky), edge_of(kx)}; }

// Rounded down, so that plans can keep to these and to the blocks of files.
Index fft_outputs(Index edge, Index taps) {
  const Index valid = edge - taps + 1;
  const Index unit = valid >= 256 ? 32 : valid >= 96 ? 16 : 8;
  return valid / unit * unit;
}

Index fft_spaced(Index size) {
  constexpr Index kLine = 16;
  return ((size + kLine - 1) / kLine | 1) * kLine;
}

double fft_roundings(const FftBlock& b) { return 5 * 3 * (levels(b) + 1) + 4; }

double fft_flop(const FftBlock& b) { return 2.5 * static_cast<double>(b.ny * b.nx) * levels(b); }

}  // namespace tilewright::cpu
