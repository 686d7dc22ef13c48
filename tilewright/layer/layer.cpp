// Names of axes.
#include "tilewright/layer/layer.h"

namespace tilewright {

const char* to_string(Axis axis) {
  constexpr std::array<const char*, kAxisCount> kNames{"n", "g", "co", "ci", "y", "x", "ky", "kx"};
  return kNames[static_cast<std::size_t>(axis)];
}

Block whole(const Extents& extents) {
  Block block;
  for (const Axis a : kAxes) block[a] = {0, extents[a]};
  return block;
}

double Layer::longest_sum(const Extents& extents, DType) const {
  double products = 1;
  for (const Axis a : kAxes)
    if (role(a) == Role::kReduce) products *= static_cast<double>(extents[a]);
  return products;
}

}  // namespace tilewright
