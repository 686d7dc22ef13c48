// What `tilewright bench` says about one timed plan.
#pragma once

#include <string>

#include "tilewright/cli/command.h"

namespace tilewright::cli {

/// All figures of one plan, with what scripts rely on.
Json bench_json(const Plan& plan, const BenchResult& result, const Ceilings& ceilings);

/// The ceilings as a line, and the head of the table.
std::string bench_head(const Ceilings& ceilings, int threads);

/// One row of the table, from bench_json.
std::string bench_row(const Json& json);

}  // namespace tilewright::cli
