// The suite of conformance.h for the kernels of conv2d's gradients: steps anywhere in a problem,
// sums continued, compared bit by bit with the definition.
#pragma once

#include "tilewright/device/conformance.h"
#include "tilewright/layer/conv2d/conv2d_transpose.h"
#include "tilewright/layer/conv2d/conv2d_weights.h"

namespace tilewright::conformance {

/// The convolution of a case whose source, padded by up to 4 elements, is `rows` x `columns`.
inline std::shared_ptr<const Conv2d> conv_of(const Case& c, Index rows, Index columns) {
  Conv2dOptions o{{c.sy, c.sx}, {c.dy, c.dx}, {}, PaddingMode::kZero, c.groups, false};
  o.padding = Padding::sides(c.seed % 5, 0, c.seed % 3, 0);
  const Index span_y = (c.ky - 1) * c.dy + 1, span_x = (c.kx - 1) * c.dx + 1;
  return Conv2d::make({c.n, c.groups * c.ci, std::max(rows, span_y), std::max(columns, span_x)},
                      {c.groups * c.co, c.ci, c.ky, c.kx}, false, o);
}

/// Outputs [first, first + y) x [..x) of a transposed convolution, in two steps over its channels.
template <class T>
std::vector<T> run_transpose(const Case& c, const Kernel& kernel) {
  const auto conv = conv_of(c, c.y + 7, c.x + 7);
  const Conv2dTranspose layer(conv, c.y + 7, c.x + 7);
  const Interval rows = Interval{0, c.y}.shifted(c.seed % 7);
  const Interval columns = Interval{0, c.x}.shifted(c.seed % 6);
  const Interval in_y = layer.demand(kY, rows, {0, c.ky});
  const Interval in_x = layer.demand(kX, columns, {0, c.kx});
  PoisonedTensor<T> src({c.n, c.groups * c.co, in_y.size(), in_x.size()}, c.seed % 3, c.seed % 5),
      weights({c.groups * c.co, c.ci, c.ky, c.kx}, 0, 0),
      dst({c.n, c.groups * c.ci, c.y, c.x}, c.seed % 4, c.seed % 7);
  Values<T> values(c);
  src.fill(values), weights.fill(values);
  Workspace workspace(kernel, c, c.co, c.ci);
  StepArgs a;
  pad_source(c, kernel, src, a);
  const Index split = c.groups == 1 ? std::min(c.split, c.co - 1) : 0;
  for (const Interval part : {Interval{0, split}, Interval{split, c.groups * c.co}}) {
    if (part.empty()) continue;
    Region channels = whole(src.view().shape), taps = whole(weights.view().shape);
    channels[kC] = taps[0] = part;
    a.layer = &layer;
    a.src = src.view().slice(channels);
    a.weights = weights.view().slice(taps);
    a.dst = dst.view();
    a.groups = c.groups;
    a.y = {rows.begin, in_y.begin, 0};
    a.x = {columns.begin, in_x.begin, 0};
    a.first = part.begin == 0;
    a.workspace = workspace.aligned();
    a.threads = c.threads;
    kernel.run(a);
  }
  EXPECT_TRUE(workspace.intact()) << kernel.name << " " << c;
  return dst.memory();
}

/// All weights, summed over the images in two steps.
template <class T>
std::vector<double> run_weights(const Case& c, const Kernel& kernel) {
  const Index in_y = (c.y - 1) * c.sy + (c.ky - 1) * c.dy + 1;
  const Index in_x = (c.x - 1) * c.sx + (c.kx - 1) * c.dx + 1;
  const Conv2dWeights layer(conv_of(c, in_y, in_x));
  PoisonedTensor<T> src({c.n, c.groups * c.ci, in_y, in_x}, c.seed % 3, c.seed % 5),
      results({c.n, c.groups * c.co, c.y, c.x}, c.seed % 4, c.seed % 7);
  PoisonedTensor<double> dst({c.groups * c.co, c.ci, c.ky, c.kx}, c.seed % 2, 0);
  Values<T> values(c);
  src.fill(values), results.fill(values);
  Workspace workspace(kernel, c, c.ci, c.co);
  StepArgs a;
  pad_source(c, kernel, src, a);
  for (Index n = 0; n < c.n; ++n) {
    Region image = whole(src.view().shape), result = whole(results.view().shape);
    image[kN] = result[kN] = {n, n + 1};
    a.layer = &layer;
    a.src = src.view().slice(image);
    a.weights = results.view().slice(result);
    a.dst = dst.view();
    a.groups = c.groups;
    a.first = n == 0;
    a.workspace = workspace.aligned();
    a.threads = c.threads;
    kernel.run(a);
  }
  EXPECT_TRUE(workspace.intact()) << kernel.name << " " << c;
  return dst.memory();
}

inline bool gradient_agrees(const Case& c, const Kernel& kernel) {
  const Kernel& definition = find_kernel("reference", std::string(kernel.layer) + "/definition");
  const bool wide = c.dtype == DType::kF64;
  if (std::string(kernel.layer) == "conv2d_weights")
    return wide ? same_bits(run_weights<double>(c, kernel), run_weights<double>(c, definition))
                : same_bits(run_weights<float>(c, kernel), run_weights<float>(c, definition));
  return wide ? same_bits(run_transpose<double>(c, kernel), run_transpose<double>(c, definition))
              : same_bits(run_transpose<float>(c, kernel), run_transpose<float>(c, definition));
}

}  // namespace tilewright::conformance
