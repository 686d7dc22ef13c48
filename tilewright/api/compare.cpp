// Comparison of values, and the two stores that serve it.
#include "tilewright/api/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "tilewright/tensor/convert.h"

namespace tilewright {
namespace {

// The comparing store reads back at most this much at a time.
constexpr Index kRowBytes = Index{1} << 18;

template <class T>
bool same(T a, T b) {
  if (a != a || b != b) return a != a && b != b;
  return std::memcmp(&a, &b, sizeof a) == 0;
}

// A difference that is not a number is the largest of all.
double larger(double a, double b) { return std::isnan(a) || a >= b ? a : b; }

template <class T>
void compare_typed(const ConstTensorView& a, const ConstTensorView& b, const Region& where,
                   const ConstTensorView* tolerance, VerifyReport& report) {
  for (Index n = 0; n < a.shape[0]; ++n)
    for (Index c = 0; c < a.shape[1]; ++c)
      for (Index y = 0; y < a.shape[2]; ++y)
        for (Index x = 0; x < a.shape[3]; ++x) {
          const T found = *a.at<T>(n, c, y, x), expected = *b.at<T>(n, c, y, x);
          if (same(found, expected)) continue;
          const double gap = std::abs(static_cast<double>(found) - static_cast<double>(expected));
          if (tolerance != nullptr && gap <= *tolerance->at<double>(n, c, y, x)) continue;
          report.largest_difference = larger(report.largest_difference, gap);
          if (report.differing++ != 0) continue;
          report.first_difference = fmt::format(
              "n{} c{} y{} x{}: found {}, expected {}", where[kN].begin + n, where[kC].begin + c,
              where[kY].begin + y, where[kX].begin + x, found, expected);
        }
}

template <class T>
void absolute_rows(const TensorView& v) {
  for (Index n = 0; n < v.shape[0]; ++n)
    for (Index c = 0; c < v.shape[1]; ++c)
      for (Index y = 0; y < v.shape[2]; ++y)
        for (Index x = 0; x < v.shape[3]; ++x) {
          T& value = *v.at<T>(n, c, y, x);
          value = std::abs(value);
        }
}

// The indices of an axis within `reach` of `shown`: in order, wrapped or cut off at the edges.
std::vector<Index> within(const Interval& shown, Index reach, Index extent, bool around) {
  std::vector<Index> list;
  for (Index i = shown.begin - reach; i < shown.end + reach; ++i)
    list.push_back(around ? floor_mod(i, extent) : std::clamp<Index>(i, 0, extent - 1));
  return list;
}

// v[i] becomes the largest of v[i .. i + 2*reach], for `count` elements `step` apart.
void slide_largest(float* v, Index step, Index count, Index reach) {
  const Index wide = 2 * reach + 1;
  // v[i] covers `shown` elements, twice as many each time.
  Index shown = 1;
  for (; 2 * shown <= wide; shown *= 2)
    for (Index i = 0; i + 2 * shown <= count + 2 * reach; ++i)
      v[i * step] = std::max(v[i * step], v[(i + shown) * step]);
  for (Index i = 0; i < count; ++i)
    v[i * step] = std::max(v[i * step], v[(i + wide - shown) * step]);
}

// All outputs of a tile share its rounding: each gets the largest magnitude of its tile of `height`
// x `width`. Tiles begin at the first element of `t`.
void share_in_tiles(Tensor& t, Index height, Index width) {
  const Shape& s = t.shape();
  double* const v = t.data<double>();
  for (Index plane = 0; plane < s[kN] * s[kC]; ++plane)
    for (Index top = 0; top < s[kY]; top += height)
      for (Index left = 0; left < s[kX]; left += width) {
        const Interval rows{top, std::min(s[kY], top + height)};
        const Index columns = std::min(width, s[kX] - left);
        double largest = 0;
        for (Index y = rows.begin; y < rows.end; ++y) {
          const double* const row = v + (plane * s[kY] + y) * s[kX] + left;
          largest = std::max(largest, *std::max_element(row, row + columns));
        }
        for (Index y = rows.begin; y < rows.end; ++y)
          std::fill_n(v + (plane * s[kY] + y) * s[kX] + left, columns, largest);
      }
}

}  // namespace

Reach reach_of(const Plan& plan) {
  if (plan.kernel.error.factor == 0) return {};
  const Layer& layer = *plan.problem.layer;
  // An axis that is not cut has anchor 0.
  const auto reach = [&](Axis axis, Dim dim) {
    return std::max<Index>(0, plan.kernel.anchors[axis] + layer.window(dim).span() - 2);
  };
  return {reach(Axis::kY, kY), reach(Axis::kX, kX), layer.padding_mode() == PaddingMode::kCircular};
}

Problem bounding_problem(const Plan& plan) {
  const Problem& p = plan.problem;
  const bool zeros = p.layer->padding_mode() == PaddingMode::kZero;
  const std::string layer = p.layer->name();
  const bool of_source = layer == "conv2d" || layer == "conv2d_weights";
  if (plan.kernel.error.factor == 0 || !zeros || !of_source) return p;
  return parse_problem(p.line() + " m:replicate");
}

VerifyReport& VerifyReport::operator+=(const VerifyReport& other) {
  windows += other.windows;
  elements += other.elements;
  if (differing == 0) first_difference = other.first_difference;
  differing += other.differing;
  largest_difference = larger(largest_difference, other.largest_difference);
  seconds += other.seconds;
  return *this;
}

void compare(const ConstTensorView& found, const ConstTensorView& expected, const Region& where,
             const ConstTensorView* tolerance, VerifyReport& report) {
  if (found.dtype != expected.dtype || found.shape != expected.shape)
    throw InternalError("comparison of unlike tensors");
  dispatch(found.dtype,
           [&](auto t) { compare_typed<decltype(t)>(found, expected, where, tolerance, report); });
  report.elements += where.volume();
}

Tensor tolerances(const Plan& plan, const Tensor& magnitudes) {
  Tensor t(DType::kF64, magnitudes.shape());
  copy(magnitudes.view(), t.view());
  // At the border of a gradient's source few taps meet something; bounding_problem() helps others.
  // The taps of a gradient of weights are outputs of one tile.
  const bool tiles = plan.kernel.error.factor > 0;
  const Anchors& anchors = plan.kernel.anchors;
  if (tiles && sums_image(*plan.problem.layer))
    share_in_tiles(t, t.shape()[kY], t.shape()[kX]);
  else if (tiles && plan.problem.layer->name() != std::string("conv2d"))
    share_in_tiles(t, anchors[Axis::kY], anchors[Axis::kX]);
  const double half = is_float(plan.problem.dst_dtype) ? 0 : 1;
  double* v = t.data<double>();
  for (Index i = 0; i < t.spec().volume(); ++i) v[i] = 2.1 * plan.bound * v[i] + half;
  return t;
}

void MagnitudeStore::read(const Region& region, const TensorView& dst) {
  if (reach_.y > 0 || reach_.x > 0) return read_largest(region, dst);
  inner_.read(region, dst);
  if (dst.dtype == DType::kF64) return absolute_rows<double>(dst);
  if (dst.dtype == DType::kF32) return absolute_rows<float>(dst);
  throw InternalError("magnitudes are read as f32 or f64");
}

// Plane by plane: the rows and columns around are gathered, then the largest slides along both.
void MagnitudeStore::read_largest(const Region& region, const TensorView& dst) {
  const Shape& s = spec().shape;
  const auto rows = within(region[kY], reach_.y, s[kY], reach_.around);
  const auto columns = within(region[kX], reach_.x, s[kX], reach_.around);
  const auto [low, high] = std::minmax_element(columns.begin(), columns.end());
  const auto height = static_cast<Index>(rows.size()), width = static_cast<Index>(columns.size());
  Tensor row(DType::kF32, {1, 1, 1, *high - *low + 1});
  std::vector<float> plane(static_cast<std::size_t>(height * width));
  for (Index n = region[kN].begin; n < region[kN].end; ++n)
    for (Index c = region[kC].begin; c < region[kC].end; ++c) {
      for (Index y = 0; y < height; ++y) {
        const Index at = rows[static_cast<std::size_t>(y)];
        const Region part{{Interval{n, n + 1}, Interval{c, c + 1}, Interval{at, at + 1},
                           Interval{*low, *high + 1}}};
        inner_.read(part, row.view());
        for (Index x = 0; x < width; ++x)
          plane[static_cast<std::size_t>(y * width + x)] =
              std::abs(row.data<float>()[columns[static_cast<std::size_t>(x)] - *low]);
      }
      for (Index y = 0; y < height; ++y)
        slide_largest(plane.data() + y * width, 1, width - 2 * reach_.x, reach_.x);
      for (Index x = 0; x < width - 2 * reach_.x; ++x)
        slide_largest(plane.data() + x, width, height - 2 * reach_.y, reach_.y);
      Region to = whole(dst.shape);
      to[kN] = Interval{n, n + 1}.shifted(-region[kN].begin);
      to[kC] = Interval{c, c + 1}.shifted(-region[kC].begin);
      copy(ConstTensorView(reinterpret_cast<const std::byte*>(plane.data()), DType::kF32,
                           {1, 1, region[kY].size(), region[kX].size()},
                           {height * width, height * width, width, 1}),
           dst.slice(to));
    }
}

void MagnitudeStore::write(const Region&, const ConstTensorView&) {
  throw InternalError("magnitudes are read-only");
}

void ComparingStore::read(const Region& region, const TensorView& dst) {
  existing_.read(region, dst);
}

void ComparingStore::write(const Region& region, const ConstTensorView& src) {
  const Index row = region[kX].size() * size_of(spec().dtype);
  const Index rows = std::max<Index>(1, kRowBytes / std::max<Index>(1, row));
  for (Index n = 0; n < src.shape[0]; ++n)
    for (Index c = 0; c < src.shape[1]; ++c)
      for (Index y = 0; y < src.shape[2]; y += rows) {
        const Region part{
            {{Interval{n, n + 1}, Interval{c, c + 1}, Interval{y, std::min(src.shape[2], y + rows)},
              Interval{0, src.shape[3]}}}};
        Region where = part;
        for (int d = 0; d < 4; ++d) where[d] = part[d].shifted(region[d].begin);
        Tensor existing(spec().dtype, part.shape());
        existing_.read(where, existing.view());
        compare(existing.view(), src.slice(part), where, nullptr, report_);
      }
}

}  // namespace tilewright
