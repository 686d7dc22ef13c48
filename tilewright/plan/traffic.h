// Bytes that a plan moves between stores and memory, and the least that any plan must move.
#pragma once

#include "tilewright/plan/plan.h"

namespace tilewright {

/// Fills moved of `plan`. `src_file_bytes` (if not null) receives the bytes a cached store decodes,
/// which is more than what is asked of it when windows cut its blocks.
void set_traffic(Plan& plan, const StoreHints& src, double* src_file_bytes);

/// Lower bound on bytes moved with `fast_bytes` of memory: compulsory traffic, or
/// 2G/sqrt(R M) - 2M (Demmel & Dinh 2018; Chen, Han & Wang 2020), whichever is larger.
double lower_bound_bytes(const Problem& problem, double fast_bytes);

}  // namespace tilewright
