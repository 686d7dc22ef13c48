// Runs checks, and looks for the layer of a network that is at fault.
#include "tilewright/testkit/check.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>

namespace tilewright::testkit {
namespace {

[[noreturn]] void refuse(const Case& c, const std::string& why) {
  throw InvalidArgument(fmt::format("the case '{}' {}", c.name, why));
}

// Layers may take the number and the sizes of their inputs for granted.
void check_case(const Subject& subject, const Case& c) {
  const std::vector<std::string> names = subject.inputs();
  if (names.empty())
    refuse(c, fmt::format("has nothing to test: {} has no inputs", subject.name()));
  const bool by_values = c.shapes.empty() && !c.inputs.empty();
  const std::size_t given = by_values ? c.inputs.size() : c.shapes.size();
  if (given != names.size() || c.inputs.size() > names.size() ||
      c.expected_gradients.size() > names.size())
    refuse(c, fmt::format("has {} shapes, {} inputs and {} gradients for the {} inputs {} of {}; "
                          "give one for each",
                          c.shapes.size(), c.inputs.size(), c.expected_gradients.size(),
                          names.size(), fmt::join(names, ", "), subject.name()));
  for (std::size_t i = 0; i < names.size(); ++i) {
    const bool valued = i < c.inputs.size() && !c.inputs[i].empty();
    if (by_values && !valued)
      refuse(c, fmt::format("has neither a shape nor values of {}", names[i]));
    const Shape shape = by_values ? c.inputs[i].shape() : c.shapes[i];
    if (*std::min_element(shape.begin(), shape.end()) < 1)
      refuse(c,
             fmt::format("has {} of {}; every side must be 1 or more", names[i], to_string(shape)));
    if (valued && c.inputs[i].shape() != shape)
      refuse(c, fmt::format("has {} of {}, and values of {}", names[i], to_string(shape),
                            to_string(c.inputs[i].shape())));
  }
  if (!is_float(c.dtype))
    refuse(c, fmt::format("is in {}; a Subject is a function of f32 or f64", short_name(c.dtype)));
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char ch : text) {
    if (ch == '"' || ch == '\\') out += '\\';
    out += ch;
  }
  return out + '"';
}

// The C++ that repeats one check; values made by hand are too long for a line.
std::string call_of(const Check& check, const Case& c) {
  const bool by_hand = !c.inputs.empty() || !c.gradient.empty() || !c.expected.empty() ||
                       !c.expected_gradients.empty();
  std::string text = fmt::format("run_check(check_named(\"{}\"), subject, ", check.name);
  if (by_hand) return text + fmt::format("c) with your case {} as c", quoted(c.name));
  std::vector<std::string> shapes, learns;
  for (const Shape& s : c.shapes) shapes.push_back(fmt::format("{{{}}}", fmt::join(s, ", ")));
  for (const std::string& name : c.learns) learns.push_back(quoted(name));
  text +=
      fmt::format("{{.name = {}, .shapes = {{{}}}, .dtype = DType::{}, .seed = {}", quoted(c.name),
                  fmt::join(shapes, ", "), c.dtype == DType::kF64 ? "kF64" : "kF32", c.seed);
  if (!learns.empty()) text += fmt::format(", .learns = {{{}}}", fmt::join(learns, ", "));
  return text + "})";
}

// Never throws: an exception of the layer is a finding.
void attempt(const Check& check, const Subject& subject, const Case& c, Finding& finding) {
  try {
    check.run(subject, c, finding);
  } catch (const std::exception& e) {
    finding.fail(std::string("threw: ") + e.what());
  }
}

bool fails(const Check& check, const Subject& subject, const Case& c) {
  Finding finding;
  attempt(check, subject, c, finding);
  return finding.failed();
}

// The first part that fails `check` by itself; "outer.inner" for a network within a network.
std::string first_failing(const std::vector<Part>& parts, const Check& check, const Case& c) {
  for (const Part& part : parts) {
    Case own;
    own.dtype = c.dtype;
    own.seed = c.seed;
    own.inputs = part.inputs;
    for (const Tensor& t : part.inputs) own.shapes.push_back(t.shape());
    if (!fails(check, *part.subject, own)) continue;
    const std::string inner = first_failing(part.subject->parts(part.inputs), check, own);
    return inner.empty() ? part.name : part.name + "." + inner;
  }
  return "";
}

std::string guilty_part(const Check& check, const Subject& subject, const Case& c) {
  std::vector<Part> parts;
  try {
    parts = subject.parts(make_inputs(c, c.dtype));
  } catch (const std::exception&) {
    return "";  // the network does not even run; the finding says so
  }
  if (parts.empty()) return "";
  if (const std::string name = first_failing(parts, check, c); !name.empty()) return name;
  for (const Check& other : check_table())
    if (const std::string name = first_failing(parts, other, c); !name.empty())
      return fmt::format("{} (by the check {})", name, other.name);
  return "none by itself: look at how the layers are joined";
}

}  // namespace

const Check& check_named(const std::string& name) {
  for (const Check& check : check_table())
    if (check.name == name) return check;
  throw InvalidArgument(fmt::format("there is no check '{}'; see check_table()", name));
}

Finding run_check(const Check& check, const Subject& subject, const Case& c) {
  check_case(subject, c);
  Finding finding;
  finding.subject = subject.name();
  finding.check = check.name;
  finding.case_name = c.name;
  const auto start = std::chrono::steady_clock::now();
  attempt(check, subject, c, finding);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  finding.seconds = took.count();
  if (!finding.failed()) return finding;
  finding.call = call_of(check, c);
  finding.guilty = guilty_part(check, subject, c);
  return finding;
}

Report check_layer(const Subject& subject, const std::vector<Case>& cases,
                   const std::vector<Check>& checks) {
  for (const Case& c : cases) check_case(subject, c);
  Report report;
  for (const Case& c : cases)
    for (const Check& check : checks) report.findings.push_back(run_check(check, subject, c));
  return report;
}

}  // namespace tilewright::testkit
