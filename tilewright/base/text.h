// Text to values and back, strictly: the whole text must be consumed, and an error names it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tilewright/base/checked.h"

namespace tilewright {

/// Pieces of `text` between `separator`s; an empty text gives one empty piece.
std::vector<std::string> split(std::string_view text, char separator);

/// Pieces of `text` between runs of white space; never empty pieces.
std::vector<std::string> words(std::string_view text);

/// A decimal integer. Throws InvalidArgument that names `what` and the text.
Index parse_index(std::string_view text, const std::string& what);

/// A finite decimal number. Throws InvalidArgument that names `what` and the text.
double parse_number(std::string_view text, const std::string& what);

/// Bytes: "512MiB", "1.5 GB", "4096". Binary (KiB, MiB, GiB, TiB, or K, M, G, T) and decimal
/// (KB, MB, GB, TB) units; a bare number is bytes. Throws InvalidArgument for anything else or a
/// negative size.
Index parse_bytes(std::string_view text);

/// Bytes for people: "386 MiB", "8.1 GiB", "512 B".
std::string format_bytes(double bytes);

/// Seconds for people: "0.42 s", "1 min 40 s", "1 h 40 min".
std::string format_seconds(double seconds);

/// 64-bit FNV-1a of a text, for identifying problems and plans.
std::uint64_t text_hash(std::string_view text);

/// `value` as 16 lower-case hexadecimal digits.
std::string hex16(std::uint64_t value);

namespace literals {
constexpr Index operator""_KiB(unsigned long long v) { return static_cast<Index>(v) << 10; }
constexpr Index operator""_MiB(unsigned long long v) { return static_cast<Index>(v) << 20; }
constexpr Index operator""_GiB(unsigned long long v) { return static_cast<Index>(v) << 30; }
}  // namespace literals

}  // namespace tilewright
