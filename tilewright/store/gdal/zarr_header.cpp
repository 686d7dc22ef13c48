// JSON of the specification "Zarr storage specification version 2".
#include "tilewright/store/gdal/zarr_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "tilewright/base/error.h"

namespace tilewright {
namespace fs = std::filesystem;
using nlohmann::json;
namespace {

[[noreturn]] void damaged(const std::string& path, const std::string& why) {
  throw StoreError(fmt::format("{}: damaged Zarr array: {}; fetch or write it again", path, why));
}

json read_json(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw StoreError(path + ": cannot be opened; check that it exists and is readable");
  const json value = json::parse(file, nullptr, false);
  if (!value.is_object()) damaged(path, "this file is not a JSON object");
  return value;
}

DType parse_type(const std::string& path, const json& value, bool& native) {
  const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
  constexpr std::pair<const char*, DType> kTypes[] = {
      {"u1", DType::kU8},  {"i1", DType::kI8},  {"b1", DType::kU8},
      {"u2", DType::kU16}, {"i2", DType::kI16}, {"u4", DType::kU32},
      {"i4", DType::kI32}, {"f4", DType::kF32}, {"f8", DType::kF64}};
  if (text.size() == 3)
    for (const auto& [name, type] : kTypes) {
      if (text.substr(1) != name) continue;
      native = text[0] != '>' || size_of(type) == 1;
      return type;
    }
  throw Unsupported(fmt::format(
      "{}: element type {} is not supported; convert it to <f4 with zarr or xarray", path, text));
}

// The sizes of a JSON list as the inner axes of a shape.
Shape parse_sizes(const std::string& path, const json& list, const char* what) {
  if (!list.is_array()) damaged(path, fmt::format("{} is not a list", what));
  if (list.size() < 2 || list.size() > 4)
    throw Unsupported(fmt::format("{}: has {} axes, but arrays are [y,x], [c,y,x] or [n,c,y,x]",
                                  path, list.size()));
  Shape sizes{1, 1, 1, 1};
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (!list[i].is_number_integer() || list[i].get<std::int64_t>() < 1)
      damaged(path, fmt::format("{} has the size {}", what, list[i].dump()));
    sizes[4 - list.size() + i] = list[i].get<std::int64_t>();
  }
  return sizes;
}

double parse_fill(const std::string& path, const json& value) {
  if (value.is_null()) return 0;
  if (value.is_number()) return value.get<double>();
  if (value.is_boolean()) return value.get<bool>() ? 1 : 0;
  if (value == "NaN") return std::nan("");
  if (value == "Infinity") return std::numeric_limits<double>::infinity();
  if (value == "-Infinity") return -std::numeric_limits<double>::infinity();
  damaged(path, "fill_value is " + value.dump());
}

// The folder of the array itself: `path`, or the only array of the group `path`.
std::string find_array(const std::string& path) {
  if (fs::exists(fs::path(path) / ".zarray")) return path;
  std::vector<std::string> found;
  for (const auto& entry : fs::directory_iterator(path)) {
    const fs::path header = entry.path() / ".zarray";
    std::error_code ignored;
    if (!fs::exists(header, ignored)) continue;
    const json value = read_json(header.string());
    const auto shape = value.find("shape");  // one axis: coordinates of another array
    if (shape != value.end() && shape->size() > 1)
      found.push_back(entry.path().filename().string());
  }
  std::sort(found.begin(), found.end());
  if (found.size() == 1) return (fs::path(path) / found[0]).string();
  if (found.empty()) throw StoreError(path + ": this Zarr group holds no array of 2 to 4 axes");
  throw StoreError(
      fmt::format("{}: this Zarr group holds {} arrays; name one of them, for instance {}/{}", path,
                  found.size(), path, found[0]));
}

ZarrHeader parse_header(const std::string& folder, const json& value) {
  const std::string path = (fs::path(folder) / ".zarray").string();
  for (const char* key : {"shape", "chunks", "dtype"})
    if (!value.contains(key)) damaged(path, fmt::format("'{}' is missing", key));
  ZarrHeader h;
  h.folder = folder;
  bool native = true;
  h.spec = {parse_type(path, value["dtype"], native), parse_sizes(path, value["shape"], "shape")};
  h.chunk = parse_sizes(path, value["chunks"], "chunks");
  h.rank = static_cast<int>(value["shape"].size());
  if (value["chunks"].size() != value["shape"].size())
    damaged(path, "shape and chunks have different numbers of axes");
  if (value.value("zarr_format", json(2)) != 2) damaged(path, "zarr_format is not 2");
  const auto none = [&](const char* key) { return !value.contains(key) || value[key].is_null(); };
  h.plain = native && none("compressor") && (none("filters") || value["filters"].empty()) &&
            value.value("order", json("C")) == "C";
  h.fill = parse_fill(path, value.value("fill_value", json()));
  if (const auto s = value.find("dimension_separator"); s != value.end() && *s == "/")
    h.separator = "/";
  try {
    h.spec.bytes();
    h.chunk_bytes();
  } catch (const InvalidArgument&) {
    damaged(path, "shape or chunks are impossibly large");
  }
  return h;
}

}  // namespace

std::string ZarrHeader::chunk_path(const Shape& index) const {
  std::string name;
  for (int d = 4 - rank; d < 4; ++d)
    name += fmt::format("{}{}", name.empty() ? "" : separator, index[static_cast<std::size_t>(d)]);
  return folder + "/" + name;
}

ZarrHeader read_zarr_header(const std::string& name) {
  const std::string path = name.substr(0, name.find_last_not_of('/') + 1);
  if (fs::exists(fs::path(path) / "zarr.json"))
    throw Unsupported(path + ": is Zarr version 3; write version 2 (zarr_format=2)");
  const std::string folder = find_array(path);
  return parse_header(folder, read_json((fs::path(folder) / ".zarray").string()));
}

}  // namespace tilewright
