// The processor's vector units.
#pragma once

#include "tilewright/device/device.h"

namespace tilewright {

const Device& cpu_device();

namespace cpu {

/// GFLOP/s of independent multiply-adds on `threads` threads, measured for about 50 ms; 0 if the
/// machine has no fused multiply-add.
double measure_fma_peak(int threads);

/// Rates of main memory with `threads` threads, measured for about 200 ms on 256 MiB; zeros if
/// there is no room for those.
MemoryRates measure_memory(int threads);

/// "AVX2", "AVX3", "NEON" …
const char* vector_target();

}  // namespace cpu
}  // namespace tilewright
