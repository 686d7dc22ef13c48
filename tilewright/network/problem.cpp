// Problem lines: writing, reading and checking.
#include "tilewright/network/problem.h"

#include <fmt/format.h>

#include <cctype>

#include "tilewright/base/text.h"

namespace tilewright {
namespace {

// "ci64" -> {"ci", "64"}; "m:reflect" -> {"m", "reflect"}; "flip" -> {"flip", ""}.
std::pair<std::string, std::string> key_and_value(const std::string& word) {
  if (const auto colon = word.find(':'); colon != std::string::npos)
    return {word.substr(0, colon), word.substr(colon + 1)};
  const auto digit = word.find_first_of("0123456789-");
  if (digit == std::string::npos || digit == 0) return {word, ""};
  return {word.substr(0, digit), word.substr(digit)};
}

bool is_compute_word(const std::string& word) { return word == "f32" || word == "f64"; }

WordMap word_map(const std::vector<std::string>& words) {
  WordMap map;
  for (std::size_t i = 1; i < words.size(); ++i) {
    const auto [key, value] = is_compute_word(words[i])
                                  ? std::pair{std::string("compute"), words[i]}
                                  : key_and_value(words[i]);
    if (!map.emplace(key, value).second)
      throw InvalidArgument("problem line: the word '" + words[i] + "' comes twice");
  }
  return map;
}

std::string take(WordMap& map, const std::string& key, const std::string& fallback) {
  const auto at = map.find(key);
  if (at == map.end()) return fallback;
  std::string value = at->second;
  map.erase(at);
  return value;
}

Index size_word(WordMap& map, const std::string& key, const std::string& fallback) {
  const Index v = parse_index(take(map, key, fallback), "problem line, " + key);
  if (v < 1) throw InvalidArgument(fmt::format("problem line: {} is {}, must be >= 1", key, v));
  return v;
}

void check(const Problem& p) {
  if (!is_float(p.compute))
    throw InvalidArgument(
        fmt::format("results cannot be computed in {}; choose f32 or f64", to_string(p.compute)));
  if (size_of(p.dst_dtype) > size_of(p.compute))
    throw InvalidArgument(
        fmt::format("results computed in {} cannot be stored as {}; compute in "
                    "float64",
                    to_string(p.compute), to_string(p.dst_dtype)));
  // Sizes past 2^60 bytes would overflow sums of sizes later on.
  for (const Operand o : {Operand::kSrc, Operand::kWeights, Operand::kBias, Operand::kDst}) {
    TensorSpec s = p.spec(o);
    s.dtype = DType::kF64;
    checked_mul(s.bytes(), 8);
  }
}

}  // namespace

TensorSpec Problem::spec(Operand operand) const {
  const DType dtype = operand == Operand::kSrc   ? src_dtype
                      : operand == Operand::kDst ? dst_dtype
                                                 : compute;
  return {dtype, layer->shape(operand, src_shape)};
}

TensorSpec Problem::spec(const std::string& name) const {
  if (name == "src") return spec(Operand::kSrc);
  if (name == "weights") return spec(Operand::kWeights);
  if (name == "bias") return spec(Operand::kBias);
  if (name == "dst") return spec(Operand::kDst);
  throw InvalidArgument("a problem has src, weights, bias and dst, no '" + name + "'");
}

bool Problem::has_bias() const { return layer->shape(Operand::kBias, src_shape)[1] > 0; }

double Problem::flop() const { return layer->flop(whole(extents())); }

std::string Problem::line() const {
  std::string layer_words = layer->words();
  // The compute type follows the group count, before the words that are not default.
  const auto g = layer_words.find(" g");
  const auto cut = layer_words.find(' ', g + 1);
  const std::string tail = cut == std::string::npos ? "" : layer_words.substr(cut);
  std::string text = fmt::format("{} n{} ci{} y{} x{} {} {}{}", layer->name(), src_shape[kN],
                                 src_shape[kC], src_shape[kY], src_shape[kX],
                                 layer_words.substr(0, cut), short_name(compute), tail);
  if (src_dtype != compute) text += fmt::format(" src:{}", short_name(src_dtype));
  if (dst_dtype != compute) text += fmt::format(" dst:{}", short_name(dst_dtype));
  return text;
}

Problem parse_problem(const std::string& line) {
  const auto list = words(line);
  if (list.empty()) throw InvalidArgument("the problem line is empty");
  WordMap map = word_map(list);
  for (const LayerEntry& entry : layer_table()) {
    if (list[0] != entry.name) continue;
    Problem p;
    const std::string ci = map.count("ci") ? map["ci"] : "1";
    p.src_shape = {size_word(map, "n", "1"), parse_index(ci, "problem line, ci"),
                   size_word(map, "y", "1"), size_word(map, "x", "1")};
    p.compute = parse_dtype(take(map, "compute", "f32"));
    p.src_dtype = parse_dtype(take(map, "src", short_name(p.compute)));
    p.dst_dtype = parse_dtype(take(map, "dst", short_name(p.compute)));
    p.layer = entry.from_words(map);
    for (const std::string& word : list)
      if (map.count(key_and_value(word).first))
        throw InvalidArgument("problem line: '" + word + "' is not a word of " + entry.name);
    p.extents();
    check(p);
    return p;
  }
  throw InvalidArgument("problem line: no layer is called '" + list[0] + "'; try conv2d");
}

Problem conv2d_problem(const TensorSpec& src, const Shape& weights, const Conv2dOptions& options,
                       bool bias) {
  return conv2d_problem(src, weights, options, bias, compute_dtype(src.dtype));
}

Problem conv2d_problem(const TensorSpec& src, const Shape& weights, const Conv2dOptions& options,
                       bool bias, DType dst) {
  Problem p;
  p.layer = Conv2d::make(src.shape, weights, bias, options);
  p.src_shape = src.shape;
  p.src_dtype = src.dtype;
  const bool wide = compute_dtype(src.dtype) == DType::kF64 || dst == DType::kF64;
  p.compute = wide ? DType::kF64 : DType::kF32;
  p.dst_dtype = dst;
  check(p);
  return p;
}

}  // namespace tilewright
