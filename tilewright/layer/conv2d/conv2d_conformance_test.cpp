// conv2d keeps what every layer must keep.
#include "tilewright/layer/conformance.h"
#include "tilewright/layer/conv2d/conv2d.h"

namespace tilewright {
namespace {

TEST(Conv2dConformance, Plain) {
  const Shape src{2, 6, 17, 19};

  check_layer(*Conv2d::make(src, {8, 6, 3, 5}, false, {}), src);
}

TEST(Conv2dConformance, EverythingAtOnce) {
  const Shape src{3, 6, 17, 19};
  Conv2dOptions options;
  options.stride = {2, 3};
  options.dilation = {2, 1};
  options.padding = Padding::sides(3, 1, 0, 5);
  options.padding_mode = PaddingMode::kReflect;
  options.groups = 3;
  options.flip = true;

  check_layer(*Conv2d::make(src, {9, 2, 4, 3}, true, options), src);
}

TEST(Conv2dConformance, Depthwise) {
  const Shape src{1, 7, 9, 9};
  Conv2dOptions options;
  options.groups = 7;
  options.padding = Padding::same();

  check_layer(*Conv2d::make(src, {7, 1, 3, 3}, false, options), src);
}

}  // namespace
}  // namespace tilewright
