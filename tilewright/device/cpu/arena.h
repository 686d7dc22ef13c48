// Runs a loop on a given number of threads. Each calling thread keeps its arena, because making
// one costs more than a small step.
#pragma once

#include <functional>

#include "tilewright/base/checked.h"

namespace tilewright::cpu {

/// Calls body(begin, end, slot) for disjoint ranges that cover [0, count). `slot` < threads, and no
/// two ranges run with one slot at a time. With one thread it calls body(0, count, 0).
void parallel_ranges(Index count, int threads,
                     const std::function<void(Index begin, Index end, int slot)>& body);

}  // namespace tilewright::cpu
