// Every partial derivative: columns of the Jacobian by central differences in f64, rows by one
// backward pass for each element of the result.
#include <fmt/format.h>

#include "tilewright/testkit/checks/checks.h"

namespace tilewright::testkit {
namespace {

// A power of two, so that x + h is exact; differences then err by h^2 times the third derivative.
constexpr double kStep = 0x1p-14;
constexpr double kBound = 1e-7;
constexpr Index kMostEntries = 1 << 18;

Tensor by_differences(const Subject& subject, Tensors inputs, std::size_t which, Index results) {
  const Index count = inputs[which].spec().volume();
  Tensor jacobian(DType::kF64, {1, 1, results, count});
  double* x = inputs[which].data<double>();
  for (Index k = 0; k < count; ++k) {
    const double at = x[k];
    x[k] = at + kStep;
    const std::vector<double> above = numbers(subject.forward(inputs));
    x[k] = at - kStep;
    const std::vector<double> below = numbers(subject.forward(inputs));
    x[k] = at;
    for (Index j = 0; j < results; ++j)
      jacobian.data<double>()[j * count + k] =
          (above[static_cast<std::size_t>(j)] - below[static_cast<std::size_t>(j)]) / (2 * kStep);
  }
  return jacobian;
}

Tensors by_gradients(const Subject& subject, const Tensors& inputs, const Tensor& result) {
  const Index results = result.spec().volume();
  Tensors jacobians;
  for (const Tensor& t : inputs)
    jacobians.emplace_back(DType::kF64, Shape{1, 1, results, t.spec().volume()});
  Tensor one(DType::kF64, result.shape());
  for (Index j = 0; j < results; ++j) {
    one.data<double>()[j] = 1;
    const Tensors row = subject.backward(inputs, one, all_wanted(inputs.size()));
    one.data<double>()[j] = 0;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const std::vector<double> values = numbers(row.at(i));
      std::copy(values.begin(), values.end(),
                jacobians[i].data<double>() + j * inputs[i].spec().volume());
    }
  }
  return jacobians;
}

}  // namespace

void check_jacobian(const Subject& subject, const Case& c, Finding& finding) {
  const Tensors inputs = make_inputs(c, DType::kF64);
  const Tensor result = subject.forward(inputs);
  const Index results = result.spec().volume();
  Index entries = 0;
  for (const Tensor& t : inputs) entries += t.spec().volume() * results;
  if (entries > kMostEntries)
    return finding.skip(fmt::format("{} partial derivatives are too many; see adjoint", entries));
  const Tensors found = by_gradients(subject, inputs, result);
  const std::vector<std::string> names = subject.inputs();
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const PlaceOf place_of = [&](Index at) {
      const Index count = inputs[i].spec().volume();
      return fmt::format("result {} by {} {}", place(result.shape(), at / count), names.at(i),
                         place(inputs[i].shape(), at % count));
    };
    finding.compare("derivatives by " + names.at(i), found[i],
                    by_differences(subject, inputs, i, results), kBound,
                    subject.line(inputs, static_cast<int>(i), c.seed), place_of);
  }
}

}  // namespace tilewright::testkit
