// Every partial derivative: columns of the Jacobian by central differences in f64, rows by one
// backward pass for each element of the result. A derivative is held to what is large in its own
// row and its own column, so that a weak channel is not judged by a strong one.
#include <fmt/format.h>

#include <cmath>

#include "tilewright/testkit/checks/checks.h"

namespace tilewright::testkit {
namespace {

// A power of two, so that x + h is exact.
constexpr double kStep = 0x1p-14;
constexpr double kBound = 1e-7;
constexpr Index kMostEntries = 1 << 18;

struct Differences {
  Tensor jacobian;            // [1,1,results,elements]
  std::vector<double> noise;  // of each derivative, from the rounding of its results
};

std::vector<double> results_of(const Subject& subject, const Tensors& inputs, Index count) {
  std::vector<double> values = numbers(subject.forward(inputs));
  if (static_cast<Index>(values.size()) != count)
    throw InvalidArgument(fmt::format("forward gave {} values, then {}", count, values.size()));
  return values;
}

// Steps of h and of 2h together cancel the third derivative (Richardson), so that what remains of a
// smooth function is rounding.
Differences by_differences(const Subject& subject, Tensors inputs, std::size_t which,
                           Index results) {
  const Index count = inputs[which].spec().volume();
  Differences d{Tensor(DType::kF64, {1, 1, results, count}),
                std::vector<double>(static_cast<std::size_t>(results * count))};
  double* x = inputs[which].data<double>();
  for (Index k = 0; k < count; ++k) {
    const double at = x[k];
    const auto stepped = [&](double steps) {
      x[k] = at + steps * kStep;
      return results_of(subject, inputs, results);
    };
    const auto above = stepped(1), below = stepped(-1), far_above = stepped(2),
               far_below = stepped(-2);
    x[k] = at;
    for (std::size_t j = 0; j < above.size(); ++j) {
      const double near = (above[j] - below[j]) / (2 * kStep);
      const double far = (far_above[j] - far_below[j]) / (4 * kStep);
      const std::size_t entry = j * static_cast<std::size_t>(count) + static_cast<std::size_t>(k);
      d.jacobian.data<double>()[entry] = near + (near - far) / 3;
      d.noise[entry] = kRounding / kStep * std::max(std::abs(above[j]), std::abs(below[j]));
    }
  }
  return d;
}

Tensors by_gradients(const Subject& subject, const Tensors& inputs, const Tensor& result) {
  const Index results = result.spec().volume();
  Tensors jacobians;
  for (const Tensor& t : inputs)
    jacobians.emplace_back(DType::kF64, Shape{1, 1, results, t.spec().volume()});
  Tensor one(DType::kF64, result.shape());
  for (Index j = 0; j < results; ++j) {
    one.data<double>()[j] = 1;
    const Tensors row = gradients_of(subject, inputs, one);
    one.data<double>()[j] = 0;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const std::vector<double> values = numbers(row[i]);
      std::copy(values.begin(), values.end(),
                jacobians[i].data<double>() + j * inputs[i].spec().volume());
    }
  }
  return jacobians;
}

// What each derivative may differ by, over kBound.
std::vector<double> scales_of(const Differences& d) {
  const Shape& s = d.jacobian.shape();
  const auto columns = static_cast<std::size_t>(s[kX]);
  std::vector<double> values = numbers(d.jacobian);
  std::vector<double> row(static_cast<std::size_t>(s[kY])), column(columns);
  double largest = 0;
  for (std::size_t at = 0; at < values.size(); ++at) {
    const double v = std::abs(values[at]);
    row[at / columns] = std::max(row[at / columns], v);
    column[at % columns] = std::max(column[at % columns], v);
    largest = std::max(largest, v);
  }
  for (std::size_t at = 0; at < values.size(); ++at)
    values[at] = std::min(row[at / columns], column[at % columns]) +
                 (d.noise[at] + kRounding * largest) / kBound;
  return values;
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
  std::vector<bool> zero;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Differences d = by_differences(subject, inputs, i, results);
    const PlaceOf place_of = [&](Index at) {
      const Index count = inputs[i].spec().volume();
      return fmt::format("result {} by {} {}", place(result.shape(), at / count), names.at(i),
                         place(inputs[i].shape(), at % count));
    };
    finding.expect_finite("differences by " + names.at(i), d.jacobian, place_of);
    finding.compare("derivatives by " + names.at(i), found[i], d.jacobian, kBound,
                    {scales_of(d), place_of, "results", "elements of " + names.at(i)});
    zero.push_back(all_zero(numbers(d.jacobian)));
  }
  fail_without_influence(subject, c, zero, finding);
}

}  // namespace tilewright::testkit
