// tilewright: parses the command line, runs one command, maps errors to exit codes.
#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <new>

#include "tilewright/cli/command.h"

namespace tilewright::cli {
namespace {

std::atomic<bool> g_cancelled{false};

extern "C" void on_signal(int number) {
  g_cancelled.store(true);
  std::signal(number, SIG_DFL);
}

int complain(const char* what, int code) {
  fmt::print(stderr, "tilewright: {}\n", what);
  return code;
}

// The message of an error and the code that scripts see.
int report(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const BudgetTooSmall& e) {
    return complain(e.what(), kBudget);
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
    std::string text = e.what();
    for (char& ch : text)
      if (ch == '\n') ch = ' ';
    return complain((text + "; see tilewright --help").c_str(), kUsage);
  }
  return code;
}

}  // namespace

const std::atomic<bool>& cancelled() { return g_cancelled; }

}  // namespace tilewright::cli

int main(int argc, char** argv) {
  std::signal(SIGINT, tilewright::cli::on_signal);
  std::signal(SIGTERM, tilewright::cli::on_signal);
  // A file that grows past a limit is an error like any other.
  std::signal(SIGXFSZ, SIG_IGN);
  try {
    return tilewright::cli::run(argc, argv);
  } catch (...) {
    return tilewright::cli::report(std::current_exception());
  }
}
