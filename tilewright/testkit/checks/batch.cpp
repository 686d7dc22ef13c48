// Items of a batch must not see each other: results and gradients of the source have the bits that
// each item gives alone; gradients of parameters are the sums over items.
#include <fmt/format.h>

#include "tilewright/testkit/checks/checks.h"

namespace tilewright::testkit {
namespace {

Tensor item(const Tensor& t, Index n) {
  Region r = whole(t.shape());
  r[kN] = {n, n + 1};
  return dense(t.view().slice(r), t.dtype());
}

void put_item(const Tensor& one, Index n, Tensor& all) {
  Region r = whole(all.shape());
  r[kN] = {n, n + 1};
  copy(one.view(), all.view().slice(r));
}

void add(const Tensor& t, Tensor& sum) {
  std::vector<double> total = numbers(sum);
  const std::vector<double> added = numbers(t);
  for (std::size_t k = 0; k < total.size(); ++k) total[k] += added.at(k);
  sum = tensor_of(DType::kF64, sum.shape(), total);
}

}  // namespace

void check_batch(const Subject& subject, const Case& c, Finding& finding) {
  Case three = c;
  three.inputs.clear();
  three.gradient = Tensor();
  if (three.shapes.empty())
    for (const Tensor& t : c.inputs) three.shapes.push_back(t.shape());
  three.shapes[0][kN] = 3;
  // Sums over items may be taken in another order; in f64 that shows only far behind the point.
  for (const DType dtype : {c.dtype, DType::kF64}) {
    const Tensors inputs = make_inputs(three, dtype);
    const Tensor result = subject.forward(inputs);
    if (result.shape()[kN] != 3)
      return finding.fail(
          fmt::format("three items give a result of {}", to_string(result.shape())));
    const Tensor g = gradient_of(three, result);
    const Tensors gradients = gradients_of(subject, inputs, g);
    Tensor results(dtype, result.shape());
    Tensors sums;
    for (const Tensor& t : inputs) sums.emplace_back(DType::kF64, t.shape());
    for (Index n = 0; n < 3; ++n) {
      Tensors alone = inputs;
      alone[0] = item(inputs[0], n);
      put_item(subject.forward(alone), n, results);
      const Tensors part = gradients_of(subject, alone, item(g, n));
      put_item(part.at(0), n, sums[0]);
      for (std::size_t i = 1; i < sums.size(); ++i) add(part.at(i), sums[i]);
    }
    finding.compare("result", result, results, 0);
    const std::vector<std::string> names = subject.inputs();
    for (std::size_t i = 0; i < sums.size(); ++i)
      finding.compare("gradient of " + names.at(i), gradients.at(i), dense(sums[i].view(), dtype),
                      i == 0                 ? 0
                      : dtype == DType::kF64 ? 1e-12
                                             : 1e-5);
  }
}

}  // namespace tilewright::testkit
