// Kernels, devices, plans and threads are of no consequence to results and gradients.
#include <fmt/format.h>

#include "tilewright/testkit/checks/checks.h"

namespace tilewright::testkit {
namespace {

// One variant against what the subject gave. `tilewright verify` compares a plan with its
// definition: no use if the subject is another implementation.
void check_variant(const Variant& v, const Tensors& inputs, const Tensor& g, const Tensor& result,
                   const Tensors& gradients, std::uint64_t seed, Finding& finding) {
  const auto compare = [&](const std::string& what, int which, const Tensor& is,
                           const Tensor& should) {
    const bool first = !finding.failed();
    finding.compare(v.name + ": " + what, is, should, v.bound);
    if (first && finding.failed()) finding.command = v.subject->command(inputs, which, seed);
  };
  compare("result", kResult, v.subject->forward(inputs), result);
  const Tensors found = gradients_of(*v.subject, inputs, g);
  const std::vector<std::string> names = v.subject->inputs();
  for (std::size_t i = 0; i < inputs.size(); ++i)
    compare("gradient of " + names.at(i), static_cast<int>(i), found[i], gradients[i]);
}

}  // namespace

void check_variants(const Subject& subject, const Case& c, Finding& finding) {
  std::size_t seen = 0;
  for (const DType dtype : {c.dtype, DType::kF64}) {
    const Tensors inputs = make_inputs(c, dtype);
    const std::vector<Variant> variants = subject.variants(inputs, c.seed);
    if (variants.empty()) return finding.skip("the layer has no other implementation");
    const Tensor result = subject.forward(inputs);
    const Tensor g = gradient_of(c, result);
    const Tensors gradients = gradients_of(subject, inputs, g);
    for (const Variant& v : variants)
      check_variant(v, inputs, g, result, gradients, c.seed, finding);
    if (subject.command(inputs, kResult, c.seed).empty()) finding.command.clear();
    seen += variants.size();
  }
  if (!finding.failed()) finding.detail = fmt::format("{} implementations", seen);
}

}  // namespace tilewright::testkit
