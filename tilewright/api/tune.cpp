// Forward problems of many kinds, with their gradients, each by every kernel that could serve it;
// and a file to file run. What counts is a low quantile of runs that lie seconds apart: other
// programs only ever slow one down.
#include "tilewright/api/tune.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <utility>

#include "tilewright/api/convolve.h"
#include "tilewright/api/copy_store.h"
#include "tilewright/api/filters.h"
#include "tilewright/base/text.h"
#include "tilewright/network/gradient.h"
#include "tilewright/plan/kernel_choice.h"
#include "tilewright/store/memory/memory_store.h"

namespace tilewright {
namespace {

using Clock = std::chrono::steady_clock;
using namespace literals;

// One of each kind that kernels treat differently: many and few channels, wide and narrow images,
// strides, dilation, groups, large windows; small ones, such as pieces are, and ones that caches do
// not hold.
constexpr const char* kProblems[]{
    "ci64 y96 x96 co64 k3x3 p1,1,1,1",
    "ci1 y64 x64 co1 k3x3 p1,1,1,1",
    "ci512 y14 x14 co512 k3x3 p1,1,1,1",
    "ci3 y448 x448 co64 k7x7 s2x2 p3,3,3,3",
    "ci96 y112 x112 co96 k3x3 p1,1,1,1 g96",
    "ci64 y128 x128 co64 k1x1",
    "ci1 y1600 x1600 co1 k3x3 p1,1,1,1",
    "ci128 y64 x64 co128 k3x3 s2x2 p1,1,1,1",
    "ci24 y256 x256 co24 k3x3 p1,1,1,1",
    "ci1 y800 x800 co1 k15x15 p7,7,7,7",
    "ci128 y56 x56 co128 k3x3 p1,1,1,1",
    "ci512 y28 x28 co128 k1x1",
    "ci64 y100 x100 co64 k3x3 d2x2 p2,2,2,2",
    "ci3 y384 x384 co32 k3x3 s2x2 p1,1,1,1",
    "ci512 y28 x28 co512 k3x3 p1,1,1,1 g512",
    "ci8 y512 x512 co8 k3x3 p1,1,1,1",
    "ci256 y28 x28 co256 k3x3 p1,1,1,1",
    "ci1 y512 x512 co1 k41x41 p20,20,20,20",
    "ci1024 y14 x14 co512 k1x1",
    "ci32 y48 x48 co32 k5x5 p2,2,2,2",
    "ci128 y48 x48 co128 k3x3 p1,1,1,1 g8",
    "ci4 y256 x256 co4 k21x21 p10,10,10,10",
    "ci3 y1000 x1000 co3 k3x3 p1,1,1,1 g3",
    "ci64 y300 x300 co64 k3x3 p1,1,1,1",
    "ci192 y144 x144 co192 k3x3 p1,1,1,1 g192",
    "ci512 y32 x32 co512 k3x3 p1,1,1,1",
    "ci16 y160 x160 co16 k3x3 p1,1,1,1",
    "ci16 y16 x16 co16 k3x3 p1,1,1,1",
    "ci128 y40 x40 co128 k15x15 p7,7,7,7 g128",
    "n8 ci64 y28 x28 co64 k3x3 p1,1,1,1",
    "ci192 y96 x96 co192 k3x3 p1,1,1,1",
    "ci320 y48 x48 co320 k3x3 p1,1,1,1",
    "ci1 y2600 x2600 co1 k23x23 p11,11,11,11",
    "ci8 y1200 x1200 co8 k3x3 p1,1,1,1",
    "ci160 y200 x200 co160 k3x3 p1,1,1,1 g160",
    "ci192 y150 x150 co192 k1x1",
    "ci3 y900 x900 co48 k5x5 s2x2 p2,2,2,2",
    "ci192 y100 x100 co192 k3x3 s2x2 p1,1,1,1",
    "ci384 y7 x7 co384 k3x3 p1,1,1,1",
    "ci384 y7 x7 co1536 k1x1",
    "ci384 y14 x14 co384 k3x3 s2x2 p1,1,1,1",
    "ci192 y48 x48 co96 k1x1",
    "ci2 y128 x128 co2 k3x3 p1,1,1,1 g2",
    "ci64 y8 x256 co64 k3x3 p1,1,1,1",
    "ci32 y64 x64 co32 k3x3",
    "ci96 y8 x64 co96 k1x1",
    "ci1 y8 x2000 co1 k9x9 p4,4,4,4",
};
constexpr std::size_t kQuickStep = 3;
// Kernels that would take longer than this, by their first guesses, are not asked.
constexpr double kMostSeconds = 0.05;
// Nor are those that need so many times the cycles of the quickest.
constexpr double kMostCycles = 1.5;
// But a kernel that is nowhere near is timed on so many problems that take it no longer than this.
constexpr std::size_t kLeastJobs = 3;
constexpr double kShortSeconds = 0.005;
// Of one job in one round, the first not counted.
constexpr int kLeastRuns = 2, kMostRuns = 20;
constexpr auto kRoundTime = std::chrono::milliseconds(8);
// When jobs are not timed once more.
constexpr double kEnoughSeconds = 24;
constexpr int kMostRounds = 8;
constexpr double kQuantile = 0.1;
constexpr Index kFileSide = 6000;  // 144 MB
constexpr int kFileRuns = 3;

std::vector<Problem> problems(bool quick) {
  std::vector<Problem> list;
  for (std::size_t i = 0; i < std::size(kProblems); i += quick ? kQuickStep : 1) {
    const Problem forward = parse_problem(fmt::format("conv2d {}", kProblems[i]));
    list.push_back(forward);
    for (const Operand wrt : {Operand::kSrc, Operand::kWeights})
      list.push_back(gradient_problem(forward, wrt, DType::kF32).problem);
  }
  return list;
}

Tensor ramp(const TensorSpec& spec) {
  constexpr Index kPeriod = 251;
  Tensor t(spec);
  float* v = t.data<float>();
  const Index volume = spec.volume();
  for (Index i = 0; i < std::min(kPeriod, volume); ++i) v[i] = static_cast<float>(i) / 128 - 1;
  for (Index i = kPeriod; i < volume; ++i) v[i] = v[i - kPeriod];
  return t;
}

struct Job {
  const KernelInfo* kernel;
  Problem problem;
  Plan plan{};
  std::vector<Trace> traces{};
};

double guessed_seconds(const Machine& machine, const KernelInfo& k, const Problem& p) {
  const double threads = k.workspace_bytes_per_thread > 0 ? machine.threads : 1;
  return k.seconds(*p.layer, whole(p.extents())) / threads;
}

// Kernels of `problem` that plans could take for some exactness, even if its sizes were a little
// different.
std::vector<const KernelInfo*> near_kernels(const Problem& problem, const Machine& machine) {
  const auto cycles = [&](const KernelInfo* k) {
    return time_of(work_of(*k, *problem.layer, whole(problem.extents())), k->per_cycle);
  };
  std::vector<const KernelInfo*> list;
  const auto add = [&](Exactness least, bool factored) {
    PlanOptions options;
    options.least = least;
    options.weights.factored = factored;
    const auto by_cycles = choose_kernels(problem, machine, options);
    for (const KernelInfo* k : by_cycles)
      if (cycles(k) <= kMostCycles * cycles(by_cycles.front()) &&
          std::find(list.begin(), list.end(), k) == list.end())
        list.push_back(k);
  };
  for (const Exactness least : {Exactness::kBits, Exactness::kStable, Exactness::kBound}) {
    add(least, false);
    add(least, true);
  }
  return list;
}

std::vector<Job> jobs(const Machine& machine, bool quick) {
  std::vector<Job> list;
  const std::vector<Problem> all = problems(quick);
  for (const Problem& p : all)
    for (const KernelInfo* k : near_kernels(p, machine))
      if (guessed_seconds(machine, *k, p) < kMostSeconds) list.push_back({k, p});
  // Few problems may have none that suits a kernel.
  const std::vector<Problem> more = problems(false);
  for (const KernelInfo& k : machine.kernels) {
    const auto is_its = [&](const Job& j) { return j.kernel == &k; };
    auto missing =
        static_cast<std::ptrdiff_t>(kLeastJobs) - std::count_if(list.begin(), list.end(), is_its);
    const auto is_new = [&](const Problem& p) {
      return std::none_of(list.begin(), list.end(),
                          [&](const Job& j) { return is_its(j) && j.problem.line() == p.line(); });
    };
    for (const Problem& p : more)
      if (missing > 0 && computes(k, p, k.factored) &&
          guessed_seconds(machine, k, p) < kShortSeconds && is_new(p))
        list.push_back({&k, p}), --missing;
  }
  // Threads of other libraries stay busy for a while after their work.
  std::stable_partition(list.begin(), list.end(),
                        [](const Job& j) { return j.kernel->order != Order::kFree; });
  return list;
}

Plan plan_of(const Job& job, const Machine& machine) {
  PlanOptions planning;
  planning.least = Exactness::kBound;
  planning.kernel = job.kernel->device + ":" + job.kernel->name;
  planning.src.in_place = planning.weights.in_place = planning.dst.in_place = true;
  planning.weights.factored = job.kernel->factored;
  planning.force = "flight=1";
  const Extents extents = job.problem.extents();
  for (const Axis a : kAxes)
    if (a != Axis::kCo || extents[Axis::kG] == 1)  // which would count the channels of all groups
      planning.force += fmt::format(",{}={}", to_string(a), extents[a]);
  return plan(job.problem, machine, planning);
}

/// The operands of a problem: of large ones they take as long to set up as to run.
struct Data {
  Data() = default;
  explicit Data(const Problem& p)
      : line(p.line()),
        src(ramp(p.spec(Operand::kSrc))),
        weights(ramp(p.spec(Operand::kWeights))),
        dst(p.spec(Operand::kDst)) {}
  std::string line;
  Tensor src, weights, dst;
};

/// Weights for a kernel: filters that are products, if it takes no others.
std::unique_ptr<Store> weights_for(const KernelInfo& kernel, const Tensor& weights) {
  if (!kernel.factored) return std::make_unique<MemoryStore>(weights.view());
  const Shape& s = weights.shape();
  return repeated_filter(make_filter(fmt::format("box:{}x{}", s[kY], s[kX])), s[0]);
}

void time_once_more(Job& job, Data& data, const TuneOptions& options) {
  if (data.line != job.problem.line()) data = {}, data = Data(job.problem);
  RunOptions running;
  running.cancel = options.cancel;
  running.fingerprint = false;
  MemoryStore src(std::as_const(data.src).view()), dst(data.dst.view());
  const auto weights = weights_for(*job.kernel, data.weights);
  const auto end = Clock::now() + kRoundTime;
  for (int i = 0; i < kLeastRuns || (i < kMostRuns && Clock::now() < end); ++i) {
    const Trace t = run(job.plan, Stores{&src, weights.get(), nullptr, &dst}, running);
    if (i > 0) job.traces.push_back(t);
  }
}

MeasuredRun result_of(const Job& job) {
  const auto quiet = [&](double Trace::*seconds) {
    std::vector<double> v;
    for (const Trace& t : job.traces) v.push_back(t.*seconds);
    std::sort(v.begin(), v.end());
    return std::max(1e-8, v[static_cast<std::size_t>(kQuantile * static_cast<double>(v.size()))]);
  };
  return {job.kernel->device + ":" + job.kernel->name,
          job.problem,
          quiet(&Trace::read_seconds),
          quiet(&Trace::compute_seconds),
          quiet(&Trace::write_seconds),
          quiet(&Trace::seconds)};
}

/// Two files that go away whatever happens.
class ScratchFiles {
 public:
  explicit ScratchFiles(const std::string& folder)
      : src(fmt::format("{}/tilewright-tune-{}-a.npy", folder, ::getpid())),
        dst(fmt::format("{}/tilewright-tune-{}-b.npy", folder, ::getpid())) {}
  ~ScratchFiles() {
    std::error_code ignored;
    std::filesystem::remove(src, ignored);
    std::filesystem::remove(dst, ignored);
  }
  std::string src, dst;
};

std::vector<MeasuredFile> measure_files(Machine machine, const TuneOptions& options) {
  std::vector<MeasuredFile> list;
  if (options.folder.empty()) return list;
  machine = machine.limited_to({.host_bytes = std::min(machine.host_bytes, 64_MiB)});
  const ScratchFiles files(options.folder);
  const Index side = options.quick ? kFileSide / 3 : kFileSide;
  RunOptions running;
  running.cancel = options.cancel;
  running.fingerprint = false;
  const auto pattern = open_store(fmt::format("synth:gradient,y={},x={}", side, side));
  copy_store(*pattern, files.src, 2, true, machine, running);
  for (int i = 0; i < kFileRuns; ++i) {
    ConvolveRequest request;
    request.src = files.src, request.dst = files.dst, request.kernel = "box:3";
    request.options.padding = Padding::same();
    request.overwrite = true;
    request.planning.kernel = "conv2d/direct";
    Convolution c = prepare(request, machine);
    const Trace t = convolve(request, c, running);
    list.push_back(
        {c.plan.moved.src_bytes, std::max(1e-8, t.read_seconds), std::max(1e-8, t.write_seconds)});
  }
  return list;
}

std::string now() {
  const std::time_t time = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  char text[32];
  const std::size_t length = std::strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &parts);
  return {text, length};
}

}  // namespace

Measurements tune(const Machine& machine, const TuneOptions& options) {
  Measurements found;
  found.threads = machine.threads;
  found.when = now();
  const auto tell = [&](double fraction, const std::string& what) {
    if (options.progress) options.progress(fraction, what);
  };
  const auto begin = Clock::now();
  const auto enough = [&](double rounds) {
    const std::chrono::duration<double> passed = Clock::now() - begin;
    return options.quick ? rounds : std::max(passed.count() / kEnoughSeconds, rounds / kMostRounds);
  };
  if (!options.folder.empty()) tell(0, "files");
  found.files = measure_files(machine, options);
  auto list = jobs(machine, options.quick);
  for (Job& job : list) job.plan = plan_of(job, machine);
  const auto count = static_cast<double>(list.size());
  Data data;
  // A disturbance that lasts seconds spoils one round.
  for (double done = 0; done < count || enough(done / count) < 1; ++done) {
    Job& job = list[static_cast<std::size_t>(done) % list.size()];
    tell(std::min(1.0, enough(done / count)), job.kernel->name);
    time_once_more(job, data, options);
  }
  for (const Job& job : list) found.runs.push_back(result_of(job));
  tell(1, "done");
  return found;
}

}  // namespace tilewright
