// Bytes that a plan moves between stores and memory, and the least that any plan must move.
#pragma once

#include "tilewright/plan/plan.h"

namespace tilewright {

/// Bytes that stores decode, which are more than what is asked of them when windows cut their
/// blocks.
struct DecodedBytes {
  double src = 0, weights = 0;
};

/// Fills moved of `plan`, and returns what the stores read from decode for it.
DecodedBytes set_traffic(Plan& plan, const PlanOptions& hints);

/// By how much the positions that are computed outnumber outputs: more than 1 where the results of
/// padded positions are added to what they show.
double folded_work(const Problem& problem);
/// Upper bound on the runs of padding along an axis, as the graph cuts them.
Index folded_runs(const Plan& plan, Dim dim);

/// Lower bound on bytes moved with `fast_bytes` of memory: compulsory traffic, or
/// 2G/sqrt(R M) - 2M (Demmel & Dinh 2018; Chen, Han & Wang 2020), whichever is larger.
double lower_bound_bytes(const Problem& problem, double fast_bytes);

}  // namespace tilewright
