// Stands in for the kernels of oneDNN in a build without it.
#include "tilewright/device/cpu/kernels/onednn/conv2d_onednn.h"

namespace tilewright::cpu {

std::vector<Kernel> onednn_kernels() { return {}; }

std::string onednn_version() { return "no oneDNN (built without libdnnl-dev)"; }

}  // namespace tilewright::cpu
