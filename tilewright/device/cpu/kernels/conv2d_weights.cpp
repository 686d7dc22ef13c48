// Every weight is a sum over results of result times source, one chain inside a block of results.
// What lies side by side in the lanes is chosen by the cycles it should take; threads share the
// weights, or blocks of results whose sums are added in order.
#include "tilewright/device/cpu/kernels/conv2d_weights.h"

#include "tilewright/device/cpu/kernels/conv2d_weights_dense.h"
#include "tilewright/device/cpu/kernels/conv2d_weights_units.h"

namespace tilewright::cpu {
namespace {

static_assert(kWeightsDenseWorkspace <= kConv2dWeightsWorkspace &&
              kWeightsUnitsWorkspace <= kConv2dWeightsWorkspace);

// Below this many multiply-adds, waking a thread costs more than it saves.
constexpr double kThreadWork = 1e6;

template <class T>
void run_typed(StepArgs a, const OuterOps<T>& ops) {
  const double work = static_cast<double>(volume(a.dst.shape)) *
                      static_cast<double>(volume(a.weights.shape) / a.weights.shape[kC]);
  if (work < kThreadWork) a.threads = 1;
  const WeightsStep<T> s(a, ops);
  DenseLanes dense = DenseLanes::kResults;
  double dense_cycles = dense_weights_cycles(s, dense);
  // With larger strides, copies of what vectors of taps meet are too large.
  if (s.dilation_x == 1 && s.stride_x <= 2 && s.kx >= ops.lanes) {
    const double taps = dense_weights_cycles(s, DenseLanes::kTaps);
    if (taps < dense_cycles) dense = DenseLanes::kTaps, dense_cycles = taps;
  }
  const double groups = unit_weights_cycles(s, UnitLanes::kGroups);
  const double blocks = unit_weights_cycles(s, UnitLanes::kBlocks);
  if (dense_cycles <= std::min(groups, blocks)) return run_dense_weights(s, dense);
  run_unit_weights(s, groups <= blocks ? UnitLanes::kGroups : UnitLanes::kBlocks);
}

}  // namespace

void run_conv2d_weights_direct(const StepArgs& args) {
  if (args.src.dtype == DType::kF64) return run_typed<double>(args, *outer_ops_f64());
  run_typed<float>(args, *outer_ops_f32());
}

}  // namespace tilewright::cpu
