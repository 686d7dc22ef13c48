// plan(): choose a kernel, search, explain what was found.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "tilewright/base/text.h"
#include "tilewright/plan/kernel_choice.h"
#include "tilewright/plan/search.h"
#include "tilewright/plan/traffic.h"

namespace tilewright {
namespace {

// Says why forced cuts miss the exactness that is asked for.
[[noreturn]] void refuse_forced(const Problem& problem, Exactness reached, const KernelInfo& kernel,
                                const PlanOptions& options) {
  // Where the image is summed, its blocks of sums have to stay whole, too.
  const auto multiple = [&](Axis a) {
    return std::lcm(kernel.anchors[a], problem.layer->sum_block(a));
  };
  if (kernel.order == Order::kAnchored)
    throw InvalidArgument(fmt::format(
        "force '{}': {} keeps its bits only if rows are cut at multiples of {}, columns at "
        "multiples of {}, input channels at multiples of {} and taps not at all; keep to that, or "
        "leave the kernel to the planner",
        options.force, kernel.name, multiple(Axis::kY), multiple(Axis::kX), multiple(Axis::kCi)));
  if (sums_image(*problem.layer))
    throw InvalidArgument(fmt::format(
        "force '{}': cuts {} inside its blocks of sums, which reaches only '{}', but '{}' is asked "
        "for; cut rows at multiples of {}, columns at multiples of {} and only with y={}, both "
        "only "
        "with n=1, or allow it with --exact {}",
        options.force, problem.layer->name(), to_string(reached), to_string(options.least),
        problem.layer->sum_block(Axis::kY), problem.layer->sum_block(Axis::kX),
        problem.layer->sum_block(Axis::kY), to_string(reached)));
  throw InvalidArgument(fmt::format(
      "force '{}': re-associates sums, which reaches only '{}', but '{}' is asked for; cut the "
      "input channels to 1 as well (ci=1, and ky=1 below kx), or allow it with --exact {}",
      options.force, to_string(reached), to_string(options.least), to_string(reached)));
}

// The kernel to explain a refusal by: one without tiles of its own, if there is one.
const KernelInfo* plainest(const std::vector<const KernelInfo*>& kernels) {
  const auto plain = std::find_if(kernels.begin(), kernels.end(),
                                  [](const KernelInfo* k) { return k->order != Order::kAnchored; });
  return plain == kernels.end() ? kernels.back() : *plain;
}

void finish(Plan& p, const Search& search) {
  p.smallest_budget_bytes = search.smallest();
  p.next_best = search.runner_up();
  p.exact = exactness_of(p);
  p.bound = error_bound(p.problem, p.kernel);
  p.lower_bound_bytes = lower_bound_bytes(p.problem, static_cast<double>(p.budget_bytes));
}

}  // namespace

Plan plan(const Problem& problem, const Machine& machine, const PlanOptions& options) {
  if (machine.host_bytes < 1 || machine.threads < 1)
    throw InvalidArgument(fmt::format("a plan needs a budget and threads, not {} bytes and {}",
                                      machine.host_bytes, machine.threads));
  Search search(problem, machine, options);
  const auto kernels = choose_kernels(problem, machine, options);
  // The fastest whose exactness survives the cuts that are forced.
  const auto kernel = std::find_if(kernels.begin(), kernels.end(), [&](const KernelInfo* k) {
    return search.allows_force(*k) && search.most_exact(*k) <= options.least;
  });
  if (kernel == kernels.end())
    refuse_forced(problem, search.most_exact(*plainest(kernels)),
                  settled(*plainest(kernels), problem), options);
  else
    search.with_kernel(**kernel);
  if (!search.best()) {
    throw BudgetTooSmall(
        fmt::format("{} does not fit {} ({} bytes){}; the smallest budget that works is {} bytes",
                    problem.line(), format_bytes(static_cast<double>(machine.host_bytes)),
                    machine.host_bytes,
                    search.kernel().order == Order::kAnchored ? ", --exact bits may need less" : "",
                    search.smallest()),
        search.smallest());
  }
  Plan result = *search.best();
  finish(result, search);
  return result;
}

}  // namespace tilewright
