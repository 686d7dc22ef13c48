// Finite inputs give finite results and gradients. Checks that compare a layer with itself would
// take NaN for NaN.
#include <algorithm>
#include <cmath>

#include "tilewright/testkit/checks/checks.h"

namespace tilewright::testkit {
namespace {

bool all_finite(const Tensors& tensors) {
  return std::all_of(tensors.begin(), tensors.end(), [](const Tensor& t) {
    const std::vector<double> values = numbers(t);
    return std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
  });
}

}  // namespace

void check_finite(const Subject& subject, const Case& c, Finding& finding) {
  if (!all_finite(c.inputs) || !all_finite({c.gradient, c.expected}) ||
      !all_finite(c.expected_gradients))
    return finding.skip("the case's own values are not all finite");
  const std::vector<std::string> names = subject.inputs();
  for (const DType dtype : {c.dtype, DType::kF64}) {
    const Tensors inputs = make_inputs(c, dtype);
    const Tensor result = subject.forward(inputs);
    finding.expect_finite("result", result);
    const Tensors gradients = gradients_of(subject, inputs, gradient_of(c, result));
    for (std::size_t i = 0; i < inputs.size(); ++i)
      finding.expect_finite("gradient of " + names.at(i), gradients[i]);
  }
}

}  // namespace tilewright::testkit
