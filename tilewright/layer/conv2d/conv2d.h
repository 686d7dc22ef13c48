// The conv2d layer: correlation of [n,ci,y,x] with weights [co,ci/g,ky,kx], plus bias [1,co,1,1].
#pragma once

#include "tilewright/layer/table.h"

namespace tilewright {

/// Padding of the four sides in elements, or a rule that is resolved from sizes.
struct Padding {
  enum class Rule { kExplicit, kSame };
  Rule rule = Rule::kExplicit;
  Index top = 0, bottom = 0, left = 0, right = 0;

  /// dst = ceil(src / stride); an odd total puts the extra element at the bottom and the right.
  static Padding same() { return {Rule::kSame, 0, 0, 0, 0}; }
  /// No padding: only windows that lie inside the image.
  static Padding valid() { return {}; }
  /// `t` rows above, `b` below, `l` columns left, `r` right.
  static Padding sides(Index t, Index b, Index l, Index r) { return {Rule::kExplicit, t, b, l, r}; }
};

struct Conv2dOptions {
  struct Pair {
    Index y = 1, x = 1;
  };
  Pair stride{1, 1};
  Pair dilation{1, 1};
  Padding padding{};
  PaddingMode padding_mode = PaddingMode::kZero;
  Index groups = 1;
  /// True convolution: the taps are rotated by 180 degrees.
  bool flip = false;
};

/// The parameters of conv2d, described once.
const std::vector<ParameterInfo>& conv2d_parameters();

class Conv2d final : public Layer {
 public:
  /// `src` [n,ci,y,x], `weights` [co,ci/g,ky,kx]. Throws InvalidArgument, naming the values, if
  /// shapes, groups, strides, dilations or paddings do not fit together.
  static std::shared_ptr<const Conv2d> make(const Shape& src, const Shape& weights, bool bias,
                                            const Conv2dOptions& options);
  static std::shared_ptr<const Layer> from_words(WordMap& words);

  const char* name() const override { return "conv2d"; }
  std::string words() const override;
  Extents extents(const Shape& src) const override;
  Role role(Axis axis) const override;
  Shape shape(Operand operand, const Shape& src) const override;
  Region region(Operand operand, const Block& block) const override;
  const Window& window(Dim dim) const override { return dim == kY ? y_ : x_; }
  bool reversed_taps() const override { return flip_; }
  double flop(const Block& block) const override;

  Index ci() const { return ci_; }
  Index co() const { return co_; }
  Index groups() const { return groups_; }
  bool bias() const { return bias_; }
  /// The same convolution without bias.
  std::shared_ptr<const Conv2d> without_bias() const;

 private:
  Conv2d() = default;
  void check() const;

  Index ci_ = 1, co_ = 1, groups_ = 1;  // channels over all groups
  Window y_, x_;
  bool flip_ = false;
  bool bias_ = false;
};

}  // namespace tilewright
