// Forward keeps what reaches each layer; backward goes no further back than somebody wants.
#include "tilewright/testkit/chain.h"

#include <algorithm>

namespace tilewright::testkit {

Chain::Chain(std::string name, std::vector<Link> links)
    : name_(std::move(name)), links_(std::move(links)) {
  if (links_.empty()) throw InvalidArgument("the network '" + name_ + "' has no layers; add one");
}

std::vector<std::string> Chain::inputs() const {
  std::vector<std::string> names{"src"};
  for (const Link& link : links_) {
    const std::vector<std::string> own = link.subject->inputs();
    for (std::size_t i = 1; i < own.size(); ++i) names.push_back(link.name + "." + own[i]);
  }
  return names;
}

std::vector<Part> Chain::parts(const Tensors& inputs) const {
  std::vector<Part> parts;
  std::size_t next = 1;
  for (const Link& link : links_) {
    Part part{link.name, link.subject, {}};
    part.inputs.push_back(parts.empty() ? inputs.at(0)
                                        : parts.back().subject->forward(parts.back().inputs));
    for (std::size_t i = 1; i < link.subject->inputs().size(); ++i)
      part.inputs.push_back(inputs.at(next++));
    parts.push_back(std::move(part));
  }
  return parts;
}

Tensor Chain::forward(const Tensors& inputs) const {
  const std::vector<Part> all = parts(inputs);
  return all.back().subject->forward(all.back().inputs);
}

Tensors Chain::backward(const Tensors& inputs, const Tensor& gradient,
                        const std::vector<bool>& wanted) const {
  const std::vector<Part> all = parts(inputs);
  const std::size_t first =
      static_cast<std::size_t>(std::find(wanted.begin(), wanted.end(), true) - wanted.begin());
  Tensors found(inputs.size());
  Tensor g = gradient;
  std::size_t end = inputs.size();  // of the parameters of the layer at hand
  for (auto part = all.rbegin(); part != all.rend() && first < end; ++part) {
    const std::size_t begin = end + 1 - part->inputs.size();
    std::vector<bool> own(1, first < begin);
    own.insert(own.end(), wanted.begin() + static_cast<std::ptrdiff_t>(begin),
               wanted.begin() + static_cast<std::ptrdiff_t>(end));
    Tensors gradients = part->subject->backward(part->inputs, g, own);
    for (std::size_t i = begin; i < end; ++i) found[i] = std::move(gradients.at(i - begin + 1));
    g = std::move(gradients.at(0));
    end = begin;
  }
  if (wanted.at(0)) found[0] = std::move(g);
  return found;
}

std::vector<double> Chain::gradient_work() const {
  std::vector<double> work;
  for (const Link& link : links_) {
    const std::vector<double> own = link.subject->gradient_work();
    if (own.empty()) return {};
    work.insert(work.end(), own.begin() + (work.empty() ? 0 : 1), own.end());
  }
  return work;
}

std::vector<Variant> Chain::variants(const Tensors& inputs, std::uint64_t seed) const {
  std::vector<Variant> variants;
  const std::vector<Part> all = parts(inputs);
  for (std::size_t k = 0; k < links_.size(); ++k)
    for (const Variant& v : links_[k].subject->variants(all[k].inputs, seed)) {
      std::vector<Link> links = links_;
      links[k].subject = v.subject;
      // A difference may grow on its way through the other layers.
      variants.push_back({links_[k].name + " as " + v.name,
                          std::make_shared<Chain>(name_, std::move(links)), 100 * v.bound});
    }
  return variants;
}

}  // namespace tilewright::testkit
