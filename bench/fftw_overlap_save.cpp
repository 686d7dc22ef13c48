// A hand-written overlap-save with FFTW3f, beside the library: one channel, zero padding "same",
// blocks of the best of several sizes, threads that share the blocks. Both in turn, median of the
// ratios. Built only where FFTW3f is installed. Usage: fftw_overlap_save [threads] [edge taps ...]
#include <fftw3.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <complex>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

#include "tilewright/tilewright.h"

namespace {

using tilewright::Index;
using Clock = std::chrono::steady_clock;

/// Plans, tables and spectra for one block size.
class OverlapSave {
 public:
  OverlapSave(Index size, Index taps, const float* weights, int threads)
      : n_(size), taps_(taps), half_(size / 2 + 1), threads_(threads) {
    const auto side = static_cast<int>(n_);
    weights_ = complex();
    float* const block = real();
    fftwf_complex* const spectrum = complex();
    forward_ = fftwf_plan_dft_r2c_2d(side, side, block, spectrum, FFTW_MEASURE);
    back_ = fftwf_plan_dft_c2r_2d(side, side, spectrum, block, FFTW_MEASURE);
    std::fill(block, block + n_ * n_, 0.0f);
    for (Index y = 0; y < taps; ++y)
      std::copy(weights + y * taps, weights + (y + 1) * taps, block + y * n_);
    fftwf_execute_dft_r2c(forward_, block, weights_);
    const float scale = 1 / static_cast<float>(n_ * n_);
    for (Index i = 0; i < n_ * half_; ++i) weights_[i][0] *= scale, weights_[i][1] *= -scale;
    blocks_.push_back(block), spectra_.push_back(spectrum);
    for (int i = 1; i < threads; ++i) blocks_.push_back(real()), spectra_.push_back(complex());
  }
  ~OverlapSave() {
    for (float* b : blocks_) fftwf_free(b);
    for (fftwf_complex* s : spectra_) fftwf_free(s);
    fftwf_free(weights_);
    fftwf_destroy_plan(forward_), fftwf_destroy_plan(back_);
  }
  OverlapSave(const OverlapSave&) = delete;
  OverlapSave& operator=(const OverlapSave&) = delete;

  void run(const float* src, float* dst, Index edge) {
    const Index step = n_ - taps_ + 1, across = (edge + step - 1) / step;
    std::atomic<Index> next = 0;
    const auto work = [&](int slot) {
      for (Index i; (i = next++) < across * across;)
        block(src, dst, edge, i / across * step, i % across * step, slot);
    };
    std::vector<std::thread> others;
    for (int i = 1; i < threads_; ++i) others.emplace_back(work, i);
    work(0);
    for (std::thread& t : others) t.join();
  }

 private:
  float* real() const { return fftwf_alloc_real(static_cast<std::size_t>(n_ * n_)); }
  fftwf_complex* complex() const {
    return fftwf_alloc_complex(static_cast<std::size_t>(n_ * half_));
  }

  void block(const float* src, float* dst, Index edge, Index top, Index left, int slot) {
    float* const b = blocks_[static_cast<std::size_t>(slot)];
    fftwf_complex* const s = spectra_[static_cast<std::size_t>(slot)];
    const Index pad = taps_ / 2, valid = n_ - taps_ + 1;
    for (Index y = 0; y < n_; ++y) {
      const Index from = top + y - pad;
      float* const row = b + y * n_;
      const Index begin = std::clamp<Index>(pad - left, 0, n_);
      const Index end = std::clamp<Index>(edge + pad - left, begin, n_);
      if (from < 0 || from >= edge) {
        std::fill(row, row + n_, 0.0f);
        continue;
      }
      std::fill(row, row + begin, 0.0f);
      std::copy(src + from * edge + left - pad + begin, src + from * edge + left - pad + end,
                row + begin);
      std::fill(row + end, row + n_, 0.0f);
    }
    fftwf_execute_dft_r2c(forward_, b, s);
    for (Index i = 0; i < n_ * half_; ++i) {
      const float re = s[i][0], im = s[i][1], w_re = weights_[i][0], w_im = weights_[i][1];
      s[i][0] = re * w_re - im * w_im;
      s[i][1] = re * w_im + im * w_re;
    }
    fftwf_execute_dft_c2r(back_, s, b);
    const Index rows = std::min(valid, edge - top), columns = std::min(valid, edge - left);
    for (Index y = 0; y < rows; ++y)
      std::copy(b + y * n_, b + y * n_ + columns, dst + (top + y) * edge + left);
  }

