// Factors are computed in f64 and rounded once.
#include "tilewright/device/cpu/kernels/conv2d_fft_tables.h"

#include <bit>
#include <cmath>
#include <numbers>

namespace tilewright::cpu {
namespace {

// Eights, and fours for what is left: 2^(3a + 1) is 8^(a - 1) 4 4.
std::vector<int> radices(Index length) {
  std::vector<int> list;
  int bits = std::countr_zero(static_cast<std::uint64_t>(length));
  for (; bits % 3 != 0; bits -= 2) list.push_back(4);
  for (; bits > 0; bits -= 3) list.push_back(8);
  return list;
}

FftTable make_table(Index length) {
  FftTable t;
  t.length = length;
  Index run = length;
  for (const int radix : radices(length)) {
    FftTable::Stage stage{radix, run, {}};
    for (Index j = 0; j < run / radix; ++j)
      for (int q = 1; q < radix; ++q) {
        const double angle =
            2 * std::numbers::pi * static_cast<double>(j * q) / static_cast<double>(run);
        stage.factors.push_back(static_cast<float>(std::cos(angle)));
        stage.factors.push_back(static_cast<float>(-std::sin(angle)));
      }
    t.stages.push_back(stage);
    run /= radix;
  }
  for (Index k = 0; k < length; ++k) {
    Index at = 0, left = k;
    for (const FftTable::Stage& s : t.stages) {
      at += left % s.radix * (s.run / s.radix);
      left /= s.radix;
    }
    t.position.push_back(at);
  }
  return t;
}

}  // namespace

const FftTable& fft_table(Index length) {
  static const std::vector<FftTable> tables = [] {
    std::vector<FftTable> list;
    for (Index n = kFftLeast; n <= kFftMost; n *= 2) list.push_back(make_table(n));
    return list;
  }();
  return tables[static_cast<std::size_t>(std::countr_zero(static_cast<std::uint64_t>(length)) -
                                         std::countr_zero(static_cast<std::uint64_t>(kFftLeast)))];
}

}  // namespace tilewright::cpu
