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

bool named(const KernelInfo& k, const std::string& name) {
  const auto slash = k.name.find('/');
  const std::string algorithm = slash == std::string::npos ? k.name : k.name.substr(slash + 1);
  return name.empty() || name == k.device || name == k.name || name == algorithm ||
         name == k.device + ":" + k.name || name == k.device + ":" + algorithm;
}

bool takes_weights(const KernelInfo& k, const Problem& p, bool factored) {
  const Extents e = p.extents();
  return !k.factored || (factored && e[Axis::kCi] == 1 && e[Axis::kCo] == 1);
}

// Whether a kernel computes the problem, if its weights are of the kind that the kernel takes.
bool computes_shape(const KernelInfo& k, const Problem& p) {
  if (k.layer != p.layer->name()) return false;
  if (std::find(k.dtypes.begin(), k.dtypes.end(), p.compute) == k.dtypes.end()) return false;
  // Folded outputs begin where padding does, not at a kernel's tiles.
  if (k.order == Order::kAnchored && p.layer->folded()) return false;
  for (const Dim d : {kY, kX}) {
    const Window& w = p.layer->window(d);
    if (!k.windows.contains(w.taps, w.stride, w.dilation)) return false;
  }
  return true;
}

// The part of the products of an axis that meets the image, and not zero padding around it.
double real_part(const Problem& p, Dim dim) {
  if (p.layer->padding_mode() != PaddingMode::kZero) return 1;
  const Interval outputs{0, p.extents()[dim == kY ? Axis::kY : Axis::kX]};
  const Interval image{0, p.spec(Operand::kSrc).shape[dim]};
  double real = 0, all = 0;
  for (Index k = 0; k < p.layer->window(dim).taps; ++k) {
    const Interval seen = p.layer->demand(dim, outputs, {k, k + 1});
    real += static_cast<double>(std::max<Index>(0, intersect(seen, image).size()));
    all += static_cast<double>(seen.size());
  }
  return real / all;
}

bool sums_are_short(const KernelInfo& k, const Problem& p) {
  if (k.least_products == nullptr) return false;
  return p.layer->longest_sum(p.extents(), p.compute) <
         k.least_products(real_part(p, kY) * real_part(p, kX));
}

// Why none of the named kernels will do, or what to do about it.
std::string advice(const Problem& problem, const Machine& machine, const PlanOptions& options) {
  if (options.kernel.empty()) return "";
  bool less_exact = false, weights = false;
  for (const KernelInfo& k : machine.kernels) {
    if (!named(k, options.kernel) || !computes_shape(k, problem)) continue;
    const bool taken = takes_weights(k, problem, options.weights.factored);
    (taken ? less_exact : weights) = true;
  }
  if (less_exact) return "name another or accept less exactness; ";
  if (weights)
    return "it takes filters of one channel that are given as gauss or box (--kernel), not arrays "
           "of weights; name another; ";
  return "name another; ";
}

}  // namespace

bool computes(const KernelInfo& k, const Problem& p, bool factored) {
  return computes_shape(k, p) && takes_weights(k, p, factored);
}

std::vector<const KernelInfo*> choose_kernels(const Problem& problem, const Machine& machine,
                                              const PlanOptions& options) {
  std::vector<const KernelInfo*> list;
  std::string offered;
  for (const KernelInfo& k : machine.kernels) {
    if (!computes(k, problem, options.weights.factored)) continue;
    offered += fmt::format("{}{}:{} ({})", offered.empty() ? "" : ", ", k.device, k.name,
                           to_string(class_of(k.order)));
    if (!named(k, options.kernel) || class_of(k.order) > options.least) continue;
    const bool asked = !options.kernel.empty() && options.kernel != k.device;
    if (!asked && sums_are_short(k, problem)) continue;
    list.push_back(&k);
  }
  // By the first guesses for a machine with one thread and long vectors: what was measured here
  // does not decide, so that bits do not depend on it.
  const auto cycles = [&](const KernelInfo* k) {
    return time_of(work_of(*k, *problem.layer, whole(problem.extents())), k->per_cycle);
  };
  std::stable_sort(list.begin(), list.end(),
                   [&](const KernelInfo* a, const KernelInfo* b) { return cycles(a) < cycles(b); });
  if (!list.empty()) return list;
  throw Unsupported(fmt::format(
      "no kernel{}{}{} computes {} in {} with exactness '{}'; {}this machine offers: {}",
      options.kernel.empty() ? "" : " '", options.kernel, options.kernel.empty() ? "" : "'",
      problem.layer->name(), to_string(problem.compute), to_string(options.least),
      advice(problem, machine, options), offered.empty() ? "none" : offered));
}

KernelInfo settled(const KernelInfo& kernel, const Problem& problem) {
  KernelInfo k = kernel;
  const KernelTiling t = tiling_of(kernel, *problem.layer);
  k.anchors = t.anchors, k.error = t.error;
  return k;
}

Exactness exactness_of(const Plan& plan) {
  Exactness result = class_of(plan.kernel.order);
  for (const Axis a : kAxes) {
    const Cover& cover = plan.cuts[a];
    const Index anchor = plan.kernel.anchors[a];
    if (cover.cut() && (anchor == 0 || cover.alignment() % anchor != 0)) return Exactness::kBound;
  }
  for (const Strategy* s : strategy_table())
    result = std::max(result, s->exactness(plan.problem, plan.cuts));
  return result;
}

double error_bound(const Problem& problem, const KernelInfo& kernel) {
  const Extents e = problem.extents();
  double products = problem.layer->longest_sum(e, problem.compute), factor = 1;
  if (kernel.error.factor > 0) {
    const Index channels = problem.layer->role(Axis::kCi) == Role::kReduce ? e[Axis::kCi] : 1;
    const Index block = std::min(channels, kernel.anchors[Axis::kCi]);
    products = static_cast<double>(block) * kernel.error.products +
               static_cast<double>(ceil_div(channels, block)) + kernel.error.roundings;
    factor = kernel.error.factor;
  }
  if (problem.has_bias()) products += 1;
  const double unit = problem.compute == DType::kF64 ? 0x1p-53 : 0x1p-24;
  // Beyond 1/u products the classical bound says nothing.
  if (products * unit >= 1) return std::numeric_limits<double>::infinity();
  return factor * products * unit / (1 - products * unit);
}

}  // namespace tilewright
