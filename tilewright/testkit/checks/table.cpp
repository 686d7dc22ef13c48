// The table, and what checks share.
#include "tilewright/testkit/checks/checks.h"

namespace tilewright::testkit {

const std::vector<Check>& check_table() {
  static const std::vector<Check> table{
      {"reference", "Are results and gradients the values made by hand?", &check_reference_values},
      {"jacobian", "Is every partial derivative that of central differences, to 1e-7?",
       &check_jacobian},
      {"adjoint", "Do <J v, g> and <v, J' g> agree, whatever the size?", &check_adjoint},
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

void compare_gradients(const Subject& subject, const Tensors& inputs, const Tensors& is,
                       const Tensors& should, double bound, const std::string& name,
                       std::uint64_t seed, Finding& finding) {
  const std::vector<std::string> names = subject.inputs();
  for (std::size_t i = 0; i < inputs.size(); ++i)
    finding.compare(name + "gradient of " + names.at(i), is.at(i), should.at(i), bound,
                    subject.line(inputs, static_cast<int>(i), seed));
}

}  // namespace tilewright::testkit
