// What the table of the suite for canonical kernels leaves out: parts of several bands, and each
// way to read the source under blocks that meet the edge of the image.
#include "tilewright/device/cpu/kernels/conv2d_weights.h"

#include "tilewright/device/free_conformance.h"

namespace tilewright {
namespace {

TEST(Conv2dWeights, EqualsTheDefinitionHoweverItIsDealtOut) {
  const std::vector<conformance::Case> cases{
      {.ci = 70, .co = 150, .y = 9, .x = 130, .pad = 3},  // two bands
      {.ci = 13, .co = 72, .y = 10, .x = 140, .sy = 2, .sx = 3, .pad = 1},
      {.ci = 5, .co = 70, .y = 20, .x = 140, .ky = 3, .kx = 3, .sy = 2, .sx = 2, .pad = 2},
      {.ci = 17, .co = 24, .y = 17, .x = 129, .ky = 1, .kx = 2, .pad = 1},  // many channels a tile
      // Channels that are too large to be copied whole.
      {.ci = 3, .co = 40, .y = 9, .x = 130, .ky = 3, .kx = 3, .dy = 50, .dx = 60, .pad = 70},
      // Lanes along taps.
      {.ci = 2, .co = 2, .y = 9, .x = 140, .ky = 3, .kx = 20, .sx = 2, .pad = 9},
      {.co = 3, .y = 9, .x = 140, .ky = 2, .kx = 37, .sx = 3, .pad = 9},
      // Blocks that threads share, and sums that go on.
      {.n = 2, .ci = 3, .co = 40, .y = 70, .x = 140, .ky = 3, .kx = 3, .split = 1, .pad = 2},
      {.ci = 4, .co = 7, .y = 300, .x = 40, .ky = 5, .kx = 3, .sy = 2, .split = 2, .pad = 3},
      // Lanes along groups, and along blocks of results whose edges differ.
      {.groups = 20, .y = 20, .x = 140, .ky = 3, .kx = 3, .pad = 2},
      {.groups = 9, .co = 2, .y = 9, .x = 130, .kx = 3, .sx = 2, .pad = 5},
      {.y = 90, .x = 300, .ky = 3, .kx = 3, .pad = 2},
      {.ci = 2, .y = 90, .x = 300, .ky = 3, .sx = 2, .pad = 150},
  };
  const Kernel& kernel = find_kernel("cpu", "conv2d_weights/direct");
  for (conformance::Case c : cases)
    for (const int threads : {1, 3}) {
      c.threads = threads, c.special = threads == 3;
      c.dtype = threads == 3 ? DType::kF64 : DType::kF32;
      EXPECT_TRUE(conformance::gradient_agrees(c, kernel)) << c;
    }
}

}  // namespace
}  // namespace tilewright
