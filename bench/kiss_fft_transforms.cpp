// The transforms of the FFT kernels beside KISS FFT's: a real square block to its spectrum and
// back, one thread, in turn. Built only where KISS FFT is installed; the library does not use it.
#include <fmt/format.h>
#include <kiss_fftr.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <vector>

#include "tilewright/device/cpu/kernels/conv2d_fft_ops.h"
#include "tilewright/tilewright.h"

namespace tilewright {
namespace {

/// Rows by real transforms, then columns, one by one.
class Kiss {
 public:
  explicit Kiss(Index n)
      : n_(n),
        half_(n / 2 + 1),
        rows_(static_cast<std::size_t>(n * half_)),
        columns_(rows_.size()),
        column_(static_cast<std::size_t>(n)) {
    const auto size = static_cast<int>(n);
    real_ = kiss_fftr_alloc(size, 0, nullptr, nullptr);
    real_back_ = kiss_fftr_alloc(size, 1, nullptr, nullptr);
    complex_ = kiss_fft_alloc(size, 0, nullptr, nullptr);
    complex_back_ = kiss_fft_alloc(size, 1, nullptr, nullptr);
  }
  ~Kiss() {
    for (void* p : {static_cast<void*>(real_), static_cast<void*>(real_back_),
                    static_cast<void*>(complex_), static_cast<void*>(complex_back_)})
      std::free(p);
  }
  Kiss(const Kiss&) = delete;
  Kiss& operator=(const Kiss&) = delete;

  void there_and_back(const float* src, float* dst) {
    for (Index y = 0; y < n_; ++y) kiss_fftr(real_, src + y * n_, rows_.data() + y * half_);
    for (Index x = 0; x < half_; ++x)
      kiss_fft_stride(complex_, rows_.data() + x, columns_.data() + x * n_,
                      static_cast<int>(half_));
    for (Index x = 0; x < half_; ++x) {
      kiss_fft(complex_back_, columns_.data() + x * n_, column_.data());
      for (Index y = 0; y < n_; ++y)
        rows_[static_cast<std::size_t>(y * half_ + x)] = column_[static_cast<std::size_t>(y)];
    }
    for (Index y = 0; y < n_; ++y) kiss_fftri(real_back_, rows_.data() + y * half_, dst + y * n_);
  }

 private:
  Index n_, half_;
  std::vector<kiss_fft_cpx> rows_, columns_, column_;
  kiss_fftr_cfg real_, real_back_;
  kiss_fft_cfg complex_, complex_back_;
};

template <class F>
double microseconds(int repeat, F&& f) {
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  for (int i = 0; i < repeat; ++i) f();
  return std::chrono::duration<double, std::micro>(Clock::now() - begin).count() / repeat;
}

void compare(Index n) {
  const cpu::FftOps& ops = *cpu::fft_ops();
  const cpu::FftBlock block{n, n};
  Tensor src(DType::kF32, {1, 1, n, n}), dst(DType::kF32, {1, 1, n, n});
  Tensor spectrum(DType::kF32, {1, 1, 1, ops.spectrum(block)});
  Tensor scratch(DType::kF32, {1, 1, 1, ops.scratch(block)});
  for (Index i = 0; i < n * n; ++i) src.data<float>()[i] = static_cast<float>(i * 7919 % 1000);
  cpu::FftSource from;
  from.block = block, from.src = src.data<float>(), from.row = n;
  from.y = from.x = {0, n};
  from.dst = spectrum.data<float>(), from.scratch = scratch.data<float>();
  cpu::FftResult to;
  to.block = block, to.src = spectrum.data<float>(), to.dst = dst.data<float>(), to.row = n;
  to.height = to.width = n, to.scratch = scratch.data<float>();
  Kiss kiss(n);
  const int repeat = static_cast<int>(std::max<Index>(1, (1 << 20) / (n * n)));
  std::vector<double> ours, theirs, ratios;
  for (int i = 0; i < 15; ++i) {
    ours.push_back(microseconds(repeat, [&] { ops.source(from), ops.result(to); }));
    theirs.push_back(
        microseconds(repeat, [&] { kiss.there_and_back(src.data<float>(), dst.data<float>()); }));
    ratios.push_back(theirs.back() / ours.back());
  }
  for (auto* v : {&ours, &theirs, &ratios}) std::sort(v->begin(), v->end());
  const double flop = 2 * 5.0 * static_cast<double>(n * n) * std::log2(static_cast<double>(n));
  fmt::print(
      "{0:4} x {0:<4} Tilewright {1:8.1f} us ({2:5.1f} GFLOP/s), KISS FFT {3:8.1f} us, {4:.1f} "
      "x as fast\n",
      n, ours[7], flop / ours[7] * 1e-3, theirs[7], ratios[7]);
}

}  // namespace
}  // namespace tilewright

int main() {
  for (const tilewright::Index n : {64, 128, 256, 512, 1024}) tilewright::compare(n);
}
