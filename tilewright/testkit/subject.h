// A Subject: a differentiable function of tensors, which is what the test kit tests. Layers of the
// library and of users, wrong ones and networks of them are all Subjects. A Case gives one its
// sizes and data; what is checked is in check.h.
#pragma once

#include <memory>

#include "tilewright/tilewright.h"

namespace tilewright::testkit {

using Tensors = std::vector<Tensor>;
using Views = std::vector<ConstTensorView>;

/// Stands for the result where an input is named by its number.
inline constexpr int kResult = -1;

class Subject;

/// Another implementation that must give what a subject gives: another kernel, device or cut.
struct Variant {
  std::string name;
  std::shared_ptr<const Subject> subject;
  /// Largest difference allowed, relative to the largest value of a tensor; 0: the same bits.
  double bound = 0;
};

/// A layer of a network, with the inputs that reach it.
struct Part {
  std::string name;
  std::shared_ptr<const Subject> subject;
  Tensors inputs;
};

/// A function of float tensors whose parameters (strides, say) are fixed and whose sizes come with
/// its inputs. Input 0 is the source [n,c,y,x], the others are what is learned. It must accept f64,
/// and the type of every case. Only name(), inputs(), forward() and backward() have to be written.
class Subject {
 public:
  virtual ~Subject() = default;
  virtual std::string name() const = 0;
  /// Names of the inputs: "src", "weights" …
  virtual std::vector<std::string> inputs() const = 0;
  virtual Tensor forward(const Tensors& inputs) const = 0;
  /// Gradients of sum(result * gradient) by those inputs that are wanted; empty tensors for the
  /// others, for which no work is done.
  virtual Tensors backward(const Tensors& inputs, const Tensor& gradient,
                           const std::vector<bool>& wanted) const = 0;

  /// Adds gradients to those of `sums` that are not empty. By default: backward(), then a sum.
  virtual void add_backward(const Tensors& inputs, const Tensor& gradient, Tensors& sums) const;
  /// The same of inputs that are not dense. By default: copies, then forward() and backward().
  virtual Tensor forward_views(const Views& inputs) const;
  virtual Tensors backward_views(const Views& inputs, const ConstTensorView& gradient,
                                 const std::vector<bool>& wanted) const;
  /// Work (multiply-adds, or bytes read) done for the gradient of each input since the subject was
  /// made, counted where it is done, so that a gradient that is computed and dropped shows. Empty
  /// if it is not counted.
  virtual std::vector<double> gradient_work() const { return {}; }
  /// Implementations that must give the same for inputs of such sizes; `seed` draws cuts.
  virtual std::vector<Variant> variants(const Tensors& inputs, std::uint64_t seed) const;
  /// If this is a network: its layers in the order in which they run, for these inputs.
  virtual std::vector<Part> parts(const Tensors& inputs) const;
  /// The inputs as text of the layer's own format, and back. By default: that of values.h.
  virtual std::string save(const Tensors& inputs) const;
  virtual Tensors load(const std::string& bytes) const;
  /// A shell command that compares this implementation of the result, or of the gradient by an
  /// input, with its definition; empty, the default, if there is none.
  virtual std::string command(const Tensors& inputs, int which, std::uint64_t seed) const;
};

/// Sizes and data for a subject; an empty tensor is data made from the seed, or a value that is
/// not known.
struct Case {
  std::string name;
  std::vector<Shape> shapes;  // of the inputs
  DType dtype = DType::kF32;  // of everything that is compared bit by bit
  std::uint64_t seed = 1;
  /// Hand-made: inputs and gradient of the result, and what comes out.
  Tensors inputs{};
  Tensor gradient{};
  Tensor expected{};
  Tensors expected_gradients{};
  /// Inputs that a result of these sizes determines, so that learning recovers them.
  std::vector<std::string> learns{};
};

/// The inputs of `c` in `dtype`: its own, or values in [-1, 1] from its seed.
Tensors make_inputs(const Case& c, DType dtype);

/// Values in [-1, 1], multiples of 2^-16, so that f32 and f64 hold the same.
Tensor make_values(const Shape& shape, DType dtype, std::uint64_t seed);

/// A dense copy in `dtype`.
Tensor dense(const ConstTensorView& view, DType dtype);

/// Elements in row-major order, and a tensor of such elements.
std::vector<double> numbers(const Tensor& t);
Tensor tensor_of(DType dtype, const Shape& shape, const std::vector<double>& values);

/// wanted[i] for all of `count` inputs, or for one of them.
std::vector<bool> all_wanted(std::size_t count);
std::vector<bool> one_wanted(std::size_t count, std::size_t which);

/// A view of every tensor.
Views views_of(const Tensors& tensors);

}  // namespace tilewright::testkit
