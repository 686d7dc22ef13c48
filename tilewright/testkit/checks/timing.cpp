// How long passes take, the quickest of three; for the report, not for judgement.
#include <chrono>
#include <functional>

#include "tilewright/testkit/checks/checks.h"

namespace tilewright::testkit {
namespace {

double quickest(const std::function<void()>& f) {
  double best = 0;
  for (int round = 0; round < 3; ++round) {
    const auto start = std::chrono::steady_clock::now();
    f();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    if (round == 0 || took.count() < best) best = took.count();
  }
  return best;
}

}  // namespace

void check_timing(const Subject& subject, const Case& c, Finding& finding) {
  const Tensors inputs = make_inputs(c, c.dtype);
  const Tensor g = gradient_of(c, subject.forward(inputs));
  const std::vector<std::string> names = subject.inputs();
  finding.timings.push_back({"result", quickest([&] { subject.forward(inputs); })});
  for (std::size_t i = 0; i < inputs.size(); ++i)
    finding.timings.push_back({"gradient of " + names.at(i), quickest([&] {
                                 subject.backward(inputs, g, one_wanted(inputs.size(), i));
                               })});
}

}  // namespace tilewright::testkit