  Index n_, taps_, half_;
  int threads_;
  fftwf_complex* weights_;
  fftwf_plan forward_, back_;
  std::vector<float*> blocks_;
  std::vector<fftwf_complex*> spectra_;
};

template <class F>
double seconds(F&& f) {
  const auto begin = Clock::now();
  f();
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v[v.size() / 2];
}

void compare(Index edge, Index taps, int threads) {
  using namespace tilewright;
  const Problem p =
      parse_problem(fmt::format("conv2d ci1 y{} x{} co1 k{}x{} p{},{},{},{}", edge, edge, taps,
                                taps, taps / 2, taps / 2, taps / 2, taps / 2));
  Tensor src(DType::kF32, {1, 1, edge, edge}), weights(DType::kF32, {1, 1, taps, taps});
  std::mt19937 random(1);
  for (Tensor* t : {&src, &weights})
    for (Index i = 0; i < t->spec().volume(); ++i)
      t->data<float>()[i] = static_cast<float>(random() % 2001) * 1e-3f - 1.0f;
  Tensor dst(p.spec(Operand::kDst)), other(p.spec(Operand::kDst));
  PlanOptions options;
  options.kernel = "fft";
  options.src.in_place = options.dst.in_place = true;
  const Plan plan = tilewright::plan(p, local_machine().limited_to({0, threads}), options);
  Index best = 0;
  double least = 0;
  for (Index n = 128; n <= 4096; n *= 2) {
    if (n < taps + 16 || n > 2 * edge) continue;
    OverlapSave candidate(n, taps, weights.data<float>(), threads);
    candidate.run(src.data<float>(), other.data<float>(), edge);
    const double s = seconds([&] { candidate.run(src.data<float>(), other.data<float>(), edge); });
    if (best == 0 || s < least) best = n, least = s;
  }
  OverlapSave fftw(best, taps, weights.data<float>(), threads);
  RunOptions quick;
  quick.fingerprint = false;
  std::vector<double> ours, theirs, ratios;
  for (int i = 0; i < 9; ++i) {
    theirs.push_back(seconds([&] { fftw.run(src.data<float>(), other.data<float>(), edge); }));
    ours.push_back(seconds([&] { run(plan, src, weights, nullptr, dst, quick); }));
    ratios.push_back(theirs.back() / ours.back());
  }
  double gap = 0;
  for (Index i = 0; i < dst.spec().volume(); ++i)
    gap = std::max<double>(gap, std::abs(dst.data<float>()[i] - other.data<float>()[i]));
  fmt::print(
      "{0}x{0} taps {1}x{1}: FFTW3f (blocks of {2}) {3:.1f} ms, Tilewright {4:.1f} ms, "
      "{5:.2f} x as fast; largest difference {6:.1e}\n",
      edge, taps, best, 1e3 * median(theirs), 1e3 * median(ours), median(ratios), gap);
}

}  // namespace

int main(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : 2;
  if (argc > 3) {
    for (int i = 2; i + 1 < argc; i += 2)
      compare(std::atoi(argv[i]), std::atoi(argv[i + 1]), threads);
    return 0;
  }
  for (const Index taps : {9, 15, 31, 63, 101, 127, 255, 511}) compare(4096, taps, threads);
}
