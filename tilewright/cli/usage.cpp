#include "tilewright/cli/usage.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace tilewright::cli {
namespace {

constexpr std::size_t kLongestWord = 40;

/// Letters to insert, drop or replace to get from one word to the other (Levenshtein).
std::size_t distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t before = row[0]++;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = before + (a[i] == b[j] ? 0 : 1);
      before = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* o : app.get_options())
    for (const std::string& name : o->get_lnames()) names.push_back("--" + name);
  return names;
}

// CLI11 lists words that it could not place, and each "--", which is none of them.
std::string misplaced(const CLI::App& app) {
  std::vector<std::string> words = app.remaining();
  const auto end = std::find(words.begin(), words.end(), "--");
  const auto option = std::find_if(
      words.begin(), end, [](const std::string& w) { return w.size() > 1 && w.starts_with("-"); });
  if (option != end) {
    const std::string name = option->substr(0, option->find('='));
    return fmt::format("there is no option '{}'{}", name, suggestion(name, option_names(app)));
  }
  std::erase(words, "--");
  return words.empty() ? "" : fmt::format("'{}' is one word too many", words.front());
}

}  // namespace

std::string suggestion(const std::string& word, const std::vector<std::string>& names) {
  if (word.size() > kLongestWord) return "";
  std::size_t least = std::max<std::size_t>(1, word.size() / 3);
  std::string nearest;
  for (const std::string& name : names)
    if (const std::size_t d = distance(word, name); d <= least && (d < least || nearest.empty()))
      least = d, nearest = name;
  return nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest);
}

std::string usage_text(const CLI::App& app, const CLI::ParseError& error) {
  const std::vector<CLI::App*> commands = app.get_subcommands();
  const CLI::App& command = commands.empty() ? app : *commands.front();
  const std::string path = commands.empty() ? "" : " " + command.get_name();
  std::string what = misplaced(command);
  if (what.empty()) what = error.what();
  return fmt::format("{}{}see tilewright{} --help", what, what.ends_with('?') ? " " : "; ", path);
}

}  // namespace tilewright::cli
