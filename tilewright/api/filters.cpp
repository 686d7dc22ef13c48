// The table of filters and the reader of written ones.
#include "tilewright/api/filters.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "tilewright/base/text.h"
#include "tilewright/tensor/convert.h"

namespace tilewright {
namespace {

constexpr Index kMostTaps = Index{1} << 26;

Tensor from_values(Index ky, Index kx, const std::vector<double>& values) {
  Tensor t(DType::kF64, {1, 1, ky, kx});
  std::copy(values.begin(), values.end(), t.data<double>());
  return t;
}

[[noreturn]] void reject(const std::string& spec, const std::string& why) {
  throw InvalidArgument(fmt::format("kernel '{}': {}", spec, why));
}

Tensor written(const std::string& spec) {
  const auto json = nlohmann::json::parse(spec, nullptr, /*allow_exceptions=*/false);
  const char* form = "must be rows of numbers, for instance [[0,1,0],[1,-4,1],[0,1,0]]";
  if (json.is_discarded() || !json.is_array() || json.empty()) reject(spec, form);
  std::vector<double> values;
  const std::size_t width = json[0].is_array() ? json[0].size() : 0;
  for (const auto& row : json) {
    if (!row.is_array() || row.size() != width || width == 0) reject(spec, form);
    for (const auto& v : row) {
      if (!v.is_number()) reject(spec, form);
      values.push_back(v.get<double>());
    }
  }
  return from_values(static_cast<Index>(json.size()), static_cast<Index>(width), values);
}

using Parameters = std::map<std::string, std::string>;

double number(const std::string& spec, const Parameters& p, const std::string& key,
              double fallback) {
  const auto at = p.find(key);
  if (at == p.end()) return fallback;
  const double v = parse_number(at->second, "kernel '" + spec + "', " + key);
  if (v <= 0) reject(spec, key + " must be positive");
  return v;
}

Tensor gauss(const std::string& spec, const Parameters& p) {
  const double sigma = number(spec, p, "sigma", p.count("") ? number(spec, p, "", 1) : 1);
  const double reach = number(spec, p, "radius", std::floor(4 * sigma + 0.5));
  if (!(reach < 4096) || reach != std::floor(reach))
    reject(spec, "the radius must be a whole number below 4096");
  const auto radius = static_cast<Index>(reach);
  const Index taps = 2 * radius + 1;
  std::vector<double> line;
  double sum = 0;
  for (Index i = -radius; i <= radius; ++i) {
    const double t = static_cast<double>(i) / sigma;
    line.push_back(std::exp(-0.5 * t * t));
    sum += line.back();
  }
  std::vector<double> values;
  for (const double a : line)
    for (const double b : line) values.push_back(a / sum * (b / sum));
  return from_values(taps, taps, values);
}

Tensor box(const std::string& spec, const Parameters& p) {
  const auto at = p.find("");
  const auto sides = split(at == p.end() ? "3" : at->second, 'x');
  if (sides.size() > 2) reject(spec, "write box:9 or box:3x5");
  const Index ky = parse_index(sides.front(), "kernel '" + spec + "'");
  const Index kx = parse_index(sides.back(), "kernel '" + spec + "'");
  if (ky < 1 || kx < 1 || checked_mul(ky, kx) > kMostTaps)
    reject(spec, "the sides must be at least 1 and not absurdly large");
  const auto taps = static_cast<std::size_t>(ky * kx);
  return from_values(ky, kx, std::vector<double>(taps, 1.0 / static_cast<double>(taps)));
}

template <int kRows, int kColumns>
Tensor fixed(const double (&v)[kRows * kColumns]) {
  return from_values(kRows, kColumns, std::vector<double>(v, v + kRows * kColumns));
}

struct Row {
  FilterInfo info;
  std::vector<std::string> keys;  // "" for a value without a name
  Tensor (*make)(const std::string& spec, const Parameters& parameters);
};

const std::vector<Row>& rows() {
  static const std::vector<Row> table{
      {{"gauss", "gauss:sigma=S[,radius=R]: Gaussian, cut at 4 sigma, sum 1"},
       {"", "sigma", "radius"},
       gauss},
      {{"box", "box:N or box:YxX: mean of N x N pixels"}, {""}, box},
      {{"sobel-x", "horizontal gradient"},
       {},
       [](const std::string&, const Parameters&) {
         return fixed<3, 3>({-1, 0, 1, -2, 0, 2, -1, 0, 1});
       }},
      {{"sobel-y", "vertical gradient"},
       {},
       [](const std::string&, const Parameters&) {
         return fixed<3, 3>({-1, -2, -1, 0, 0, 0, 1, 2, 1});
       }},
      {{"laplace", "4-neighbour Laplacian"},
       {},
       [](const std::string&, const Parameters&) {
         return fixed<3, 3>({0, 1, 0, 1, -4, 1, 0, 1, 0});
       }},
      {{"sharpen", "identity minus Laplacian"},
       {},
       [](const std::string&, const Parameters&) {
         return fixed<3, 3>({0, -1, 0, -1, 5, -1, 0, -1, 0});
       }},
      {{"identity", "copies"},
       {},
       [](const std::string&, const Parameters&) { return fixed<1, 1>({1}); }},
  };
  return table;
}

Parameters parse_parameters(const std::string& spec, const Row& row) {
  Parameters p;
  const auto colon = spec.find(':');
  if (colon == std::string::npos) return p;
  if (row.keys.empty()) reject(spec, std::string(row.info.name) + " takes no parameters");
  for (const std::string& item : split(spec.substr(colon + 1), ',')) {
    const auto equals = item.find('=');
    const std::string key = equals == std::string::npos ? "" : item.substr(0, equals);
    const std::string value = equals == std::string::npos ? item : item.substr(equals + 1);
    if (std::find(row.keys.begin(), row.keys.end(), key) == row.keys.end())
      reject(spec, fmt::format("'{}' is not a parameter; write {}", key, row.info.help));
    if (!p.emplace(key, value).second) reject(spec, fmt::format("'{}' is given twice", item));
  }
  return p;
}

class RepeatedFilter final : public Store {
 public:
  RepeatedFilter(Tensor taps, Index bands)
      : taps_(std::move(taps)), factors_(factors_of(taps_)), spec_{taps_.dtype(), taps_.shape()} {
    spec_.shape[0] = bands;
  }
  const TensorSpec& spec() const override { return spec_; }
  int rank() const override { return 4; }
  StoreLayout layout() const override { return {.scratch_bytes = taps_.spec().bytes()}; }
  std::string describe() const override { return "a filter for every band"; }
  void read(const Region& region, const TensorView& dst) override {
    ConstTensorView bands = std::as_const(taps_).view();
    bands.shape = spec_.shape;
    bands.strides[0] = 0;
    copy(bands.slice(region), dst);
  }
  void write(const Region&, const ConstTensorView&) override {
    throw InternalError("a filter is read-only");
  }
  const Factors* factors() const override { return factors_ ? &*factors_ : nullptr; }

