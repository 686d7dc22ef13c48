// What f32 computes is what f64 computes on the same values. The other checks of gradients run in
// f64 or compare f32 with itself, so a mistake in f32 alone shows here.
#include <cmath>
#include <random>

#include "tilewright/testkit/checks/checks.h"

namespace tilewright::testkit {
namespace {

constexpr double kBound = 2e-5;
// Of the order of the bound: what inputs that are off by so much would change is allowed as well.
constexpr double kNudge = 0x1p-16;

Tensor nudged(const Tensor& t, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<double> values = numbers(t);
  for (double& v : values) v *= random() % 2 == 0 ? 1 + kNudge : 1 - kNudge;
  return tensor_of(DType::kF64, t.shape(), values);
}

// The largest value, or where sums cancel what they are sums of.
void compare_f32(const std::string& what, const Tensor& is, const Tensor& should,
                 const Tensor& with_nudges, Finding& finding) {
  const std::vector<double> exact = numbers(should), moved = numbers(with_nudges);
  double scale = 0;
  for (std::size_t k = 0; k < exact.size(); ++k)
    scale = std::max({scale, std::abs(exact[k]), std::abs(moved.at(k) - exact[k]) / kNudge});
  finding.compare(what, is.empty() ? Tensor() : dense(is.view(), DType::kF64), should, kBound,
                  {std::vector<double>(exact.size(), scale)});
}

}  // namespace

void check_precision(const Subject& subject, const Case& c, Finding& finding) {
  if (c.dtype != DType::kF32) return finding.skip("the case is not in f32");
  const Tensors narrow = make_inputs(c, DType::kF32);
  Tensors wide, off;
  for (const Tensor& t : narrow) {
    wide.push_back(dense(t.view(), DType::kF64));
    off.push_back(nudged(t, c.seed * 31 + 10 + off.size()));
  }
  const Tensor result = subject.forward(narrow);
  const Tensor g = gradient_of(c, result), g_off = nudged(g, c.seed * 31 + 19);
  compare_f32("result in f32", result, subject.forward(wide), subject.forward(off), finding);
  const Tensors gradients = gradients_of(subject, narrow, g);
  const Tensors exact = gradients_of(subject, wide, dense(g.view(), DType::kF64));
  const Tensors moved = gradients_of(subject, off, g_off);
  const std::vector<std::string> names = subject.inputs();
  for (std::size_t i = 0; i < narrow.size(); ++i)
    compare_f32("gradient of " + names.at(i) + " in f32", gradients[i], exact[i], moved[i],
                finding);
}

}  // namespace tilewright::testkit
