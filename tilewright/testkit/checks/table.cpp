// The table, and what checks share.
#include <fmt/format.h>

#include <algorithm>

#include "tilewright/testkit/checks/checks.h"

namespace tilewright::testkit {

const std::vector<Check>& check_table() {
  static const std::vector<Check> table{
      {"reference", "Are results and gradients the values made by hand?", &check_reference_values},
      {"finite", "Are results and gradients of finite inputs finite?", &check_finite},
      {"jacobian", "Is every partial derivative that of central differences, to 1e-7?",
       &check_jacobian},
      {"adjoint", "Do <J v, g> and <v, J' g> agree, whatever the size?", &check_adjoint},
      {"precision", "Does f32 give what f64 gives, gradients included, to 2e-5?", &check_precision},
      {"batch", "Does a batch give what its items give one by one?", &check_batch},
      {"variants", "Do other kernels, cuts and threads give the same, gradients included?",
       &check_variants},
      {"views", "Do strided and scattered inputs give what dense ones give?", &check_strided_views},
      {"accumulation", "Do two backward passes give twice the gradient, bit by bit?",
       &check_accumulation},
      {"values", "Do saved values come back, and are damaged ones refused?",
       &check_values_round_trip},
      {"frozen", "Does a frozen input cost no gradient work and change no other gradient?",
       &check_frozen},
      {"learning", "Does descent along the gradient recover known inputs to 1e-9?",
       &check_learning},
      {"timing", "How long do passes take? (recorded, not judged)", &check_timing},
  };
  return table;
}

Tensor gradient_of(const Case& c, const Tensor& result) {
  if (!c.gradient.empty()) return dense(c.gradient.view(), result.dtype());
  return make_values(result.shape(), result.dtype(), c.seed * 31 + 30);
}

Tensors gradients_of(const Subject& subject, const Tensors& inputs, const Tensor& gradient) {
  Tensors found = subject.backward(inputs, gradient, all_wanted(inputs.size()));
  if (found.size() != inputs.size())
    throw InvalidArgument(
        fmt::format("backward gave {} gradients for {} inputs", found.size(), inputs.size()));
  for (std::size_t i = 0; i < found.size(); ++i)
    if (found[i].empty() || found[i].shape() != inputs[i].shape())
      throw InvalidArgument(fmt::format(
          "backward gave a gradient of {} that is {}, expected {}", subject.inputs().at(i),
          found[i].empty() ? "empty" : to_string(found[i].shape()), to_string(inputs[i].shape())));
  return found;
}

void compare_gradients(const Subject& subject, const Tensors& is, const Tensors& should,
                       double bound, const std::string& name, Finding& finding) {
  const std::vector<std::string> names = subject.inputs();
  for (std::size_t i = 0; i < names.size(); ++i)
    finding.compare(name + "gradient of " + names[i], is.at(i), should.at(i), bound);
}

bool all_zero(const std::vector<double>& values) {
  return std::all_of(values.begin(), values.end(), [](double v) { return v == 0; });
}

void fail_without_influence(const Subject& subject, const Case& c, const std::vector<bool>& zero,
                            Finding& finding) {
  const std::vector<std::string> names = subject.inputs();
  if (std::find(zero.begin(), zero.end(), false) == zero.end())
    return finding.fail("the result depends on no input: every derivative is 0");
  if (!c.expected.empty()) return;
  for (std::size_t i = 0; i < zero.size(); ++i)
    if (zero[i])
      finding.fail(
          fmt::format("the result does not depend on {}: every derivative by it is 0; if "
                      "that is so for these values only, choose others",
                      names.at(i)));
}

}  // namespace tilewright::testkit
