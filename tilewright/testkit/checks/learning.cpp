// Training in small: from a wrong start, descent along the gradient alone (BFGS with steps from the
// secant of the slope) has to find the input that gave the result, to 1e-9 in f64.
#include <fmt/format.h>

#include <cmath>

#include "tilewright/testkit/checks/checks.h"

namespace tilewright::testkit {
namespace {

constexpr double kBound = 1e-9;
constexpr std::size_t kMostUnknowns = 400;
using Numbers = std::vector<double>;

double dot(const Numbers& a, const Numbers& b) {
  double sum = 0;
  for (std::size_t k = 0; k < a.size(); ++k) sum += a[k] * b[k];
  return sum;
}

Numbers moved(const Numbers& x, const Numbers& along, double step) {
  Numbers y = x;
  for (std::size_t k = 0; k < y.size(); ++k) y[k] += step * along[k];
  return y;
}

// The gradient of half the squared distance between the result for `x` and the one to be met.
class Loss {
 public:
  Loss(const Subject& subject, Tensors inputs, std::size_t which)
      : subject_(subject), inputs_(std::move(inputs)), which_(which) {
    target_ = numbers(subject_.forward(inputs_));
  }
  Numbers gradient(const Numbers& x) {
    inputs_[which_] = tensor_of(DType::kF64, inputs_[which_].shape(), x);
    const Tensor result = subject_.forward(inputs_);
    const Tensor miss = tensor_of(DType::kF64, result.shape(), moved(numbers(result), target_, -1));
    return numbers(subject_.backward(inputs_, miss, one_wanted(inputs_.size(), which_)).at(which_));
  }

 private:
  const Subject& subject_;
  Tensors inputs_;
  std::size_t which_;
  Numbers target_;
};

// An estimate of the inverse of the second derivatives, from steps and changes of the gradient.
class Curvature {
 public:
  explicit Curvature(std::size_t size) : rows_(size, Numbers(size, 0)) {
    for (std::size_t k = 0; k < size; ++k) rows_[k][k] = 1;
  }
  Numbers times(const Numbers& v) const {
    Numbers out;
    for (const Numbers& row : rows_) out.push_back(dot(row, v));
    return out;
  }
  void learn(const Numbers& step, const Numbers& change) {
    const double sy = dot(step, change);
    if (!(sy > 0)) return;
    const Numbers hy = times(change);
    const double weight = (1 + dot(change, hy) / sy) / sy;
    for (std::size_t i = 0; i < step.size(); ++i)
      for (std::size_t j = 0; j < step.size(); ++j)
        rows_[i][j] += weight * step[i] * step[j] - (hy[i] * step[j] + step[i] * hy[j]) / sy;
  }

 private:
  std::vector<Numbers> rows_;
};

double distance(const Numbers& a, const Numbers& b) {
  double most = 0;
  for (std::size_t k = 0; k < a.size(); ++k) {
    const double d = std::abs(a[k] - b[k]);
    if (!(d <= most)) most = d;  // a NaN stays
  }
  return most;
}

// Where descent from `x` ends, or comes within a tenth of the bound of `truth`.
Numbers descend(Loss& loss, Numbers x, const Numbers& truth) {
  Curvature curvature(x.size());
  Numbers g = loss.gradient(x);
  for (std::size_t round = 0; round < 2 * x.size() + 40; ++round) {
    if (distance(x, truth) <= kBound / 10 || !(dot(g, g) > 0)) break;
    const Numbers along = curvature.times(g);
    const double slope = dot(g, along);
    const double trial = round == 0 ? 1e-2 : 1;
    const double then = dot(loss.gradient(moved(x, along, -trial)), along);
    const double step = slope - then > 0 ? trial * slope / (slope - then) : trial;
    const Numbers next = moved(x, along, -step);
    const Numbers next_g = loss.gradient(next);
    curvature.learn(moved(next, x, -1), moved(next_g, g, -1));
    x = next;
    g = next_g;
  }
  return x;
}

}  // namespace

void check_learning(const Subject& subject, const Case& c, Finding& finding) {
  if (c.learns.empty()) return finding.skip("the case names no input that its result determines");
  const Tensors inputs = make_inputs(c, DType::kF64);
  const std::vector<std::string> names = subject.inputs();
  for (const std::string& name : c.learns) {
    const auto at = std::find(names.begin(), names.end(), name);
    if (at == names.end())
      throw InvalidArgument(fmt::format("{} has no input '{}' to learn", subject.name(), name));
    const auto which = static_cast<std::size_t>(at - names.begin());
    const Numbers truth = numbers(inputs.at(which));
    if (truth.size() > kMostUnknowns)
      return finding.skip(fmt::format("{} unknowns are too many for this check", truth.size()));
    Loss loss(subject, inputs, which);
    const Shape& shape = inputs[which].shape();
    const Numbers start =
        moved(truth, numbers(make_values(shape, DType::kF64, c.seed * 31 + 28)), 0.5);
    finding.compare("learned " + name, tensor_of(DType::kF64, shape, descend(loss, start, truth)),
                    inputs[which], kBound);
  }
}

}  // namespace tilewright::testkit
