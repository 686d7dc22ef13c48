// Predicted seconds of a plan on a machine.
#pragma once

#include "tilewright/plan/plan.h"

namespace tilewright {

/// Seconds that the kernel and the threads of `plan` are predicted to take for one step.
double kernel_seconds(const Plan& plan, const Block& step);
/// Share of a step's work that each call for a part of its rows does anew, such as weights that the
/// kernel transforms and does not keep; by the kernel's rates alone, whose corrections are noisier.
double repeated_share(const Plan& plan, Block step);

/// What the executor copies between arrays and tiles: bytes, in rows that cost something each.
struct CopyWork {
  double bytes = 0;
  double rows = 0;
};
CopyWork source_copies(const Plan& plan);
CopyWork weights_copies(const Plan& plan);
/// From tiles to a destination in memory.
CopyWork result_copies(const Plan& plan);
/// What reading and computing touch first of the memory that a run asks of the system; nothing of
/// what stays with the process.
struct FreshBytes {
  double read = 0;
  double compute = 0;
};
FreshBytes fresh_bytes(const Plan& plan);
/// Everything that a run touches, and how much of such a run does not find it in the cache.
double operand_bytes(const Plan& plan);
double far_share(double bytes, const Machine& machine);
/// Seconds of one thread.
double copy_seconds(const CopyWork& work, double all_bytes, const Machine& machine);

/// Fills moved, compute_seconds and seconds of `plan`, whose cuts and memory are set.
void set_cost(Plan& plan, const Machine& machine, const PlanOptions& options);

}  // namespace tilewright
