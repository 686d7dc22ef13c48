// Choice of kernel by exactness and rate.
#include "tilewright/plan/kernel_choice.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "tilewright/plan/strategy/strategy.h"

namespace tilewright {
namespace {

Exactness class_of(Order order) {
  switch (order) {
    case Order::kCanonical:
      return Exactness::kBits;
    case Order::kAnchored:
      return Exactness::kStable;
    case Order::kFree:
      return Exactness::kBound;
  }
  throw InternalError("unknown order");
}

bool computes(const KernelInfo& k, const Problem& p) {
  return k.layer == p.layer->name() &&
         std::find(k.dtypes.begin(), k.dtypes.end(), p.compute) != k.dtypes.end();
}

bool named(const KernelInfo& k, const std::string& name) {
  const auto slash = k.name.find('/');
  const std::string algorithm = slash == std::string::npos ? k.name : k.name.substr(slash + 1);
  return name.empty() || name == k.device || name == k.name || name == algorithm ||
         name == k.device + ":" + k.name || name == k.device + ":" + algorithm;
}

}  // namespace

const KernelInfo& choose_kernel(const Problem& problem, const Machine& machine,
                                const PlanOptions& options) {
  const KernelInfo* best = nullptr;
  std::string offered;
  for (const KernelInfo& k : machine.kernels) {
    if (!computes(k, problem)) continue;
    offered += fmt::format("{}{}:{} ({})", offered.empty() ? "" : ", ", k.device, k.name,
                           to_string(class_of(k.order)));
    if (!named(k, options.kernel) || class_of(k.order) > options.least) continue;
    if (best == nullptr || k.f32_flop_per_second > best->f32_flop_per_second) best = &k;
  }
  if (best != nullptr) return *best;
  throw Unsupported(fmt::format(
      "no kernel{}{}{} computes {} in {} with exactness '{}'; this machine offers: {}",
      options.kernel.empty() ? "" : " '", options.kernel, options.kernel.empty() ? "" : "'",
      problem.layer->name(), to_string(problem.compute), to_string(options.least),
      offered.empty() ? "none" : offered));
}

Exactness exactness_of(const Plan& plan) {
  Exactness result = class_of(plan.kernel.order);
  for (const Strategy* s : strategy_table())
    result = std::max(result, s->exactness(plan.problem, plan.cuts));
  return result;
}

double error_bound(const Problem& problem) {
  const double products =
      problem.layer->longest_sum(problem.extents(), problem.compute) + (problem.has_bias() ? 1 : 0);
  const double unit = problem.compute == DType::kF64 ? 0x1p-53 : 0x1p-24;
  // Beyond 1/u products the classical bound says nothing.
  if (products * unit >= 1) return std::numeric_limits<double>::infinity();
  return products * unit / (1 - products * unit);
}

}  // namespace tilewright
