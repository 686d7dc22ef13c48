// Backward passes leave nothing behind, and sums of two are exactly twice one.
#include "tilewright/testkit/checks/checks.h"

namespace tilewright::testkit {

void check_accumulation(const Subject& subject, const Case& c, Finding& finding) {
  const Tensors inputs = make_inputs(c, c.dtype);
  const Tensor g = gradient_of(c, subject.forward(inputs));
  const auto wanted = all_wanted(inputs.size());
  const Tensors first = subject.backward(inputs, g, wanted);
  compare_gradients(subject, inputs, subject.backward(inputs, g, wanted), first, 0,
                    "called again: ", c.seed, finding);
  Tensors sums, twice;
  for (const Tensor& t : first) {
    sums.emplace_back(t.spec());
    std::vector<double> values = numbers(t);
    // 0 + a + a is +0 where a is -0.
    for (double& v : values) v = 0 + v + v;
    twice.push_back(tensor_of(t.dtype(), t.shape(), values));
  }
  for (int pass = 0; pass < 2; ++pass) subject.add_backward(inputs, g, sums);
  compare_gradients(subject, inputs, sums, twice, 0, "sum of two: ", c.seed, finding);
}

}  // namespace tilewright::testkit
