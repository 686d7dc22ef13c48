// Rates by least squares of the logarithms of what was measured by what is predicted, then, for
// each kernel, what is left over on each kind of step.
#include "tilewright/plan/calibrate.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "tilewright/plan/cost.h"
#include "tilewright/plan/footprint.h"
#include "tilewright/plan/traffic.h"

namespace tilewright {
namespace {

constexpr std::size_t kTerms = 4;
using Terms = std::array<double, kTerms>;

/// Amounts of work, and what they took.
struct Equation {
  Terms work{};
  double seconds = 0;
};

double dot(const Terms& a, const Terms& b) {
  double sum = 0;
  for (std::size_t i = 0; i < kTerms; ++i) sum += a[i] * b[i];
  return sum;
}

double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v[v.size() / 2];
}

// One round of fit() for one term: the step of its logarithm.
double step_of(const std::vector<Equation>& list, const Terms& x, std::size_t i, double guess) {
  // A guess counts as so many observations; what is off by more than kOdd counts less.
  constexpr double kGuess = 0.3, kOdd = 0.3, kMostStep = 0.5;
  double slope = kGuess * std::log(guess / x[i]), curve = kGuess;
  for (const Equation& e : list) {
    const double predicted = dot(e.work, x), share = e.work[i] * x[i] / predicted;
    const double error = std::log(e.seconds / predicted);
    const double weight = 1 / std::max(1.0, std::abs(error) / kOdd);
    slope += weight * share * error;
    curve += weight * share * share;
  }
  return std::clamp(slope / curve, -kMostStep, kMostStep);
}

// Seconds for each unit of work. Logarithms, so that no term vanishes because others can stand in
// for it: it would be missed where work is of another kind.
Terms fit(const std::vector<Equation>& list, Terms guess) {
  constexpr int kMostRounds = 200;
  constexpr double kStill = 1e-4;
  if (list.empty()) return guess;
  std::vector<double> ratios;
  for (const Equation& e : list) ratios.push_back(e.seconds / dot(e.work, guess));
  const double scale = median(ratios);
  for (double& g : guess) g *= scale;
  Terms x = guess;
  double moved = 1;
  for (int round = 0; round < kMostRounds && moved > kStill; ++round) {
    moved = 0;
    for (std::size_t i = 0; i < kTerms; ++i) {
      const double step = step_of(list, x, i, guess[i]);
      x[i] *= std::exp(step);
      moved = std::max(moved, std::abs(step));
    }
  }
  return x;
}

/// A run, with the kernel that it was for, as a plan in one piece, as far as costs need it.
struct Known {
  const MeasuredRun* run;
  std::size_t kernel;
  Plan plan;
};

Plan as_plan(const MeasuredRun& run, const KernelInfo& kernel, int threads) {
  Plan p;
  p.problem = run.problem;
  p.kernel = kernel;
  p.threads = threads;
  p.in_flight = 1;
  const Extents e = run.problem.extents();
  for (const Axis a : kAxes) p.cuts[a] = Cover(e[a], e[a]);
  PlanOptions options;
  options.src.in_place = options.weights.in_place = options.dst.in_place = true;
  set_footprint(p, options);
  set_traffic(p, options);
  return p;
}

std::vector<Known> known_runs(const Machine& machine, const Measurements& found) {
  std::vector<Known> list;
  for (const MeasuredRun& run : found.runs)
    for (std::size_t k = 0; k < machine.kernels.size(); ++k) {
      const KernelInfo& kernel = machine.kernels[k];
      if (run.kernel == kernel.device + ":" + kernel.name)
        list.push_back({&run, k, as_plan(run, kernel, found.threads)});
    }
  return list;
}

void calibrate_kernel(Machine& machine, std::size_t index, const std::vector<Known>& runs) {
  KernelInfo& kernel = machine.kernels[index];
  std::vector<const Known*> steps;
  std::vector<Equation> equations;
  for (const Known& k : runs) {
    if (k.kernel != index) continue;
    const Plan& p = k.plan;
    const double threads = kernel.workspace_bytes_per_thread > 0 ? p.threads : 1;
    const double f64 = p.problem.compute == DType::kF64 ? 2 : 1;
    const double fixed =
        machine.step_seconds + fresh_bytes(p).compute / machine.fresh_bytes_per_second;
    const double measured = k.run->compute_seconds;
    const double seconds = std::max(0.1 * measured, measured - fixed);
    const KernelWork work = work_of(kernel, *p.problem.layer, whole(p.problem.extents()));
    steps.push_back(&k);
    equations.push_back({{work.flop, work.bytes, work.visits, 0}, seconds * threads / f64});
  }
  if (steps.empty()) return;
  const KernelRates& guess = kernel.per_second;
  const Terms x = fit(equations, {1 / guess.flop, 1 / guess.bytes, 1 / guess.visits, 1});
  kernel.per_second = {1 / x[0], 1 / x[1], 1 / x[2]};
  kernel.samples.clear();
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const Problem& p = steps[i]->plan.problem;
    const Equation& e = equations[i];
    kernel.samples.push_back(
        {likeness(*p.layer, whole(p.extents())), std::log(e.seconds / dot(e.work, x))});
  }
}

