// tilewright: parses the command line, runs one command, maps errors to exit codes.
#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <new>
#include <string>

#include "tilewright/cli/usage.h"

namespace tilewright::cli {
namespace {

std::atomic<bool> g_cancelled{false};
bool g_json = false;

extern "C" void on_signal(int number) {
  g_cancelled.store(true);
  std::signal(number, SIG_DFL);
}

// Names from outside may hold anything, also line ends; a kernel written out may be very long.
std::string one_line(std::string text) {
  constexpr std::size_t kMost = 800;
  if (text.size() > kMost)
    text = text.substr(0, kMost / 2) + " ... " + text.substr(text.size() - kMost / 2);
  for (char& c : text)
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = ' ';
  return text;
}

// Looked for before options are parsed, since parsing fails as well.
bool find_json(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const bool form = word == "--format" && i + 1 < argc && std::string(argv[i + 1]) == "json";
    if (word == "--json" || word == "--format=json" || form) return true;
  }
  return false;
}

// The line for people on stderr; for programs that asked for it, the same as JSON on stdout.
int complain(const std::string& what, int code, Json more = Json::object()) {
  end_bar();
  const std::string line = one_line(what);
  fmt::print(stderr, "tilewright: {}\n", line);
  if (!g_json) return code;
  Json json{{"error", line}, {"exit_code", code}};
  json.update(more);
  try {
    print(text_of(json) + "\n");
  } catch (const StoreError&) {  // nobody reads it, and the code says enough
  }
  return code;
}

// CLI11 would only say that a command is missing.
void check_command(int argc, char** argv) {
  if (argc < 2) return;
  const std::string word = argv[1];
  std::vector<std::string> names, options{"-h", "--help", "--help-all", "--version"};
  for (const Command& c : command_table()) names.emplace_back(c.name);
  const bool option = word.starts_with("-");
  const std::vector<std::string>& known = option ? options : names;
  if (std::find(known.begin(), known.end(), word) != known.end()) return;
  const std::string near = suggestion(word, known);
  throw InvalidArgument(fmt::format("there is no command '{}'{} use one of {}", word,
                                    near.empty() ? ";" : near, fmt::join(names, ", ")));
}

// The message of an error and the code that scripts see.
int report(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const BudgetTooSmall& e) {
    return complain(e.what(), kBudget, {{"smallest_budget_bytes", e.smallest_bytes}});
  } catch (const InvalidArgument& e) {
    return complain(e.what(), kUsage);
  } catch (const StoreError& e) {
    return complain(e.what(), kFile);
  } catch (const Unsupported& e) {
    return complain(e.what(), kUnsupported);
  } catch (const Interrupted& e) {
    return complain(e.what(), kInterrupted);
  } catch (const std::bad_alloc&) {
    return complain("the system has no more memory; use a smaller --memory", kFailed);
  } catch (const std::exception& e) {
    return complain(e.what(), kFailed);
  }
}

int run(int argc, char** argv) {
  CLI::App app("Exact 2-D convolution of any size within a byte budget", "tilewright");
  app.require_subcommand(1);
  app.set_version_flag("--version", std::string("tilewright ") + version());
  app.set_help_all_flag("--help-all", "help of all commands");
  check_command(argc, argv);
  int code = kOk;
  for (const Command& c : command_table()) {
    CLI::App* sub = app.add_subcommand(c.name, c.help);
    c.define(*sub, code);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& e) {
    return app.exit(e);
  } catch (const CLI::ParseError& e) {
    return complain(usage_text(app, e), kUsage);
  }
  return code;
}

}  // namespace

const std::atomic<bool>& cancelled() { return g_cancelled; }

}  // namespace tilewright::cli

int main(int argc, char** argv) {
  std::signal(SIGINT, tilewright::cli::on_signal);
  std::signal(SIGTERM, tilewright::cli::on_signal);
  std::signal(SIGHUP, tilewright::cli::on_signal);
  // A reader that goes away must not end us before the partial output is removed.
  std::signal(SIGPIPE, SIG_IGN);
  // A file that grows past a limit is an error like any other.
  std::signal(SIGXFSZ, SIG_IGN);
  tilewright::cli::g_json = tilewright::cli::find_json(argc, argv);
  try {
    return tilewright::cli::run(argc, argv);
  } catch (...) {
    return tilewright::cli::report(std::current_exception());
  }
}
