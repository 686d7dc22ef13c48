// Times kernels on single steps, without planner or files: GFLOP/s, per cent of the measured peak
// and GB/s of source plus destination. Usage: kernel_bench [threads] [filter] [device:kernel]
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <random>
#include <vector>

#include "tilewright/device/cpu/cpu_device.h"
#include "tilewright/layer/conv2d/conv2d.h"

namespace tilewright {
namespace {

struct Row {
  const char* name;
  Index groups, ci, co, y, x, ky, kx, stride, dilation;
};

constexpr Row kRows[] = {
    {"64->64 3x3 @512", 1, 64, 64, 512, 512, 3, 3, 1, 1},
    {"128->128 3x3 @256", 1, 128, 128, 256, 256, 3, 3, 1, 1},
    {"256->256 3x3 @128", 1, 256, 256, 128, 128, 3, 3, 1, 1},
    {"16->16 3x3 @1024", 1, 16, 16, 1024, 1024, 3, 3, 1, 1},
    {"3->64 7x7 s2 @1024", 1, 3, 64, 512, 512, 7, 7, 2, 1},
    {"256->256 1x1 @128", 1, 256, 256, 128, 128, 1, 1, 1, 1},
    {"256->256 3x3 s2 @128", 1, 256, 256, 64, 64, 3, 3, 2, 1},
    {"64->64 3x3 d2 @512", 1, 64, 64, 512, 512, 3, 3, 1, 2},
    {"depthwise 256 3x3 @128", 256, 1, 1, 128, 128, 3, 3, 1, 1},
    {"depthwise 256 3x3 s2 @128", 256, 1, 1, 64, 64, 3, 3, 2, 1},
    {"depthwise 256 7x7 @7", 256, 1, 1, 7, 7, 7, 7, 1, 1},
    {"1->1 31x31 @2048", 1, 1, 1, 2048, 2048, 31, 31, 1, 1},
    {"1->1 21x21 @4096", 1, 1, 1, 4096, 4096, 21, 21, 1, 1},
    {"1->1 7x7 @2048", 1, 1, 1, 2048, 2048, 7, 7, 1, 1},
    {"1->1 9x9 @2048", 1, 1, 1, 2048, 2048, 9, 9, 1, 1},
    {"1->1 13x13 @2048", 1, 1, 1, 2048, 2048, 13, 13, 1, 1},
    {"8->8 5x5 @512", 1, 8, 8, 512, 512, 5, 5, 1, 1},
    {"8->8 9x9 @512", 1, 8, 8, 512, 512, 9, 9, 1, 1},
    {"8->8 31x31 @512", 1, 8, 8, 512, 512, 31, 31, 1, 1},
    {"64->64 5x5 @128", 1, 64, 64, 128, 128, 5, 5, 1, 1},
    {"64->64 9x9 @128", 1, 64, 64, 128, 128, 9, 9, 1, 1},
    {"depthwise 256 7x7 @64", 256, 1, 1, 64, 64, 7, 7, 1, 1},
    {"depthwise 256 13x13 @64", 256, 1, 1, 64, 64, 13, 13, 1, 1},
    {"depthwise 256 31x31 @64", 256, 1, 1, 64, 64, 31, 31, 1, 1},
    {"1->1 5x5 @4096", 1, 1, 1, 4096, 4096, 5, 5, 1, 1},
    {"1->1 3x3 @4096", 1, 1, 1, 4096, 4096, 3, 3, 1, 1},
    {"1->1 3x3 s2 @4096", 1, 1, 1, 2048, 2048, 3, 3, 2, 1},
    {"3->3 5x5 @2048", 1, 3, 3, 2048, 2048, 5, 5, 1, 1},
    {"64->64 3x3 @7", 1, 64, 64, 7, 7, 3, 3, 1, 1},
    {"512->512 3x3 @7", 1, 512, 512, 7, 7, 3, 3, 1, 1},
    {"1->1 1x3 @1x100000", 1, 1, 1, 1, 100000, 1, 3, 1, 1},
    {"1->1 3x1 @100000x1", 1, 1, 1, 100000, 1, 3, 1, 1, 1},
    {"8->8 3x3 @100000x3", 1, 8, 8, 100000, 3, 3, 3, 1, 1},
    {"1->64 3x3 @512", 1, 1, 64, 512, 512, 3, 3, 1, 1},
    {"64->1 3x3 @512", 1, 64, 1, 512, 512, 3, 3, 1, 1},
    {"64->2 3x3 @512", 1, 64, 2, 512, 512, 3, 3, 1, 1},
    {"groups32 4->4 3x3 @56", 32, 4, 4, 56, 56, 3, 3, 1, 1},
    {"1->1 1x1 @1", 1, 1, 1, 1, 1, 1, 1, 1, 1},
    {"1->1 3x3 @4", 1, 1, 1, 4, 4, 3, 3, 1, 1},
    {"4->4 3x3 @4", 1, 4, 4, 4, 4, 3, 3, 1, 1},
    {"64->64 1x1 @1", 1, 64, 64, 1, 1, 1, 1, 1, 1},
    {"depthwise 64 3x3 @2", 64, 1, 1, 2, 2, 3, 3, 1, 1},
};

Tensor random_tensor(const Shape& shape) {
  Tensor t(DType::kF32, shape);
  std::mt19937 random(1);
  for (Index i = 0; i < t.spec().volume(); ++i)
    t.data<float>()[i] = static_cast<float>(random() % 2001) * 1e-3f - 1.0f;
  return t;
}

bool computes(const Kernel& k, const Row& r) {
  return k.windows.contains(r.ky, r.stride, r.dilation) &&
         k.windows.contains(r.kx, r.stride, r.dilation);
}

// Processor time, so that other programs on the machine disturb less.
double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

struct Times {
  double wall, cpu;  // cpu: of all threads
};

Times best_times(const Kernel& kernel, const StepArgs& args) {
  using Clock = std::chrono::steady_clock;
  kernel.run(args);
  std::vector<double> times;
  double total = 0;
  const double cpu = cpu_seconds();
  while (times.size() < 3 || (total < 0.6 && times.size() < 20000)) {
    const auto begin = Clock::now();
    kernel.run(args);
    times.push_back(std::chrono::duration<double>(Clock::now() - begin).count());
    total += times.back();
    if (total > 20) break;
  }
  const double mean_cpu = (cpu_seconds() - cpu) / static_cast<double>(times.size());
  return {*std::min_element(times.begin(), times.end()), mean_cpu};
}

void bench(const Row& r, int threads, double peak, const Kernel& kernel) {
  const Shape src_shape{1, r.groups * r.ci, (r.y - 1) * r.stride + (r.ky - 1) * r.dilation + 1,
                        (r.x - 1) * r.stride + (r.kx - 1) * r.dilation + 1};
  const Tensor src = random_tensor(src_shape);
  const Tensor weights = random_tensor({r.groups * r.co, r.ci, r.ky, r.kx});
  Tensor dst(DType::kF32, {1, r.groups * r.co, r.y, r.x});
  const Block step = whole({{1, r.groups, r.co, r.ci, r.y, r.x, r.ky, r.kx}});
  Tensor workspace(DType::kU8, {1, 1, 1, workspace_bytes(kernel, step, threads) + 64});
  Conv2dOptions options;
  options.stride = {r.stride, r.stride};
  options.dilation = {r.dilation, r.dilation};
  options.groups = r.groups;
  const auto layer = Conv2d::make(src_shape, weights.shape(), false, options);
  StepArgs args;
  args.layer = layer.get();
  args.src = src.view(), args.weights = weights.view(), args.dst = dst.view();
  args.groups = r.groups;
  args.workspace = workspace.data<std::byte>();
  args.threads = threads;
  args.stream = dst.spec().bytes() >= Index{8} << 20;
  const Times times = best_times(kernel, args);
  const double seconds = times.wall;
  const double flop = 2.0 * static_cast<double>(dst.spec().volume() * r.ci * r.ky * r.kx);
  const double bytes = static_cast<double>(src.spec().bytes() + dst.spec().bytes());
  fmt::print("{:28} {:10.3f} ms {:8.2f} GFLOP/s {:5.1f} % {:7.2f} GB/s, of cpu time {:5.1f} %\n",
             r.name, seconds * 1e3, flop / seconds * 1e-9, 100 * flop / seconds * 1e-9 / peak,
             bytes / seconds * 1e-9, 100 * flop / times.cpu * 1e-9 / (peak / threads));
}

}  // namespace
}  // namespace tilewright

int main(int argc, char** argv) {
  using namespace tilewright;
  const int threads = argc > 1 ? std::atoi(argv[1]) : 2;
  const std::string filter = argc > 2 ? argv[2] : "";
  const std::string name = argc > 3 ? argv[3] : "cpu:conv2d/direct";
  double peak = 0;
  for (int i = 0; i < 10; ++i) peak = std::max(peak, cpu::measure_fma_peak(threads));
  fmt::print("{}; peak of {} threads {:.1f} GFLOP/s\n", cpu_device().describe(), threads, peak);
  const auto colon = name.find(':');
  const Kernel& kernel = find_kernel(name.substr(0, colon), name.substr(colon + 1));
  for (const Row& r : kRows)
    if (std::string(r.name).find(filter) != std::string::npos && computes(kernel, r))
      bench(r, threads, peak, kernel);
}
