// Writing and reading; the reader trusts no number before it has been compared with what is left.
#include "tilewright/testkit/values.h"

#include <fmt/format.h>

#include <bit>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace tilewright::testkit {
namespace {

static_assert(std::endian::native == std::endian::little, "the format is little-endian");
constexpr std::string_view kMagic = "TWVALUES";

template <class T>
void put(std::string& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

class Reader {
 public:
  Reader(std::string_view bytes, const std::string& from) : left_(bytes), from_(from) {}

  [[noreturn]] void refuse(const std::string& why) const {
    throw StoreError(fmt::format("{}: {}; write the values again", from_, why));
  }
  std::string_view take(std::uint64_t count, const char* what) {
    if (count > left_.size())
      refuse(fmt::format("the values end inside {}: {} bytes are missing", what,
                         count - left_.size()));
    const std::string_view part = left_.substr(0, count);
    left_.remove_prefix(count);
    return part;
  }
  template <class T>
  T number(const char* what) {
    T value;
    std::memcpy(&value, take(sizeof value, what).data(), sizeof value);
    return value;
  }
  std::size_t left() const { return left_.size(); }
  /// Takes the last eight bytes off and compares them with the rest of `all`.
  void check_sum(std::string_view all) {
    if (left_.size() < 8) refuse("the values end before their checksum");
    std::uint64_t sum;
    std::memcpy(&sum, left_.data() + left_.size() - 8, 8);
    left_.remove_suffix(8);
    if (sum != text_hash(all.substr(0, all.size() - 8)))
      refuse("the checksum is wrong, so the values are damaged or cut off");
  }

 private:
  std::string_view left_;
  const std::string& from_;
};

NamedTensor read_tensor(Reader& in) {
  NamedTensor value;
  value.name = in.take(in.number<std::uint32_t>("a name"), "a name");
  const auto type = in.number<std::uint32_t>("an element type");
  if (type >= kDTypes.size()) in.refuse(fmt::format("there is no element type {}", type));
  TensorSpec spec{kDTypes[type], {}};
  Index most = static_cast<Index>(in.left());
  for (Index& size : spec.shape) {
    size = in.number<std::int64_t>("a shape");
    if (size < 1 || size > most)
      in.refuse(
          fmt::format("a tensor '{}' with a side of {} cannot be in the {} bytes that "
                      "follow",
                      value.name, size, in.left()));
    most /= size;
  }
  const std::string_view data = in.take(static_cast<std::uint64_t>(spec.bytes()), "a tensor");
  value.tensor = Tensor(spec);
  std::memcpy(value.tensor.data<char>(), data.data(), data.size());
  return value;
}

}  // namespace

std::string write_values(const NamedTensors& values) {
  std::string bytes(kMagic);
  put(bytes, kValuesVersion);
  put(bytes, static_cast<std::uint32_t>(values.size()));
  for (const NamedTensor& value : values) {
    put(bytes, static_cast<std::uint32_t>(value.name.size()));
    bytes += value.name;
    put(bytes, static_cast<std::uint32_t>(value.tensor.dtype()));
    for (const Index size : value.tensor.shape()) put(bytes, static_cast<std::int64_t>(size));
    bytes.append(value.tensor.data<char>(), static_cast<std::size_t>(value.tensor.spec().bytes()));
  }
  put(bytes, text_hash(bytes));
  return bytes;
}

NamedTensors read_values(const std::string& bytes, const std::string& from) {
  Reader in(bytes, from);
  if (in.take(kMagic.size(), "their first word") != kMagic) in.refuse("these are no values");
  const auto version = in.number<std::uint32_t>("the version");
  if (version != kValuesVersion)
    in.refuse(fmt::format("version {} is not {}, the one that is read", version, kValuesVersion));
  in.check_sum(bytes);
  NamedTensors values;
  for (auto left = in.number<std::uint32_t>("the number of tensors"); left > 0; --left)
    values.push_back(read_tensor(in));
  if (in.left() > 0) in.refuse(fmt::format("{} bytes follow the last tensor", in.left()));
  return values;
}

void save_values(const std::string& path, const NamedTensors& values) {
  const std::string partial = path + ".partial";
  std::ofstream file(partial, std::ios::binary);
  const std::string bytes = write_values(values);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  std::error_code error;
  if (file) std::filesystem::rename(partial, path, error);
  if (file && !error) return;
  std::filesystem::remove(partial, error);
  throw StoreError(path + ": the values cannot be written; check the folder and the space left");
}

NamedTensors load_values(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error))
    throw StoreError(path + ": this is a folder; name a file with values");
  std::string bytes;
  try {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw StoreError(path + ": the values cannot be read; check the path");
    bytes.assign(std::istreambuf_iterator<char>(file), {});
  } catch (const std::ios_base::failure&) {  // a stream buffer throws whatever its stream is told
    throw StoreError(path + ": the values cannot be read; check the path and the disk");
  }
  return read_values(bytes, path);
}

}  // namespace tilewright::testkit
