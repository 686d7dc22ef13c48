// What is saved comes back bit by bit and gives the same result; what is damaged is refused with
// one line.
#include <fmt/format.h>

#include <cstring>

#include "tilewright/testkit/checks/checks.h"
#include "tilewright/testkit/values.h"

namespace tilewright::testkit {
namespace {

// More would take long for large cases; the rest is tried at equal distances.
constexpr std::size_t kMostDamages = 400;

void expect_refused(const Subject& subject, const std::string& bytes, const std::string& damage,
                    Finding& finding) {
  try {
    subject.load(bytes);
  } catch (const Error& e) {
    if (std::strchr(e.what(), '\n') != nullptr)
      finding.fail(fmt::format("{}: the error is not one line: {}", damage, e.what()));
    return;
  }
  finding.fail(fmt::format("{}: the damaged values were accepted", damage));
}

}  // namespace

void check_values_round_trip(const Subject& subject, const Case& c, Finding& finding) {
  const Tensors inputs = make_inputs(c, c.dtype);
  const std::string bytes = subject.save(inputs);
  const Tensors loaded = subject.load(bytes);
  if (loaded.size() != inputs.size())
    return finding.fail(
        fmt::format("{} tensors were saved, {} came back", inputs.size(), loaded.size()));
  const std::vector<std::string> names = subject.inputs();
  for (std::size_t i = 0; i < inputs.size(); ++i)
    finding.compare("saved " + names.at(i), loaded[i], inputs[i], 0);
  finding.compare("result of saved values", subject.forward(loaded), subject.forward(inputs), 0);
  const std::size_t step = std::max<std::size_t>(1, bytes.size() / kMostDamages);
  for (std::size_t length = 0; length < bytes.size(); length += step)
    expect_refused(subject, bytes.substr(0, length), fmt::format("cut to {} bytes", length),
                   finding);
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << at % 8));
    expect_refused(subject, damaged, fmt::format("a bit of byte {} turned", at), finding);
  }
  expect_refused(subject, bytes + '\0', "a byte appended", finding);
}

}  // namespace tilewright::testkit
