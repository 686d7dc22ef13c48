// Values that a person worked out: the only check that knows what the layer is meant to compute.
#include "tilewright/testkit/checks/checks.h"

namespace tilewright::testkit {

void check_reference_values(const Subject& subject, const Case& c, Finding& finding) {
  if (c.expected.empty() && c.expected_gradients.empty())
    return finding.skip("the case has no values made by hand");
  for (const DType dtype : {c.dtype, DType::kF64}) {
    const double bound = dtype == DType::kF64 ? 1e-12 : 1e-5;
    const Tensors inputs = make_inputs(c, dtype);
    const Tensor result = subject.forward(inputs);
    if (!c.expected.empty())
      finding.compare("result", result, dense(c.expected.view(), dtype), bound);
    if (c.expected_gradients.empty()) continue;
    const Tensors gradients = gradients_of(subject, inputs, gradient_of(c, result));
    const std::vector<std::string> names = subject.inputs();
    for (std::size_t i = 0; i < c.expected_gradients.size(); ++i)
      if (!c.expected_gradients[i].empty())
        finding.compare("gradient of " + names.at(i), gradients.at(i),
                        dense(c.expected_gradients[i].view(), dtype), bound);
  }
}

}  // namespace tilewright::testkit
