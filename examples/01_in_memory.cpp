// Lesson 1: a convolution of two tensors in memory.
//
// Tensors are dense and four-dimensional: [n,c,y,x] for pictures, [co,ci,ky,kx] for weights.
// conv2d() correlates, as neural networks do: the kernel is not turned round.
#include <tilewright/tilewright.h>

#include <cstdio>

namespace tw = tilewright;

namespace {

void print(const char* title, const tw::Tensor& t) {
  std::printf("%s\n", title);
  for (tw::Index y = 0; y < t.shape()[2]; ++y) {
    for (tw::Index x = 0; x < t.shape()[3]; ++x)
      std::printf("%5.0f", static_cast<double>(*t.view().at<float>(0, 0, y, x)));
    std::printf("\n");
  }
}

}  // namespace

int main() {
  // One picture with one channel: a bright square on a dark ground.
  const tw::Tensor picture = tw::Tensor::from({1, 1, 4, 5}, {0, 0, 0, 0, 0,  //
                                                             0, 9, 9, 0, 0,  //
                                                             0, 9, 9, 0, 0,  //
                                                             0, 0, 0, 0, 0});
  // The horizontal gradient: right neighbour minus left neighbour.
  const tw::Tensor gradient = tw::Tensor::from({1, 1, 1, 3}, {-1, 0, 1});

  // Without padding, only windows inside the picture count, so the result is narrower.
  print("valid", tw::conv2d(picture, gradient));

  // With "same" padding the result has the size of the picture; zeros are added around it.
  print("same", tw::conv2d(picture, gradient, {.padding = tw::Padding::same()}));

  // What the padding shows can be chosen, and every second output left out.
  print("same, mirrored, stride 2", tw::conv2d(picture, gradient,
                                               {.stride = {2, 2},
                                                .padding = tw::Padding::same(),
                                                .padding_mode = tw::PaddingMode::kReflect}));

  // True convolution turns the kernel round: the signs change.
  print("true convolution", tw::conv2d(picture, gradient, {.flip = true}));
  return 0;
}
