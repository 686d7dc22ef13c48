// A padded position p meets output o of the convolution through tap k if p + pad = o*stride +
// k*dilation.
#include "tilewright/layer/conv2d/conv2d_transpose.h"

#include <fmt/format.h>

#include "tilewright/base/text.h"

namespace tilewright {
namespace {

// Runs of padding, and rows that stay on an edge, are listed one by one; the planner counts the
// bytes.
constexpr Index kMostRuns = 1'000'000'000;

// The most padded positions that one of `extent` indices can be shown at.
Index most_shown(const Window& w, Index extent) {
  const Index around = checked_add(w.pad_begin, w.pad_end);
  if (w.mode == PaddingMode::kZero) return 1;
  if (w.mode == PaddingMode::kReplicate || extent == 1) return around + 1;
  const Index period = w.mode == PaddingMode::kCircular ? extent : extent - 1;
  return ceil_div(around, period) + 2;
}

void check_runs(const Window& w, Index extent) {
  if (most_shown(w, extent) <= kMostRuns) return;
  throw InvalidArgument(
      fmt::format("conv2d_transpose: {} padding of {} and {} shows an image of {} more than {} "
                  "times over; use less padding",
                  to_string(w.mode), w.pad_begin, w.pad_end, extent, kMostRuns));
}

}  // namespace

Conv2dTranspose::Conv2dTranspose(std::shared_ptr<const Conv2d> conv, Index rows, Index columns)
    : conv_(conv->without_bias()), rows_(rows), columns_(columns) {
  if (rows < 1 || columns < 1)
    throw InvalidArgument(
        fmt::format("conv2d_transpose: a result of {} x {} has no elements", rows, columns));
  check_runs(conv_->window(kY), rows);
  check_runs(conv_->window(kX), columns);
}

// In the words of the convolution, ci and co change places.
std::shared_ptr<const Layer> Conv2dTranspose::from_words(WordMap& words) {
  const auto size = words.find("o");
  if (size == words.end())
    throw InvalidArgument("problem line: the word 'o', the size of the result, is missing");
  const auto parts = split(size->second, 'x');
  if (parts.size() != 2)
    throw InvalidArgument("problem line, o: '" + size->second + "' is not of the form YxX");
  const Index rows = parse_index(parts[0], "problem line, o");
  const Index columns = parse_index(parts[1], "problem line, o");
  words.erase(size);
  if (words.count("ci") && words.count("co")) std::swap(words["ci"], words["co"]);
  const auto conv = std::static_pointer_cast<const Conv2d>(Conv2d::from_words(words));
  if (conv->bias()) throw InvalidArgument("problem line: conv2d_transpose has no bias");
  return std::make_shared<Conv2dTranspose>(conv, rows, columns);
}

std::string Conv2dTranspose::words() const {
  const std::string words = conv_->words();  // begins with "co<n> "
  return fmt::format("co{} o{}x{}{}", conv_->ci(), rows_, columns_, words.substr(words.find(' ')));
}

Extents Conv2dTranspose::extents(const Shape& src) const {
  const Shape made = conv_->shape(Operand::kDst, {src[kN], conv_->ci(), rows_, columns_});
  if (made != src)
    throw InvalidArgument(
        fmt::format("conv2d_transpose: a source of {} does not belong to a result of {} x {}, "
                    "whose convolution gives {}",
                    to_string(src), rows_, columns_, to_string(made)));
  Extents e = conv_->extents({src[kN], conv_->ci(), rows_, columns_});
  std::swap(e[Axis::kCo], e[Axis::kCi]);
  e[Axis::kY] = rows_;
  e[Axis::kX] = columns_;
  return e;
}

Shape Conv2dTranspose::shape(Operand operand, const Shape& src) const {
  const Shape dst{src[kN], conv_->ci(), rows_, columns_};
  if (operand == Operand::kSrc) return src;
  if (operand == Operand::kDst) return dst;
  return conv_->shape(operand, dst);
}

Region Conv2dTranspose::region(Operand operand, const Block& b) const {
  Block seen = b;
  std::swap(seen[Axis::kCo], seen[Axis::kCi]);
  const Region src_channels = conv_->region(Operand::kDst, seen);
  switch (operand) {
    case Operand::kSrc:
      return {{{b[Axis::kN], src_channels[kC], demand(kY, b[Axis::kY], b[Axis::kKy]),
                demand(kX, b[Axis::kX], b[Axis::kKx])}}};
    case Operand::kDst:
      return {{{b[Axis::kN], conv_->region(Operand::kSrc, seen)[kC], b[Axis::kY], b[Axis::kX]}}};
    default:
      return conv_->region(operand, seen);
  }
}

Interval Conv2dTranspose::demand(Dim dim, const Interval& out, const Interval& taps) const {
  const Window& w = conv_->window(dim);
  const Index lowest = out.begin + w.pad_begin - (taps.end - 1) * w.dilation;
  const Index highest = out.end - 1 + w.pad_begin - taps.begin * w.dilation;
  const Index first = -floor_div(-lowest, w.stride);
  // Wide strides leave gaps that meet nothing; one result is read all the same.
  return {first, std::max(floor_div(highest, w.stride), first) + 1};
}

bool Conv2dTranspose::folded() const {
  const Window &y = conv_->window(kY), &x = conv_->window(kX);
  return y.mode != PaddingMode::kZero && y.pad_begin + y.pad_end + x.pad_begin + x.pad_end > 0;
}

Index Conv2dTranspose::most_runs(Dim dim, Index part) const {
  if (!folded()) return 1;
  const Window& w = conv_->window(dim);
  const Index extent = dim == kY ? rows_ : columns_;
  if (w.mode != PaddingMode::kReplicate && extent > 1) return most_shown(w, extent);
  return 1 + ceil_div(w.pad_begin, part) + ceil_div(w.pad_end, part);
}

std::vector<PadSegment> Conv2dTranspose::folds(Dim dim, Index extent) const {
  if (!folded()) return {};
  const Window& w = conv_->window(dim);
  return w.segments({-w.pad_begin, extent + w.pad_end}, extent);
}

// Folding adds one rounding for every further position that shows an output.
double Conv2dTranspose::longest_sum(const Extents& e, DType compute) const {
  const double sum = Layer::longest_sum(e, compute);
  if (!folded()) return sum;
  return sum +
         static_cast<double>(most_shown(conv_->window(kY), rows_)) *
             static_cast<double>(most_shown(conv_->window(kX), columns_)) -
         1;
}

Shape Conv2dTranspose::largest_window(const Block& b) const {
  Shape s = region(Operand::kSrc, b).shape();
  const auto most = [&](Dim dim, Axis axis, Axis tap) {
    const Window& w = conv_->window(dim);
    const Index reach = checked_add(b[axis].size(), (b[tap].size() - 1) * w.dilation);
    return ceil_div(reach, w.stride);
  };
  s[kY] = most(kY, Axis::kY, Axis::kKy);
  s[kX] = most(kX, Axis::kX, Axis::kKx);
  return s;
}

// Only one in stride^2 of the positions meets a given tap.
double Conv2dTranspose::flop(const Block& b) const {
  return conv_->flop(b) / static_cast<double>(conv_->window(kY).stride) /
         static_cast<double>(conv_->window(kX).stride);
}

}  // namespace tilewright
