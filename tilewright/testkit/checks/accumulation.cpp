// Backward passes leave nothing behind, and sums of two are exactly twice one.
#include "tilewright/testkit/checks/checks.h"

namespace tilewright::testkit {

void check_accumulation(const Subject& subject, const Case& c, Finding& finding) {
  const Tensors inputs = make_inputs(c, c.dtype);
  const Tensor g = gradient_of(c, subject.forward(inputs));
  const Tensors first = gradients_of(subject, inputs, g);
  compare_gradients(subject, gradients_of(subject, inputs, g), first, 0, "called again: ", finding);
  Tensors sums, twice;
  for (const Tensor& t : first) {
    sums.emplace_back(t.spec());
    std::vector<double> values = numbers(t);
    // 0 + a + a is +0 where a is -0.
    for (double& v : values) v = 0 + v + v;
    twice.push_back(tensor_of(t.dtype(), t.shape(), values));
  }
  for (int pass = 0; pass < 2; ++pass) subject.add_backward(inputs, g, sums);
  compare_gradients(subject, sums, twice, 0, "sum of two: ", finding);
}

}  // namespace tilewright::testkit
