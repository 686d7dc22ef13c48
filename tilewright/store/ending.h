// Recognising formats by the end of a name.
#pragma once

#include <cctype>
#include <string>
#include <string_view>

namespace tilewright {

/// Whether `path` ends in `ending` (lower case), in any case of letters.
inline bool has_ending(std::string_view path, std::string_view ending) {
  if (path.size() < ending.size()) return false;
  path.remove_prefix(path.size() - ending.size());
  for (std::size_t i = 0; i < ending.size(); ++i)
    if (std::tolower(static_cast<unsigned char>(path[i])) != ending[i]) return false;
  return true;
}

}  // namespace tilewright
