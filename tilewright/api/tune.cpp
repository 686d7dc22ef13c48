// Forward problems of many kinds, with their gradients, each by every kernel that computes it; and
// a file to file run. Of several runs one of the quickest counts: others only ever slow one down.
#include "tilewright/api/tune.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <filesystem>

#include "tilewright/api/convolve.h"
#include "tilewright/api/copy_store.h"
#include "tilewright/base/text.h"
#include "tilewright/network/gradient.h"
#include "tilewright/plan/kernel_choice.h"

namespace tilewright {
namespace {

using Clock = std::chrono::steady_clock;
using namespace literals;

// One of each kind that kernels treat differently: many and few channels, wide and narrow images,
// strides, dilation, groups, large windows, tiny work.
constexpr const char* kProblems[]{
    "ci64 y96 x96 co64 k3x3 p1,1,1,1",
    "ci1 y64 x64 co1 k3x3 p1,1,1,1",
    "ci512 y14 x14 co512 k3x3 p1,1,1,1",
    "ci3 y448 x448 co64 k7x7 s2x2 p3,3,3,3",
    "ci96 y112 x112 co96 k3x3 p1,1,1,1 g96",
    "ci64 y128 x128 co64 k1x1",
    "ci1 y1600 x1600 co1 k3x3 p1,1,1,1",
    "ci128 y64 x64 co128 k3x3 s2x2 p1,1,1,1",
    "ci1 y800 x800 co1 k15x15 p7,7,7,7",
    "ci24 y256 x256 co24 k3x3 p1,1,1,1",
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
};
constexpr std::size_t kQuickStep = 3;
// Kernels that would take longer than this, by their first guesses, are not asked.
constexpr double kMostSeconds = 0.05;
constexpr int kLeastRuns = 3, kMostRuns = 40;
constexpr Index kFileSide = 6000;  // 144 MB
constexpr int kFileRuns = 3;
constexpr int kRounds = 3;

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
  Tensor t(spec);
  float* v = t.data<float>();
  for (Index i = 0; i < spec.volume(); ++i) v[i] = static_cast<float>(i % 251) / 128 - 1;
  return t;
}

struct Job {
  const KernelInfo* kernel;
  Problem problem;
};

std::vector<Job> jobs(const Machine& machine, bool quick) {
  std::vector<Job> list;
  for (const Problem& p : problems(quick))
    for (const KernelInfo& k : machine.kernels) {
      if (!computes(k, p)) continue;
      const double threads = k.workspace_bytes_per_thread > 0 ? machine.threads : 1;
      if (k.seconds(*p.layer, whole(p.extents())) / threads < kMostSeconds) list.push_back({&k, p});
    }
  return list;
}

MeasuredRun measure(const Job& job, const Machine& machine, const TuneOptions& options) {
  PlanOptions planning;
  planning.least = Exactness::kBound;
  planning.kernel = job.kernel->device + ":" + job.kernel->name;
  planning.src.in_place = planning.weights.in_place = planning.dst.in_place = true;
  planning.force = "flight=1";
  const Extents extents = job.problem.extents();
  for (const Axis a : kAxes)
    if (a != Axis::kCo || extents[Axis::kG] == 1)  // which would count the channels of all groups
      planning.force += fmt::format(",{}={}", to_string(a), extents[a]);
  const Plan p = plan(job.problem, machine, planning);
  const Tensor src = ramp(job.problem.spec(Operand::kSrc));
  const Tensor weights = ramp(job.problem.spec(Operand::kWeights));
  Tensor dst(job.problem.spec(Operand::kDst));
  RunOptions running;
  running.cancel = options.cancel;
  running.fingerprint = false;
  run(p, src, weights, nullptr, dst, running);
  std::vector<Trace> traces;
  const auto end = Clock::now() + std::chrono::milliseconds(options.quick ? 10 : 15);
  while (static_cast<int>(traces.size()) < kLeastRuns ||
         (Clock::now() < end && static_cast<int>(traces.size()) < kMostRuns))
    traces.push_back(run(p, src, weights, nullptr, dst, running));
  const auto quiet = [&](double Trace::*seconds) {
    std::vector<double> v;
    for (const Trace& t : traces) v.push_back(t.*seconds);
    std::sort(v.begin(), v.end());
    return std::max(1e-8, v[v.size() / 10]);
  };
  return {planning.kernel, job.problem, quiet(&Trace::read_seconds), quiet(&Trace::compute_seconds),
          quiet(&Trace::seconds)};
}

void keep_quickest(MeasuredRun& best, const MeasuredRun& run) {
  best.read_seconds = std::min(best.read_seconds, run.read_seconds);
  best.compute_seconds = std::min(best.compute_seconds, run.compute_seconds);
  best.seconds = std::min(best.seconds, run.seconds);
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
  if (!options.folder.empty()) tell(0, "files");
  found.files = measure_files(machine, options);
  const auto list = jobs(machine, options.quick);
  // A disturbance that lasts seconds spoils one round.
  const int rounds = options.quick ? 1 : kRounds;
  const double all = static_cast<double>(list.size()) * rounds;
  for (int round = 0; round < rounds; ++round)
    for (std::size_t i = 0; i < list.size(); ++i) {
      tell((static_cast<double>(list.size()) * round + static_cast<double>(i)) / all,
           list[i].kernel->name);
      const MeasuredRun run = measure(list[i], machine, options);
      if (round == 0)
        found.runs.push_back(run);
      else
        keep_quickest(found.runs[i], run);
    }
  tell(1, "done");
  return found;
}

}  // namespace tilewright
