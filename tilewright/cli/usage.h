// What a command line that cannot be read is answered with.
#pragma once

#include <string>
#include <vector>

#include "tilewright/cli/command.h"

namespace tilewright::cli {

/// "; did you mean NAME?" with the one of `names` that is nearest to `word`, or "" if none is near.
std::string suggestion(const std::string& word, const std::vector<std::string>& names);

/// One line for an error of CLI11: what is wrong, a near option, and whose help says more.
std::string usage_text(const CLI::App& app, const CLI::ParseError& error);

}  // namespace tilewright::cli
