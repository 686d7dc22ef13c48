// Kernels of oneDNN, an optional library. It wants blocks of channels side by side: strips of the
// step go through its layouts in the workspace, which holds its scratchpads too.
#pragma once

#include <string>

#include "tilewright/device/device.h"

namespace tilewright::cpu {

/// conv2d/onednn, conv2d_transpose/onednn and conv2d_weights/onednn; empty in a build without it.
std::vector<Kernel> onednn_kernels();

/// "oneDNN 2.6.3", or how to get it.
std::string onednn_version();

}  // namespace tilewright::cpu
