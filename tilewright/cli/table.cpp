// All commands.
#include "tilewright/cli/commands.h"

namespace tilewright::cli {

const std::vector<Command>& command_table() {
  static const std::vector<Command> table{
      {"conv", "convolve a raster or an array, file to file", define_conv},
      {"grad", "gradients of a convolution, file to file", define_grad},
      {"plan", "show how a convolution would be cut, without running it", define_plan},
      {"verify", "check a result, or a plan on generated data", define_verify},
      {"info", "describe a raster or an array", define_info},
      {"synth", "make a picture or an array of any size", define_synth},
      {"bench", "time problems and compare with what was predicted", define_bench},
      {"tune", "measure this machine, so that plans know it", define_tune},
      {"devices", "list devices and kernels", define_devices},
  };
  return table;
}

}  // namespace tilewright::cli
