// Kernels, devices, plans and threads are of no consequence to results and gradients.
#include <fmt/format.h>

#include "tilewright/testkit/checks/checks.h"

namespace tilewright::testkit {

void check_variants(const Subject& subject, const Case& c, Finding& finding) {
  std::size_t seen = 0;
  for (const DType dtype : {c.dtype, DType::kF64}) {
    const Tensors inputs = make_inputs(c, dtype);
    const std::vector<Variant> variants = subject.variants(inputs, c.seed);
    if (variants.empty()) return finding.skip("the layer has no other implementation");
    const Tensor result = subject.forward(inputs);
    const Tensor g = gradient_of(c, result);
    const Tensors gradients = subject.backward(inputs, g, all_wanted(inputs.size()));
    for (const Variant& v : variants) {
      finding.compare(v.name + ": result", v.subject->forward(inputs), result, v.bound,
                      v.subject->line(inputs, kResult, c.seed));
      compare_gradients(*v.subject, inputs,
                        v.subject->backward(inputs, g, all_wanted(inputs.size())), gradients,
                        v.bound, v.name + ": ", c.seed, finding);
    }
    seen += variants.size();
  }
  if (!finding.failed()) finding.detail = fmt::format("{} implementations", seen);
}

}  // namespace tilewright::testkit
