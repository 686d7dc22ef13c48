// The loops over rows of conv2d_direct, compiled once per target; conv2d_direct_ops.cpp names them
// in its table.
#include "tilewright/device/cpu/kernels/conv2d_direct_ops.h"
#include "tilewright/device/cpu/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tilewright/device/cpu/kernels/conv2d_direct_rows_ops.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "tilewright/device/cpu/kernels/conv2d_direct_rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilewright::cpu::HWY_NAMESPACE {

#if HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128

template void rows<float>(const RowsJob<float>&);
template void rows<double>(const RowsJob<double>&);
template bool rows_pad<float>(const RowsJob<float>&);
template bool rows_pad<double>(const RowsJob<double>&);

#endif

}  // namespace tilewright::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
