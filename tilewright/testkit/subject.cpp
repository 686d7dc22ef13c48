// What subjects have by default, and the data of cases.
#include "tilewright/testkit/subject.h"

#include <fmt/format.h>

#include <random>

#include "tilewright/testkit/values.h"

namespace tilewright::testkit {

void Subject::add_backward(const Tensors& inputs, const Tensor& gradient, Tensors& sums) const {
  std::vector<bool> wanted;
  for (const Tensor& sum : sums) wanted.push_back(!sum.empty());
  const Tensors found = backward(inputs, gradient, wanted);
  for (std::size_t i = 0; i < sums.size(); ++i) {
    if (sums[i].empty()) continue;
    std::vector<double> total = numbers(sums[i]);
    const std::vector<double> added = numbers(found.at(i));
    for (std::size_t k = 0; k < total.size(); ++k) total[k] += added.at(k);
    sums[i] = tensor_of(sums[i].dtype(), sums[i].shape(), total);
  }
}

Tensor Subject::forward_views(const Views& inputs) const {
  Tensors copies;
  for (const ConstTensorView& v : inputs) copies.push_back(dense(v, v.dtype));
  return forward(copies);
}

Tensors Subject::backward_views(const Views& inputs, const ConstTensorView& gradient,
                                const std::vector<bool>& wanted) const {
  Tensors copies;
  for (const ConstTensorView& v : inputs) copies.push_back(dense(v, v.dtype));
  return backward(copies, dense(gradient, gradient.dtype), wanted);
}

std::vector<Variant> Subject::variants(const Tensors&, std::uint64_t) const { return {}; }

std::vector<Part> Subject::parts(const Tensors&) const { return {}; }

std::string Subject::save(const Tensors& tensors) const {
  const std::vector<std::string> names = inputs();
  NamedTensors values;
  for (std::size_t i = 0; i < tensors.size(); ++i) values.push_back({names.at(i), tensors[i]});
  return write_values(values);
}

Tensors Subject::load(const std::string& bytes) const {
  Tensors tensors;
  for (NamedTensor& value : read_values(bytes, name())) tensors.push_back(std::move(value.tensor));
  return tensors;
}

std::string Subject::command(const Tensors&, int, std::uint64_t) const { return ""; }

Tensors make_inputs(const Case& c, DType dtype) {
  Tensors made;
  for (std::size_t i = 0; i < std::max(c.shapes.size(), c.inputs.size()); ++i)
    made.push_back(i < c.inputs.size() && !c.inputs[i].empty()
                       ? dense(c.inputs[i].view(), dtype)
                       : make_values(c.shapes.at(i), dtype, c.seed * 31 + i));
  return made;
}

Tensor make_values(const Shape& shape, DType dtype, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<double> values(static_cast<std::size_t>(volume(shape)));
  for (double& v : values) v = static_cast<double>(random() % 131073) / 65536 - 1;
  return tensor_of(dtype, shape, values);
}

Tensor dense(const ConstTensorView& view, DType dtype) {
  Tensor t(dtype, view.shape);
  copy(view, t.view());
  return t;
}

std::vector<double> numbers(const Tensor& t) {
  if (t.empty()) return {};
  const Tensor wide = dense(t.view(), DType::kF64);
  return {wide.data<double>(), wide.data<double>() + wide.spec().volume()};
}

Tensor tensor_of(DType dtype, const Shape& shape, const std::vector<double>& values) {
  Tensor wide(DType::kF64, shape);
  if (wide.spec().volume() != static_cast<Index>(values.size()))
    throw InvalidArgument(fmt::format("{} values do not fill a tensor of {}; give {}",
                                      values.size(), to_string(shape), wide.spec().volume()));
  std::copy(values.begin(), values.end(), wide.data<double>());
  return dtype == DType::kF64 ? wide : dense(wide.view(), dtype);
}

std::vector<bool> all_wanted(std::size_t count) { return std::vector<bool>(count, true); }

std::vector<bool> one_wanted(std::size_t count, std::size_t which) {
  std::vector<bool> wanted(count, false);
  wanted.at(which) = true;
  return wanted;
}

Views views_of(const Tensors& tensors) {
  Views views;
  for (const Tensor& t : tensors) views.push_back(t.view());
  return views;
}

}  // namespace tilewright::testkit
