// Strict parsing and formatting of numbers, byte sizes and durations.
#include "tilewright/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>

namespace tilewright {
namespace {

// All of `text` as T.
template <class T>
std::optional<T> number_of(std::string_view text) {
  T value = 0;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || at != end || text.empty()) return std::nullopt;
  return value;
}

}  // namespace

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (;;) {
    const auto at = text.find(separator);
    parts.emplace_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> result;
  std::string word;
  for (const char c : text) {
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      if (!word.empty()) result.push_back(std::move(word));
      word.clear();
    } else {
      word.push_back(c);
    }
  }
  if (!word.empty()) result.push_back(std::move(word));
  return result;
}

Index parse_index(std::string_view text, const std::string& what) {
  if (const auto value = number_of<Index>(text)) return *value;
  throw InvalidArgument(fmt::format("{}: '{}' is not a whole number in range", what, text));
}

double parse_number(std::string_view text, const std::string& what) {
  const auto value = number_of<double>(text);
  if (value && std::isfinite(*value)) return *value;
  throw InvalidArgument(fmt::format("{}: '{}' is not a number", what, text));
}

namespace {

struct Unit {
  const char* name;
  double bytes;
};

constexpr std::array<Unit, 15> kUnits{{{"", 1},
                                       {"B", 1},
                                       {"KiB", 1024.},
                                       {"MiB", 1048576.},
                                       {"GiB", 1073741824.},
                                       {"TiB", 1099511627776.},
                                       {"K", 1024.},
                                       {"M", 1048576.},
                                       {"G", 1073741824.},
                                       {"T", 1099511627776.},
                                       {"KB", 1e3},
                                       {"kB", 1e3},
                                       {"MB", 1e6},
                                       {"GB", 1e9},
                                       {"TB", 1e12}}};

std::optional<Index> bytes_of(std::string_view text) {
  const auto digits = text.find_first_not_of("0123456789.");
  const std::string_view number = text.substr(0, digits);
  if (digits == std::string_view::npos && number.find('.') == std::string_view::npos)
    return number_of<Index>(number);  // exact past 2^53
  std::string_view unit = digits == std::string_view::npos ? "" : text.substr(digits);
  if (unit.size() > 1 && unit.front() == ' ') unit.remove_prefix(1);
  const auto known =
      std::find_if(kUnits.begin(), kUnits.end(), [&](const Unit& u) { return unit == u.name; });
  const auto value = number_of<double>(number);
  if (known == kUnits.end() || !value || !(*value * known->bytes < 9.2e18)) return std::nullopt;
  return static_cast<Index>(*value * known->bytes);
}

}  // namespace

Index parse_bytes(std::string_view text) {
  if (const auto bytes = bytes_of(text)) return *bytes;
  throw InvalidArgument(
      fmt::format("size '{}' is not understood; write for instance 512MiB, 4GiB or 1500MB", text));
}

std::string format_bytes(double bytes) {
  constexpr std::array<const char*, 6> kNames{"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  std::size_t unit = 0;
  while (bytes >= 1023.5 && unit + 1 < kNames.size()) {
    bytes /= 1024;
    ++unit;
  }
  const bool whole = unit == 0 || bytes >= 99.95;
  return whole ? fmt::format("{:.0f} {}", bytes, kNames[unit])
               : fmt::format("{:.1f} {}", bytes, kNames[unit]);
}

std::string format_seconds(double seconds) {
  if (seconds < 0.0995) return fmt::format("{:.1f} ms", seconds * 1e3);
  if (seconds < 9.95) return fmt::format("{:.2f} s", seconds);
  if (seconds < 99.5) return fmt::format("{:.0f} s", seconds);
  const auto whole = static_cast<Index>(seconds + 0.5);
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  const Index minutes = (whole + 30) / 60;
  return fmt::format("{} h {} min", minutes / 60, minutes % 60);
}

std::uint64_t text_hash(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

std::string hex16(std::uint64_t value) { return fmt::format("{:016x}", value); }

}  // namespace tilewright
