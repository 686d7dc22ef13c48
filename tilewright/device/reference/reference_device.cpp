// Runs the definition on one step: the window is padded already, so its own padding is zero.
//
// Without compiler flags, x86-64 calls a library function for every fused multiply-add. The second
// copy of the loops is compiled for processors that have the instruction; the bits are the same.
#include "tilewright/device/reference/reference_device.h"

#include "tilewright/device/reference/conv2d_reference.h"

namespace tilewright {
namespace {

Window without_padding(Window w) {
  w.pad_begin = w.pad_end = 0;
  return w;
}

template <class T>
void run_typed(const StepArgs& a) {
  reference::conv2d<T>(a.src, a.weights, a.bias, a.dst, without_padding(a.layer->window(kY)),
                       without_padding(a.layer->window(kX)), a.groups, !a.first);
}

void run_portable(const StepArgs& a) {
  if (a.dst.dtype == DType::kF64) return run_typed<double>(a);
  run_typed<float>(a);
}

#if defined(__x86_64__) && defined(__GNUC__)

__attribute__((target("fma"), flatten)) void run_with_fma(const StepArgs& a) {
  if (a.dst.dtype == DType::kF64) return run_typed<double>(a);
  run_typed<float>(a);
}

void run(const StepArgs& a) {
  return __builtin_cpu_supports("fma") ? run_with_fma(a) : run_portable(a);
}

#else

void run(const StepArgs& a) { run_portable(a); }

#endif

class ReferenceDevice final : public Device {
 public:
  const char* name() const override { return "reference"; }
  std::string describe() const override { return "the definition of every layer, plain loops"; }
  const std::vector<Kernel>& kernels() const override {
    static const std::vector<Kernel> table{{"conv2d/definition",
                                            "conv2d",
                                            Order::kCanonical,
                                            {DType::kF32, DType::kF64},
                                            0,
                                            0.1,
                                            &run}};
    return table;
  }
};

}  // namespace

const Device& reference_device() {
  static const ReferenceDevice device;
  return device;
}

}  // namespace tilewright