 private:
  Tensor taps_;
  std::optional<Factors> factors_;
  TensorSpec spec_;
};

}  // namespace

const std::vector<FilterInfo>& filter_table() {
  static const std::vector<FilterInfo> table = [] {
    std::vector<FilterInfo> list;
    for (const Row& r : rows()) list.push_back(r.info);
    return list;
  }();
  return table;
}

Tensor make_filter(const std::string& spec) {
  if (!spec.empty() && spec.front() == '[') return written(spec);
  const auto colon = spec.find(':');
  const std::string name = spec.substr(0, colon);
  std::string names;
  for (const Row& r : rows()) {
    names += (names.empty() ? "" : ", ") + std::string(r.info.name);
    if (name != r.info.name) continue;
    return r.make(spec, parse_parameters(spec, r));
  }
  reject(spec, "no filter has this name; choose one of " + names +
                   ", or write the taps as [[0,1,0],[1,-4,1],[0,1,0]]");
}

std::optional<Factors> factors_of(const Tensor& taps) {
  const auto ky = static_cast<std::size_t>(taps.shape()[2]);
  const auto kx = static_cast<std::size_t>(taps.shape()[3]);
  const double* w = taps.data<double>();
  const auto exact = [&](const Factors& f) {
    for (std::size_t i = 0; i < ky * kx; ++i)
      if (f.column[i / kx] * f.row[i % kx] != w[i]) return false;
    return true;
  };
  Factors f{std::vector<double>(ky), std::vector<double>(kx)};
  // The square root of a rounded square is the number that was squared.
  for (std::size_t i = 0; ky == kx && i < ky; ++i) f.column[i] = std::sqrt(w[i * kx + i]);
  f.row = f.column;
  if (ky == kx && exact(f)) return f;
  // Every row is a multiple of the one with the largest tap.
  const auto largest = static_cast<std::size_t>(
      std::max_element(w, w + ky * kx,
                       [](double a, double b) { return std::abs(a) < std::abs(b); }) -
      w);
  if (!(std::abs(w[largest]) > 0)) return std::nullopt;
  const std::size_t pivot = largest / kx * kx;
  f.column.resize(ky), f.row.assign(w + pivot, w + pivot + kx);
  for (std::size_t i = 0; i < ky; ++i) f.column[i] = w[i * kx + largest % kx] / w[largest];
  if (exact(f)) return f;
  return std::nullopt;
}

std::unique_ptr<Store> repeated_filter(Tensor taps, Index bands) {
  return std::make_unique<RepeatedFilter>(std::move(taps), bands);
}

}  // namespace tilewright
