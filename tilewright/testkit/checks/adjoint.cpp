// <J v, g> = <v, J' g> along random directions: one number that involves every partial derivative,
// for sizes whose Jacobian would be too large.
#include <cmath>

#include "tilewright/testkit/checks/checks.h"

namespace tilewright::testkit {
namespace {

constexpr double kStep = 0x1p-14;
constexpr double kBound = 1e-7;

Tensor moved(const Tensor& from, const std::vector<double>& along, double step) {
  std::vector<double> x = numbers(from);
  for (std::size_t k = 0; k < x.size(); ++k) x[k] += step * along[k];
  return tensor_of(DType::kF64, from.shape(), x);
}

struct Product {
  double sum = 0;
  double scale = 0;  // root of the sum of squares: what rounding and chance amount to
};

Product product(const std::vector<double>& a, const std::vector<double>& b) {
  Product p;
  for (std::size_t k = 0; k < a.size(); ++k) {
    p.sum += a[k] * b.at(k);
    p.scale += a[k] * b[k] * a[k] * b[k];
  }
  p.scale = std::sqrt(p.scale);
  return p;
}

// `g` with every channel of the result weighed alike, however strong: over the largest element of
// jv there, or what is so small that its rounding would show.
std::vector<double> balanced(std::vector<double> g, const std::vector<double>& jv,
                             const std::vector<double>& noise, const Shape& shape) {
  const auto plane = static_cast<std::size_t>(shape[kY] * shape[kX]);
  const auto channels = static_cast<std::size_t>(shape[kC]);
  std::vector<double> most(channels);
  for (std::size_t k = 0; k < jv.size(); ++k) {
    double& m = most[k / plane % channels];
    m = std::max({m, std::abs(jv[k]), noise[k] / kBound});
  }
  for (std::size_t k = 0; k < g.size(); ++k) {
    const double m = most[k / plane % channels];
    if (m > 0) g[k] /= m;
  }
  return g;
}

}  // namespace

void check_adjoint(const Subject& subject, const Case& c, Finding& finding) {
  const Tensors inputs = make_inputs(c, DType::kF64);
  const Tensor result = subject.forward(inputs);
  const auto random = numbers(make_values(result.shape(), DType::kF64, c.seed * 31 + 29));
  std::vector<bool> zero;
  const std::vector<std::string> names = subject.inputs();
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const auto v = numbers(make_values(inputs[i].shape(), DType::kF64, c.seed * 31 + 20 + i));
    Tensors to = inputs;
    to[i] = moved(inputs[i], v, kStep);
    const std::vector<double> above = numbers(subject.forward(to));
    to[i] = moved(inputs[i], v, -kStep);
    const std::vector<double> below = numbers(subject.forward(to));
    std::vector<double> jv(above.size()), noise(above.size());
    for (std::size_t k = 0; k < jv.size(); ++k) {
      jv[k] = (above[k] - below.at(k)) / (2 * kStep);
      noise[k] = kRounding / kStep * std::abs(above[k]);
    }
    finding.expect_finite("J v by " + names.at(i), tensor_of(DType::kF64, result.shape(), jv));
    const std::vector<double> g = balanced(random, jv, noise, result.shape());
    const Tensors gradients =
        gradients_of(subject, inputs, tensor_of(DType::kF64, result.shape(), g));
    const Product forward = product(jv, g);
    const double backward = product(v, numbers(gradients[i])).sum;
    // Random products cancel, so their root of squares is a fairer measure than their sum.
    finding.compare("<v, J' g> by " + names.at(i), backward, forward.sum, kBound,
                    std::max(forward.scale + product(noise, g).scale / kBound, 1e-300));
    zero.push_back(all_zero(jv));
  }
  fail_without_influence(subject, c, zero, finding);
}

}  // namespace tilewright::testkit
