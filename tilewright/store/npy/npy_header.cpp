// Parsing the header dictionary by hand: only the three keys that the format knows are accepted.
#include "tilewright/store/npy/npy_header.h"

#include <fmt/format.h>

#include <cstring>
#include <optional>
#include <vector>

#include "tilewright/base/error.h"
#include "tilewright/base/text.h"

namespace tilewright {
namespace {

constexpr char kMagic[] = "\x93NUMPY";
constexpr Index kLongestHeader = 1 << 20;

// A cursor over the dictionary; every failure names the file.
class Dictionary {
 public:
  Dictionary(const std::string& path, std::string_view text) : path_(path), rest_(text) {}

  [[noreturn]] void fail(const std::string& why) const {
    throw StoreError(fmt::format("{}: damaged .npy header: {}; save the array again", path_, why));
  }

  bool take(char c) {
    skip_blanks();
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  void expect(char c) {
    if (!take(c)) fail(fmt::format("'{}' is missing", c));
  }

  std::string text() {
    skip_blanks();
    const char quote = rest_.empty() ? '\0' : rest_.front();
    if (quote != '\'' && quote != '"') fail("a quoted text is missing");
    const auto end = rest_.find(quote, 1);
    if (end == std::string_view::npos) fail("a text does not end");
    std::string value(rest_.substr(1, end - 1));
    rest_.remove_prefix(end + 1);
    return value;
  }

  std::string word() {
    skip_blanks();
    std::size_t n = 0;
    while (n < rest_.size() && (std::isalnum(static_cast<unsigned char>(rest_[n])) ||
                                rest_[n] == '-' || rest_[n] == '+'))
      ++n;
    std::string value(rest_.substr(0, n));
    rest_.remove_prefix(n);
    return value;
  }

  bool boolean() {
    const std::string w = word();
    if (w != "True" && w != "False") fail("fortran_order is neither True nor False");
    return w == "True";
  }

  std::vector<Index> shape() {
    expect('(');
    std::vector<Index> sizes;
    while (!take(')')) {
      std::string digits = word();
      if (!digits.empty() && digits.back() == 'L') digits.pop_back();  // written by Python 2
      try {
        sizes.push_back(parse_index(digits, "shape"));
      } catch (const InvalidArgument&) {
        fail(fmt::format("'{}' in the shape is not a whole number in range", digits));
      }
      if (!take(',')) {
        expect(')');
        break;
      }
    }
    return sizes;
  }

 private:
  void skip_blanks() {
    while (!rest_.empty() && std::isspace(static_cast<unsigned char>(rest_.front())))
      rest_.remove_prefix(1);
  }

  const std::string& path_;
  std::string_view rest_;
};

DType parse_descr(const std::string& path, const std::string& descr) {
  constexpr std::pair<const char*, DType> kTypes[] = {
      {"|b1", DType::kU8},  {"|u1", DType::kU8},  {"|i1", DType::kI8},  {"<u1", DType::kU8},
      {"<i1", DType::kI8},  {"<u2", DType::kU16}, {"<i2", DType::kI16}, {"<u4", DType::kU32},
      {"<i4", DType::kI32}, {"<f4", DType::kF32}, {"<f8", DType::kF64}, {"=f4", DType::kF32},
      {"=f8", DType::kF64}};
  for (const auto& [name, type] : kTypes)
    if (descr == name) return type;
  throw Unsupported(
      fmt::format("{}: element type '{}' is not supported; convert with numpy: "
                  "np.save('out.npy', np.load('{}').astype('<f4'))",
                  path, descr, path));
}

// Sizes from the innermost axis outwards; missing outer axes are 1. A vector (a bias, say) is one
// row.
void set_shape(const std::string& path, std::vector<Index> sizes, NpyHeader& header) {
  if (sizes.size() == 1) sizes.insert(sizes.begin(), 1);
  if (sizes.size() < 2 || sizes.size() > 4)
    throw Unsupported(fmt::format(
        "{}: has {} axes, but arrays are [y,x], [c,y,x] or [n,c,y,x]; use numpy's reshape", path,
        sizes.size()));
  header.rank = static_cast<int>(sizes.size());
  header.spec.shape = {1, 1, 1, 1};
  std::copy(sizes.begin(), sizes.end(), header.spec.shape.end() - header.rank);
  for (const Index size : sizes)
    if (size < 1)
      throw StoreError(fmt::format("{}: the shape {} has no elements; save an array that has", path,
                                   to_string(header.spec.shape)));
}

NpyHeader parse_dictionary(const std::string& path, std::string_view text) {
  Dictionary d(path, text);
  NpyHeader header;
  std::optional<DType> type;
  std::optional<bool> fortran;
  std::optional<std::vector<Index>> sizes;
  d.expect('{');
  while (!d.take('}')) {
    const std::string key = d.text();
    d.expect(':');
    if (key == "descr") {
      if (d.take('['))
        throw Unsupported(path +
                          ": structured arrays are not supported; save one field: a['name']");
      type = parse_descr(path, d.text());
    } else if (key == "fortran_order") {
      fortran = d.boolean();
    } else if (key == "shape") {
      sizes = d.shape();
    } else {
      d.fail("unknown key '" + key + "'");
    }
    if (!d.take(',')) {
      d.expect('}');
      break;
    }
  }
  if (!type || !fortran || !sizes) d.fail("descr, fortran_order or shape is missing");
  header.spec.dtype = *type;
  header.fortran_order = *fortran;
  set_shape(path, *sizes, header);
  return header;
}

void check_size(const File& file, const NpyHeader& header) {
  Index bytes = 0;
  try {
    bytes = checked_add(header.spec.bytes(), header.data_offset);
  } catch (const InvalidArgument&) {
    throw StoreError(
        fmt::format("{}: damaged .npy header: the shape {} is impossibly large; save "
                    "the array again",
                    file.path(), to_string(header.spec.shape)));
  }
  if (file.size() < bytes)
    throw StoreError(fmt::format(
        "{}: truncated: {} of {} {} needs {} bytes, but the file has {}; fetch or save it again",
        file.path(), to_string(header.spec.dtype), to_string(header.spec.shape), "elements", bytes,
        file.size()));
}

}  // namespace

NpyHeader read_npy_header(const File& file) {
  const Index size = file.size();
  unsigned char start[12] = {};
  const Index known = std::min<Index>(size, 12);
  file.read(0, start, known);
  if (known < 10 || std::memcmp(start, kMagic, 6) != 0)
    throw StoreError(file.path() + ": is not a .npy file; write one with numpy.save");
  const int major = start[6];
  if (major < 1 || major > 3)
    throw Unsupported(fmt::format("{}: .npy version {}.{} is not known; save with format 1.0",
                                  file.path(), major, static_cast<int>(start[7])));
  const Index begin = major == 1 ? 10 : 12;
  Index length = start[8] | start[9] << 8;
  if (major > 1)
    length |= static_cast<Index>(start[10]) << 16 | static_cast<Index>(start[11]) << 24;
  if (length > kLongestHeader || begin + length > size)
    throw StoreError(
        fmt::format("{}: the .npy header claims {} bytes, but the file has {}; fetch "
                    "or save it again",
                    file.path(), length, size));
  std::string text(static_cast<std::size_t>(length), '\0');
  file.read(begin, text.data(), length);
  NpyHeader header = parse_dictionary(file.path(), text);
  header.data_offset = begin + length;
  check_size(file, header);
  return header;
}

std::string npy_header_bytes(const TensorSpec& spec, int rank) {
  constexpr const char* kDescr[] = {"|u1", "|i1", "<u2", "<i2", "<u4", "<i4", "<f4", "<f8"};
  std::string shape;
  for (int d = 4 - rank; d < 4; ++d)
    shape +=
        fmt::format("{}{}", shape.empty() ? "" : ", ", spec.shape[static_cast<std::size_t>(d)]);
  std::string dict = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}",
                                 kDescr[static_cast<std::size_t>(spec.dtype)], shape);
  const std::size_t total = (10 + dict.size() + 1 + 63) / 64 * 64;
  dict.resize(total - 10 - 1, ' ');
  dict += '\n';
  std::string bytes(kMagic, 6);
  bytes += {'\1', '\0', static_cast<char>(dict.size() & 255), static_cast<char>(dict.size() >> 8)};
  return bytes + dict;
}

}  // namespace tilewright
