// Saved plans: versioned JSON. What counts is the problem, the kernel and the cuts; everything else
// in the file is for the reader and is derived again when the plan is loaded.
#pragma once

#include "tilewright/plan/plan.h"

namespace tilewright {

struct SavedPlan {
  Problem problem;
  std::string force;
  std::string kernel;
  Exactness exact = Exactness::kBits;
  Index budget_bytes = 0;
  int threads = 1;
};

/// Reads a saved plan. Throws InvalidArgument that begins with `name` and names the key at fault.
SavedPlan parse_saved_plan(const std::string& text, const std::string& name = "plan file");

}  // namespace tilewright
