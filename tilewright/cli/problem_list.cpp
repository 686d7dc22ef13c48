// Lists of problems: lines as they stand, and files of them.
#include <fmt/format.h>

#include <sstream>

#include "tilewright/cli/command.h"

namespace tilewright::cli {
namespace {

// Without a comment and without white space at its ends.
std::string content(const std::string& line) {
  constexpr const char* kBlank = " \t\r\f\v";
  const std::string text = line.substr(0, line.find('#'));
  const auto begin = text.find_first_not_of(kBlank);
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

// Errors repeat the words of a line, so that it must be fit to print.
void check_text(const std::string& words) {
  for (const char c : words)
    if ((c < ' ' && c != '\t') || c > '~')
      throw InvalidArgument("holds bytes that are no plain text; name a file of problem lines");
}

}  // namespace

std::vector<Problem> problems_of_file(const std::string& path) {
  std::vector<Problem> list;
  std::stringstream text(read_text(path));
  int number = 0;
  for (std::string line; std::getline(text, line);) {
    ++number;
    try {
      const std::string words = content(line);
      check_text(words);
      if (!words.empty()) list.push_back(parse_problem(words));
    } catch (const Error& e) {
      throw InvalidArgument(fmt::format("{}:{}: {}", path, number, e.what()));
    }
  }
  if (list.empty())
    throw InvalidArgument(
        path + ": holds no problem lines; write for instance conv2d ci3 y64 x64 co8 k3x3");
  return list;
}

std::vector<Problem> problems_of(const std::vector<std::string>& words,
                                 const std::vector<std::string>& files) {
  std::vector<Problem> list;
  const auto add = [&](const std::string& path) {
    const std::vector<Problem> more = problems_of_file(path);
    list.insert(list.end(), more.begin(), more.end());
  };
  for (const std::string& w : words) {
    if (is_problem_line(w))
      list.push_back(parse_problem(w));
    else
      add(w);
  }
  for (const std::string& f : files) add(f);
  return list;
}

}  // namespace tilewright::cli
