// An input that is not learned costs nothing, and leaves the gradients of the others as they are.
#include <fmt/format.h>

#include "tilewright/testkit/checks/checks.h"

namespace tilewright::testkit {
namespace {

// Whether add_backward left the frozen tensor empty and added to the others.
void check_sums(const Subject& subject, const Tensors& inputs, const Tensor& g, std::size_t frozen,
                const Tensors& full, Finding& finding) {
  Tensors sums, expected;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    sums.push_back(i == frozen ? Tensor() : Tensor(inputs[i].spec()));
    expected.push_back(i == frozen ? Tensor() : full.at(i));
    std::vector<double> values = numbers(expected[i]);
    for (double& v : values) v += 0;  // 0 + -0 is +0
    if (i != frozen) expected[i] = tensor_of(full[i].dtype(), full[i].shape(), values);
  }
  subject.add_backward(inputs, g, sums);
  compare_gradients(subject, sums, expected, 0, "sums: ", finding);
}

}  // namespace

void check_frozen(const Subject& subject, const Case& c, Finding& finding) {
  const Tensors inputs = make_inputs(c, c.dtype);
  const Tensor g = gradient_of(c, subject.forward(inputs));
  const std::vector<std::string> names = subject.inputs();
  const std::vector<double> none = subject.gradient_work();
  const Tensors full = gradients_of(subject, inputs, g);
  const std::vector<double> all = subject.gradient_work();
  for (std::size_t i = 0; i < all.size(); ++i)
    if (!(all[i] > none.at(i)))
      finding.fail(fmt::format("no gradient work is counted for {}", names.at(i)));
  for (std::size_t frozen = 0; frozen < inputs.size(); ++frozen) {
    std::vector<bool> wanted = all_wanted(inputs.size());
    wanted[frozen] = false;
    Tensors expected = full;
    expected[frozen] = Tensor();
    const std::vector<double> before = subject.gradient_work();
    const Tensors found = subject.backward(inputs, g, wanted);
    const std::string name = names.at(frozen) + " frozen: ";
    compare_gradients(subject, found, expected, 0, name, finding);
    check_sums(subject, inputs, g, frozen, full, finding);
    const std::vector<double> after = subject.gradient_work();
    if (!after.empty() && after.at(frozen) != before.at(frozen))
      finding.fail(
          fmt::format("{}{} units of work on its gradient", name, after[frozen] - before[frozen]));
  }
  if (all.empty())
    finding.skip(
        "gradients beside a frozen input are right, but this layer does not count its work, so "
        "what a frozen input costs is not known; see gradient_work()");
}

}  // namespace tilewright::testkit
