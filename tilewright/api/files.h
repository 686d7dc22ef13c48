// What commands on files share: opening inputs, and planning for an output that does not exist yet.
#pragma once

#include "tilewright/plan/plan.h"
#include "tilewright/store/store.h"

namespace tilewright {

/// What the planner needs to know of an opened store, and of one that would be created.
StoreHints store_hints(const Store& store);

/// Tells the planner of the stores that a run reads from.
void set_hints(PlanOptions& options, const Store& src, const Store& weights);

/// Throws InvalidArgument if `file`, which is `input` itself or one that it is read from, is the
/// output `dst` or stands where it is written first (with .partial). Empty names are distinct.
void check_distinct(const std::string& dst, const std::string& input, const std::string& file);

/// open_store(path), after check_distinct of all its files.
std::unique_ptr<Store> open_input(const std::string& path, const std::string& dst);

/// The best plan over the layouts that `dst` could have; sets output.block. Throws as plan() does.
Plan plan_output(const std::string& dst, const Problem& problem, const Machine& machine,
                 PlanOptions options, CreateOptions& output);

}  // namespace tilewright
