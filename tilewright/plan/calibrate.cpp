// Rates by least squares of relative errors, then, for each kernel, what is left over on each kind
// of step.
#include "tilewright/plan/calibrate.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "tilewright/plan/cost.h"
#include "tilewright/plan/footprint.h"
#include "tilewright/plan/traffic.h"

namespace tilewright {
namespace {

constexpr std::size_t kTerms = 3;
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

// Seconds for each unit of work, none negative: the least sum of squares of relative errors, where
// each guess, scaled to fit, counts as one more observation of weight kGuess.
Terms fit(const std::vector<Equation>& list, Terms guess) {
  constexpr double kGuess = 0.1;
  constexpr int kRounds = 200;
  if (list.empty()) return guess;
  std::vector<double> ratios;
  for (const Equation& e : list) ratios.push_back(e.seconds / dot(e.work, guess));
  const double scale = median(ratios);
  for (double& g : guess) g *= scale;
  Terms x = guess;
  for (int round = 0; round < kRounds; ++round)
    for (std::size_t i = 0; i < kTerms; ++i) {
      double above = kGuess / guess[i], below = kGuess / (guess[i] * guess[i]);
      for (const Equation& e : list) {
        const double a = e.work[i] / e.seconds;
        above += a * (1 - dot(e.work, x) / e.seconds + a * x[i]);
        below += a * a;
      }
      // A rate that the measurements cannot tell apart from nothing stays within a factor.
      x[i] = std::max(above / below, guess[i] / 100);
    }
  return x;
}

Terms terms(const KernelRates& r) { return {1 / r.flop, 1 / r.bytes, 1 / r.visits}; }

// The run as a plan in one piece, as far as costs need it.
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

void calibrate_kernel(KernelInfo& kernel, const Machine& machine, const Measurements& found) {
  struct Step {
    const Layer* layer;
    Block block;
    double seconds;
  };
  std::vector<Step> steps;
  std::vector<Equation> equations;
  for (const MeasuredRun& run : found.runs) {
    if (run.kernel != kernel.device + ":" + kernel.name) continue;
    const Layer& layer = *run.problem.layer;
    const Block block = whole(run.problem.extents());
    const double threads = kernel.workspace_bytes_per_thread > 0 ? found.threads : 1;
    const double f64 = run.problem.compute == DType::kF64 ? 2 : 1;
    const double fixed = machine.step_seconds;
    const double seconds = std::max(0.1 * run.compute_seconds, run.compute_seconds - fixed);
    const KernelWork work = work_of(kernel, layer, block);
    steps.push_back({&layer, block, seconds * threads / f64});
    equations.push_back({{work.flop, work.bytes, work.visits}, seconds * threads / f64});
  }
  if (steps.empty()) return;
  const Terms found_terms = fit(equations, terms(kernel.per_second));
  kernel.per_second = {1 / found_terms[0], 1 / found_terms[1], 1 / found_terms[2]};
  kernel.samples.clear();
  std::vector<RateSample> samples;
  for (const Step& s : steps)
    samples.push_back(
        {likeness(*s.layer, s.block), std::log(s.seconds / kernel.seconds(*s.layer, s.block))});
  kernel.samples = samples;
}

void calibrate_copies(Machine& machine, const Measurements& found) {
  // Shorter ones say more about the clock than about copies.
  constexpr double kLeast = 20e-6;
  std::vector<Equation> equations;
  std::vector<double> fixed;
  const auto add = [&](const CopyWork& work, double far, double seconds) {
    if (seconds > kLeast)
      equations.push_back({{work.bytes * (1 - far), work.bytes * far, work.rows}, seconds});
  };
  for (const MeasuredRun& run : found.runs) {
    for (const KernelInfo& kernel : machine.kernels) {
      if (run.kernel != kernel.device + ":" + kernel.name) continue;
      const Plan p = as_plan(run, kernel, found.threads);
      const CopyWork a = p.src_in_place ? CopyWork{} : source_copies(p), b = weights_copies(p);
      const double far = far_share(operand_bytes(p), machine);
      const double rest = run.seconds - run.read_seconds - run.compute_seconds;
      add({a.bytes + b.bytes, a.rows + b.rows}, far, run.read_seconds);
      if (p.dst_in_place)
        fixed.push_back(rest);
      else
        add(result_copies(p), far, rest);
    }
  }
  if (equations.empty()) return;
  const Terms x = fit(equations, {1 / machine.near_bytes_per_second,
                                  1 / machine.far_bytes_per_second, machine.row_seconds});
  machine.near_bytes_per_second = 1 / x[0];
  machine.far_bytes_per_second = 1 / x[1];
  machine.row_seconds = x[2];
  if (fixed.empty()) return;
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
  calibrate_copies(machine, found);
  for (KernelInfo& kernel : machine.kernels) calibrate_kernel(kernel, machine, found);
  calibrate_files(machine, found);
  machine.measured = found.when;
  return machine;
}

}  // namespace tilewright
