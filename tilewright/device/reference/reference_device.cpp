// Runs the definition on one step: the window is padded already, so its own padding is zero.
//
// Without compiler flags, x86-64 calls a library function for every fused multiply-add. The second
// copy of the loops is compiled for processors that have the instruction; the bits are the same.
#include "tilewright/device/reference/reference_device.h"

#include "tilewright/device/reference/conv2d_gradients_reference.h"
#include "tilewright/device/reference/conv2d_reference.h"

namespace tilewright {
namespace {

Window without_padding(Window w) {
  w.pad_begin = w.pad_end = 0;
  return w;
}

struct Forward {
  template <class T>
  static void run(const StepArgs& a) {
    reference::conv2d<T>(a.src, a.weights, a.bias, a.dst, without_padding(a.layer->window(kY)),
                         without_padding(a.layer->window(kX)), a.groups, !a.first);
  }
};

struct Transpose {
  template <class T>
  static void run(const StepArgs& a) {
    reference::conv2d_transpose<T>(a.src, a.weights, a.dst, a.layer->window(kY),
                                   a.layer->window(kX), a.groups, a.y, a.x, !a.first);
  }
};

struct Weights {
  template <class T>
  static void run(const StepArgs& a) {
    reference::conv2d_weights<T>(a.src, a.weights, a.dst, a.layer->window(kY), a.layer->window(kX),
                                 a.groups, a.layer->sum_block(Axis::kY),
                                 a.layer->sum_block(Axis::kX), !a.first);
  }
};

template <class Definition>
void run_portable(const StepArgs& a) {
  if (a.src.dtype == DType::kF64) return Definition::template run<double>(a);
  Definition::template run<float>(a);
}

#if defined(__x86_64__) && defined(__GNUC__)

template <class Definition>
__attribute__((target("fma"), flatten)) void run_with_fma(const StepArgs& a) {
  if (a.src.dtype == DType::kF64) return Definition::template run<double>(a);
  Definition::template run<float>(a);
}

template <class Definition>
void run(const StepArgs& a) {
  return __builtin_cpu_supports("fma") ? run_with_fma<Definition>(a) : run_portable<Definition>(a);
}

#else

template <class Definition>
void run(const StepArgs& a) {
  run_portable<Definition>(a);
}

#endif

class ReferenceDevice final : public Device {
 public:
  const char* name() const override { return "reference"; }
  std::string describe() const override { return "the definition of every layer, plain loops"; }
  const std::vector<Kernel>& kernels() const override {
    const auto row = [](const char* name, const char* layer, void (*run)(const StepArgs&)) {
      Kernel k;
      k.name = name, k.layer = layer, k.run = run;
      k.dtypes = {DType::kF32, DType::kF64};
      k.per_cycle = {0.15, 2, 0.01};
      return k;
    };
    static const std::vector<Kernel> table{
        row("conv2d/definition", "conv2d", &run<Forward>),
        row("conv2d_transpose/definition", "conv2d_transpose", &run<Transpose>),
        row("conv2d_weights/definition", "conv2d_weights", &run<Weights>)};
    return table;
  }
};

}  // namespace

const Device& reference_device() {
  static const ReferenceDevice device;
  return device;
}

}  // namespace tilewright
