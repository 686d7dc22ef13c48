// Comparison of tensors; the first failure names the case, the largest difference is shown.
#include "tilewright/testkit/finding.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace tilewright::testkit {
namespace {

// Bits as f64, which holds every f32; zeros of both signs are told apart.
bool same_bits(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b) ||
         (std::isnan(a) && std::isnan(b));
}

double difference(double a, double b) {
  if (a == b || (std::isnan(a) && std::isnan(b))) return 0;
  const double d = std::abs(a - b);
  return std::isnan(d) ? std::numeric_limits<double>::infinity() : d;
}

struct Worst {
  double relative = 0;
  std::size_t at = 0;
  bool any = false;  // some element differs at all
  Index beyond = 0;  // elements that differ by more than is allowed
};

double largest(const std::vector<double>& values) {
  double most = 0;
  for (const double v : values)
    if (std::isfinite(v)) most = std::max(most, std::abs(v));
  return most;
}

Worst worst_of(const std::vector<double>& is, const std::vector<double>& should, double bound,
               const std::vector<double>& scales) {
  const double common = largest(should);
  Worst w;
  for (std::size_t i = 0; i < is.size(); ++i) {
    if (same_bits(is[i], should[i])) continue;
    const double scale = scales.empty() ? common : scales.at(i);
    const double d = difference(is[i], should[i]) / (scale > 0 ? scale : 1);
    if (bound == 0 || !(d <= bound)) ++w.beyond;
    if (!w.any || d > w.relative) {
      w.relative = d;
      w.at = i;
    }
    w.any = true;
  }
  return w;
}

std::string allowed(double bound) { return bound == 0 ? "none" : fmt::format("{:.0e}", bound); }

std::string describe(const Tensor& t) {
  return t.empty() ? "empty" : fmt::format("{} {}", short_name(t.dtype()), to_string(t.shape()));
}

}  // namespace

const char* outcome_name(Outcome outcome) {
  constexpr const char* kNames[] = {"passed", "skipped", "failed"};
  return kNames[static_cast<int>(outcome)];
}

std::string place(const Shape& shape, Index flat) {
  const Index x = flat % shape[3], y = flat / shape[3] % shape[2];
  const Index c = flat / (shape[3] * shape[2]) % shape[1];
  return fmt::format("n{} c{} y{} x{}", flat / (shape[3] * shape[2] * shape[1]), c, y, x);
}

void Finding::fail(const std::string& why) {
  if (!failed()) detail = why;
  outcome = Outcome::kFailed;
}

void Finding::skip(const std::string& why) {
  if (failed()) return;
  outcome = Outcome::kSkipped;
  detail = why;
}

void Finding::compare(const std::string& what, const Tensor& is, const Tensor& should, double bound,
                      const Comparison& how) {
  if (is.empty() != should.empty() || is.spec() != should.spec())
    return fail(fmt::format("{} is {}, expected {}", what, describe(is), describe(should)));
  const std::vector<double> a = numbers(is), b = numbers(should);
  const Worst w = worst_of(a, b, bound, how.scales);
  if (!w.any) return;
  const bool bad = w.beyond > 0;
  if (w.relative > worst || where.empty() || (bad && !failed())) {
    worst = std::max(worst, w.relative);
    const auto at = static_cast<Index>(w.at);
    where = fmt::format("{}, {}: {}, expected {}", what,
                        how.place_of ? how.place_of(at) : place(is.shape(), at), a[w.at], b[w.at]);
    if (bad) {
      found = is;
      expected = should;
      rows = how.rows;
      columns = how.columns;
    }
  }
  if (bad)
    fail(fmt::format("{}: {} of {} differ, by up to {:.2g} of {}; allowed: {}", what, w.beyond,
                     a.size(), w.relative, how.scales.empty() ? "the largest value" : "their scale",
                     allowed(bound)));
}

void Finding::compare(const std::string& what, double is, double should, double bound,
                      double scale) {
  const double d = difference(is, should) / scale;
  worst = std::max(worst, d);
  if (!(d <= bound))
    fail(fmt::format("{}: {}, expected {}; they differ by {:.2g} of their scale; allowed: {}", what,
                     is, should, d, allowed(bound)));
}

void Finding::expect_finite(const std::string& what, const Tensor& t, const PlaceOf& place_of) {
  const std::vector<double> values = numbers(t);
  const auto wrong = [](double v) { return !std::isfinite(v); };
  const auto first = std::find_if(values.begin(), values.end(), wrong);
  if (first == values.end()) return;
  const auto at = static_cast<Index>(first - values.begin());
  if (!failed())
    where = fmt::format("{}, {}: {}", what, place_of ? place_of(at) : place(t.shape(), at), *first);
  fail(fmt::format("{}: {} of {} are not finite", what,
                   std::count_if(values.begin(), values.end(), wrong), values.size()));
}

}  // namespace tilewright::testkit