void calibrate_copies(Machine& machine, const std::vector<Known>& runs) {
  // Shorter ones say more about the clock than about copies.
  constexpr double kLeast = 20e-6;
  std::vector<Equation> equations;
  std::vector<double> fixed;
  const auto add = [&](const CopyWork& work, double far, double fresh, double seconds) {
    if (seconds > kLeast && work.bytes > 0)
      equations.push_back({{work.bytes * (1 - far), work.bytes * far, work.rows, fresh}, seconds});
  };
  for (const Known& k : runs) {
    const Plan& p = k.plan;
    const CopyWork source = p.src_in_place ? CopyWork{} : source_copies(p);
    const CopyWork weights = p.weights_in_place ? CopyWork{} : weights_copies(p);
    const double far = far_share(operand_bytes(p), machine);
    add({source.bytes + weights.bytes, source.rows + weights.rows}, far, fresh_bytes(p).read,
        k.run->read_seconds);
    if (!p.dst_in_place) add(result_copies(p), far, 0, k.run->write_seconds);
    fixed.push_back(k.run->seconds - k.run->read_seconds - k.run->compute_seconds -
                    k.run->write_seconds);
  }
  if (equations.empty()) return;
  const Terms x =
      fit(equations, {1 / machine.near_bytes_per_second, 1 / machine.far_bytes_per_second,
                      machine.row_seconds, 1 / machine.fresh_bytes_per_second});
  machine.near_bytes_per_second = 1 / x[0];
  machine.far_bytes_per_second = 1 / x[1];
  machine.row_seconds = x[2];
  machine.fresh_bytes_per_second = 1 / x[3];
  std::sort(fixed.begin(), fixed.end());
  machine.piece_seconds = std::clamp(fixed[fixed.size() / 4], 1e-6, 1e-3);
}

void calibrate_files(Machine& machine, const Measurements& found) {
  std::vector<double> read, write;
  for (const MeasuredFile& f : found.files) {
    read.push_back(f.bytes / f.read_seconds);
    write.push_back(f.bytes / f.write_seconds);
  }
  if (read.empty()) return;
  machine.read_bytes_per_second = median(read);
  machine.write_bytes_per_second = median(write);
}

}  // namespace

Machine calibrate(Machine machine, const Measurements& found) {
  const std::vector<Known> runs = known_runs(machine, found);
  calibrate_copies(machine, runs);
  for (std::size_t i = 0; i < machine.kernels.size(); ++i) calibrate_kernel(machine, i, runs);
  calibrate_files(machine, found);
  machine.measured = found.when;
  return machine;
}

}  // namespace tilewright
