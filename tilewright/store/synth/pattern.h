// The patterns of synthetic pictures. Each value is a function of its absolute index, the shape and
// the seed alone, in integer arithmetic or single IEEE operations: any window can be computed by
// itself, and every machine computes the same bits.
#pragma once

#include <string_view>

#include "tilewright/tensor/tensor.h"

namespace tilewright {

enum class Pattern { kNoise, kInts, kGradient, kChecker, kZone, kImpulse };

struct Synth {
  Pattern pattern = Pattern::kNoise;
  TensorSpec spec;
  std::uint64_t seed = 0;
  Index size = 8;  // edge of a square of kChecker
};

/// "noise", "ints" … Throws InvalidArgument for others.
Pattern parse_pattern(std::string_view name);

/// Writes elements (n, c, y, x .. x + count) as the spec's type to `out`.
void synthesize(const Synth& synth, Index n, Index c, Index y, Index x, Index count, void* out);

}  // namespace tilewright
