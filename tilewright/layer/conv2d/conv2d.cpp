// conv2d as a loop nest: sizes, roles and operand regions.
#include "tilewright/layer/conv2d/conv2d.h"

#include <fmt/format.h>

#include "tilewright/base/text.h"

namespace tilewright {
namespace {

struct Sides {
  Index before, after;
};

Sides same_padding(Index extent, const Window& w) {
  const Index outputs = ceil_div(extent, w.stride);
  const Index needed = checked_add(checked_mul(outputs - 1, w.stride), w.span());
  const Index total = std::max<Index>(0, needed - extent);
  return {total / 2, total - total / 2};
}

// "3x5" to {3, 5}.
Conv2dOptions::Pair parse_pair(const std::string& text, const char* what) {
  const auto parts = split(text, 'x');
  if (parts.size() != 2)
    throw InvalidArgument(fmt::format("{}: '{}' is not of the form YxX", what, text));
  return {parse_index(parts[0], what), parse_index(parts[1], what)};
}

std::string take(WordMap& words, const std::string& key, const std::string& fallback) {
  const auto at = words.find(key);
  if (at == words.end()) return fallback;
  std::string value = at->second;
  words.erase(at);
  return value;
}

// A word without a value; with one it is left as not understood.
bool take_flag(WordMap& words, const std::string& key) {
  const auto at = words.find(key);
  if (at == words.end() || !at->second.empty()) return false;
  words.erase(at);
  return true;
}

Index take_required(WordMap& words, const std::string& key) {
  const std::string value = take(words, key, "");
  if (value.empty()) throw InvalidArgument("problem line: the word '" + key + "' is missing");
  return parse_index(value, "problem line, " + key);
}

Window window_of(Index taps, Index stride, Index dilation, PaddingMode mode) {
  Window w;
  w.taps = taps;
  w.stride = stride;
  w.dilation = dilation;
  w.mode = mode;
  return w;
}

}  // namespace

const std::vector<ParameterInfo>& conv2d_parameters() {
  static const std::vector<ParameterInfo> table{
      {"padding", "same|valid|N|TOP,BOTTOM,LEFT,RIGHT", "elements added around the image"},
      {"padding-mode", "zero|reflect|replicate|circular", "what the added elements show"},
      {"stride", "Y,X", "step between outputs"},
      {"dilation", "Y,X", "step between taps"},
      {"groups", "G", "independent groups of channels; the number of channels for depthwise"},
      {"flip", "", "true convolution: taps rotated by 180 degrees"},
  };
  return table;
}

std::shared_ptr<const Conv2d> Conv2d::make(const Shape& src, const Shape& weights, bool bias,
                                           const Conv2dOptions& o) {
  std::shared_ptr<Conv2d> layer(new Conv2d);
  layer->ci_ = src[kC];
  layer->co_ = weights[0];
  layer->groups_ = o.groups;
  layer->y_ = window_of(weights[2], o.stride.y, o.dilation.y, o.padding_mode);
  layer->x_ = window_of(weights[3], o.stride.x, o.dilation.x, o.padding_mode);
  layer->flip_ = o.flip;
  layer->bias_ = bias;
  layer->check();
  if (weights[1] != src[kC] / o.groups)
    throw InvalidArgument(fmt::format(
        "weights of shape {} expect {} source channels in {} group(s), the source has {}",
        to_string(weights), checked_mul(weights[1], o.groups), o.groups, src[kC]));
  Sides y{o.padding.top, o.padding.bottom}, x{o.padding.left, o.padding.right};
  if (o.padding.rule == Padding::Rule::kSame) {
    y = same_padding(src[kY], layer->y_);
    x = same_padding(src[kX], layer->x_);
  }
  layer->y_.pad_begin = y.before;
  layer->y_.pad_end = y.after;
  layer->x_.pad_begin = x.before;
  layer->x_.pad_end = x.after;
  layer->check();
  layer->extents(src);
  return layer;
}

void Conv2d::check() const {
  for (const Window* w : {&y_, &x_}) {
    const bool y = w == &y_;
    if (w->taps < 1 || w->stride < 1 || w->dilation < 1 || w->pad_begin < 0 || w->pad_end < 0)
      throw InvalidArgument(fmt::format(
          "conv2d: along {} kernel {}, stride {}, dilation {} must be at least 1 and padding "
          "{},{} at least 0",
          y ? "y" : "x", w->taps, w->stride, w->dilation, w->pad_begin, w->pad_end));
    checked_mul(w->span(), 4);  // leaves room for later sums
  }
  if (ci_ < 1 || co_ < 1)
    throw InvalidArgument(fmt::format(
        "conv2d: {} source and {} destination channels, must be at least 1 each", ci_, co_));
  if (groups_ < 1 || ci_ % groups_ != 0 || co_ % groups_ != 0)
    throw InvalidArgument(fmt::format(
        "conv2d: {} groups must divide {} source and {} destination channels", groups_, ci_, co_));
}

std::shared_ptr<const Layer> Conv2d::from_words(WordMap& words) {
  std::shared_ptr<Conv2d> layer(new Conv2d);
  layer->ci_ = take_required(words, "ci");
  layer->co_ = take_required(words, "co");
  layer->groups_ = parse_index(take(words, "g", "1"), "problem line, g");
  const auto mode = parse_padding_mode(take(words, "m", "zero"));
  const auto k = parse_pair(take(words, "k", "1x1"), "problem line, k");
  const auto s = parse_pair(take(words, "s", "1x1"), "problem line, s");
  const auto d = parse_pair(take(words, "d", "1x1"), "problem line, d");
  layer->y_ = window_of(k.y, s.y, d.y, mode);
  layer->x_ = window_of(k.x, s.x, d.x, mode);
  const std::string p = take(words, "p", "0,0,0,0");
  const auto sides = split(p, ',');
  if (sides.size() != 4 && sides.size() != 1)
    throw InvalidArgument("problem line, p: '" + p + "' is neither N nor TOP,BOTTOM,LEFT,RIGHT");
  const auto side = [&](std::size_t i) {
    return parse_index(sides[sides.size() == 1 ? 0 : i], "problem line, p");
  };
  layer->y_.pad_begin = side(0), layer->y_.pad_end = side(1);
  layer->x_.pad_begin = side(2), layer->x_.pad_end = side(3);
  layer->flip_ = take_flag(words, "flip");
  layer->bias_ = take_flag(words, "bias");
  layer->check();
  return layer;
}

std::shared_ptr<const Conv2d> Conv2d::without_bias() const {
  std::shared_ptr<Conv2d> layer(new Conv2d(*this));
  layer->bias_ = false;
  return layer;
}

std::string Conv2d::words() const {
  std::string text = fmt::format("co{} k{}x{} s{}x{} d{}x{} p{},{},{},{} g{}", co_, y_.taps,
                                 x_.taps, y_.stride, x_.stride, y_.dilation, x_.dilation,
                                 y_.pad_begin, y_.pad_end, x_.pad_begin, x_.pad_end, groups_);
  if (y_.mode != PaddingMode::kZero) text += fmt::format(" m:{}", to_string(y_.mode));
  if (flip_) text += " flip";
  if (bias_) text += " bias";
  return text;
}

Extents Conv2d::extents(const Shape& src) const {
  if (src[kN] < 1 || src[kC] < 1 || src[kY] < 1 || src[kX] < 1)
    throw InvalidArgument("conv2d: a source of shape " + to_string(src) + " has no elements");
  if (src[kC] != ci_)
    throw InvalidArgument(
        fmt::format("conv2d: the source has {} channels, the weights expect {}", src[kC], ci_));
  Extents e;
  e[Axis::kN] = src[kN];
  e[Axis::kG] = groups_;
  e[Axis::kCo] = co_ / groups_;
  e[Axis::kCi] = ci_ / groups_;
  e[Axis::kY] = y_.outputs(src[kY]);
  e[Axis::kX] = x_.outputs(src[kX]);
  e[Axis::kKy] = y_.taps;
  e[Axis::kKx] = x_.taps;
  return e;
}

Role Conv2d::role(Axis axis) const {
  switch (axis) {
    case Axis::kY:
    case Axis::kX:
      return Role::kHalo;
    case Axis::kCi:
    case Axis::kKy:
    case Axis::kKx:
      return Role::kReduce;
    default:
      return Role::kIndependent;
  }
}

Shape Conv2d::shape(Operand operand, const Shape& src) const {
  const Extents e = extents(src);
  switch (operand) {
    case Operand::kSrc:
      return src;
    case Operand::kWeights:
      return {co_, ci_ / groups_, y_.taps, x_.taps};
    case Operand::kBias:
      return bias_ ? Shape{1, co_, 1, 1} : Shape{0, 0, 0, 0};
    case Operand::kDst:
      return {src[kN], co_, e[Axis::kY], e[Axis::kX]};
  }
  throw InternalError("unknown operand");
}

// Channels of a block: whole groups if several, a part of one group otherwise.
Region Conv2d::region(Operand operand, const Block& b) const {
  const auto channels = [&](const Interval& part, Index per_group) {
    const Interval& g = b[Axis::kG];
    if (g.size() == 1) return part.shifted(g.begin * per_group);
    return Interval{g.begin * per_group, g.end * per_group};
  };
  const Interval co = channels(b[Axis::kCo], co_ / groups_);
  switch (operand) {
    case Operand::kSrc:
      return {{{b[Axis::kN], channels(b[Axis::kCi], ci_ / groups_),
                y_.demand(b[Axis::kY], b[Axis::kKy]), x_.demand(b[Axis::kX], b[Axis::kKx])}}};
    case Operand::kWeights:
      return {{{co, b[Axis::kCi], b[Axis::kKy], b[Axis::kKx]}}};
    case Operand::kBias:
      return {{{Interval{0, 1}, co, Interval{0, 1}, Interval{0, 1}}}};
    case Operand::kDst:
      return {{{b[Axis::kN], co, b[Axis::kY], b[Axis::kX]}}};
  }
  throw InternalError("unknown operand");
}

double Conv2d::flop(const Block& b) const {
  double product = 2;
  for (const Axis a : kAxes) product *= static_cast<double>(b[a].size());
  return product;
}

}  // namespace tilewright
