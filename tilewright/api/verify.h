// Checks of results that exist, and of plans on generated data.
#pragma once

#include "tilewright/api/convolve.h"

namespace tilewright {

/// The outcome of a check: counts, and the first place that differs.
struct VerifyReport {
  Index windows = 0;
  Index elements = 0;
  Index differing = 0;
  std::string first_difference;  // "n0 c1 y7 x9: file 1.5, expected 1.25"
  double largest_difference = 0;
  double seconds = 0;
  bool equal() const { return differing == 0; }
  /// Adds another check, whose first difference counts if there was none so far.
  VerifyReport& operator+=(const VerifyReport& other);
};

struct VerifyOptions {
  Index samples = 64;
  bool full = false;
  std::uint64_t seed = 1;
  const std::atomic<bool>* cancel = nullptr;
  std::function<void(const Progress&)> progress{};
};

/// Compares the file request.dst with what `convolution` gives: sampled windows (those across piece
/// borders and image corners first) by the reference and by another tiling; with `full`, all of
/// it by another tiling. Plans of class bound are compared within their bound.
VerifyReport verify(const ConvolveRequest& request, Convolution& convolution,
                    const Machine& machine, const VerifyOptions& options = {});

/// Runs `plan` in memory on data made from `seed`, every buffer poisoned, and compares with the
/// definition on uncut tensors: bit by bit, or within the bound for a plan of class bound. With
/// `integers`, data are small integers and every class must be equal. Problems of some 10^9
/// multiply-adds take minutes: the definition is slow.
/// Throws Interrupted once `cancel` is true.
VerifyReport verify_plan(const Plan& plan, std::uint64_t seed, bool integers = false,
                         const std::atomic<bool>* cancel = nullptr);

}  // namespace tilewright
