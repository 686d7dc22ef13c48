// Bytes of one candidate: what a plan's buffers take, and the largest blocks they hold.
#pragma once

#include "tilewright/plan/plan.h"

namespace tilewright {

/// The largest step of a plan, at the origin.
Block largest_step(const Cuts& cuts);

/// Whether results of padded positions are added to dst, which takes a tile of its own.
bool folds(const Problem& problem);

/// Fills memory, src_cache_bytes and dst_cache_bytes of `plan` from its cuts and switches.
void set_footprint(Plan& plan, const StoreHints& src, const StoreHints& dst);

}  // namespace tilewright
