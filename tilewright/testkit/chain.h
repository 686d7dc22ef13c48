// A Chain: a network of layers that run one after the other, as a subject. Its inputs are the
// source and then the parameters of every layer, "second.weights".
#pragma once

#include "tilewright/testkit/subject.h"

namespace tilewright::testkit {

struct Link {
  std::string name;
  std::shared_ptr<const Subject> subject;
};

class Chain final : public Subject {
 public:
  /// Throws InvalidArgument without links.
  Chain(std::string name, std::vector<Link> links);

  std::string name() const override { return name_; }
  std::vector<std::string> inputs() const override;
  Tensor forward(const Tensors& inputs) const override;
  Tensors backward(const Tensors& inputs, const Tensor& gradient,
                   const std::vector<bool>& wanted) const override;
  std::vector<double> gradient_work() const override;
  /// A layer of this network replaced by a variant of it.
  std::vector<Variant> variants(const Tensors& inputs, std::uint64_t seed) const override;
  std::vector<Part> parts(const Tensors& inputs) const override;

 private:
  std::string name_;
  std::vector<Link> links_;
};

}  // namespace tilewright::testkit
