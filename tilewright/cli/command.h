// What all commands share: the table, the options of a convolution, talk and results.
#pragma once

#include <CLI/CLI.hpp>
#include <atomic>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>

#include "tilewright/tilewright.h"

namespace tilewright::cli {

using Json = nlohmann::ordered_json;

/// Exit codes, stable for scripts.
enum ExitCode {
  kOk = 0,
  kFailed = 1,
  kUsage = 2,
  kFile = 3,
  kUnsupported = 4,
  kBudget = 5,
  kDiffers = 6,
  kInterrupted = 130
};

/// True once Ctrl-C (or SIGTERM) has arrived; a second one ends the process at once.
const std::atomic<bool>& cancelled();

constexpr Index kMostIndex = std::numeric_limits<Index>::max();

/// A whole number in [least, most]. Throws InvalidArgument that names `what` and the text.
Index parse_integer(const std::string& text, const std::string& what, Index least, Index most);

/// One command: adds its options to `app` and sets the callback that leaves its code in
/// `exit_code`.
struct Command {
  const char* name;
  const char* help;
  void (*define)(CLI::App& app, int& exit_code);
};

const std::vector<Command>& command_table();

/// The options of a run on this machine.
struct MachineArguments {
  std::string memory;
  int threads = 0;
  bool no_tune = false;
  void define(CLI::App& app);
  Machine machine() const;
  /// Whether the user limited anything.
  bool given() const { return !memory.empty() || threads != 0; }
};

/// How results and progress are shown.
struct TalkArguments {
  bool json = false;
  bool quiet = false;
  std::string progress = "auto";
  void define(CLI::App& app, bool with_progress);
  /// Draws progress on stderr as asked; empty for none.
  std::function<void(const Progress&)> reporter() const;
};

/// Draws one line of progress on stderr over the one before.
void draw_line(const std::string& text);

/// Ends the line of a bar that was drawn, so that other talk begins on its own.
void end_bar();

/// The options of `conv`, `plan` and `verify`.
struct ConvolveArguments {
  std::string weights, kernel, bias, dtype, padding = "same", padding_mode = "zero";
  std::string stride = "1,1", dilation = "1,1", exact, force, kernel_impl, plan_file;
  Index groups = 1;
  bool flip = false;
  MachineArguments machine;
  void define(CLI::App& app);
  /// Only what describes the layer, or the run.
  void define_layer(CLI::App& app);
  void define_dtype(CLI::App& app, const std::string& types);
  void define_run(CLI::App& app);
  Conv2dOptions layer_options() const;
  /// A problem line says all of this itself. Throws InvalidArgument that names what was given.
  void refuse_beside_problem_line() const;
  ConvolveRequest request(const std::string& src, const std::string& dst) const;
  PlanOptions planning() const;
};

/// An option whose value is a whole number in [least, most]; anything else is a usage error that
/// names it. `value` holds the default.
template <class T>
CLI::Option* integer_option(CLI::App& app, const std::string& name, T& value,
                            const std::string& help, Index least, Index most) {
  const auto set = [&value, name, least, most](const std::string& text) {
    value = static_cast<T>(parse_integer(text, name, least, most));
  };
  return app.add_option_function<std::string>(name, set, help)->type_name("N");
}

/// Reads a whole small text file. Throws StoreError.
std::string read_text(const std::string& path);

/// Writes a small text file, which appears under its name when it is complete. Throws StoreError
/// if it cannot, or if it exists and `overwrite` is false.
void write_text(const std::string& path, const std::string& text, bool overwrite);

/// What a run did, as JSON with what scripts rely on, and as one line about `dst`.
Json result_json(const Plan& plan, const Trace& trace);
std::string result_text(const std::string& dst, const Plan& plan, const Trace& trace);

/// The plan as JSON with what scripts rely on.
Json plan_json(const Plan& plan);

/// Whether `text` is a problem line rather than a path: it has several words and is no file.
bool is_problem_line(const std::string& text);

/// The problem lines of a text file; # starts a comment, blank lines are left out. Throws
/// InvalidArgument that names file and line, StoreError if it cannot be read.
std::vector<Problem> problems_of_file(const std::string& path);

/// `words` are problem lines or files of them, `files` files. Throws as problems_of_file.
std::vector<Problem> problems_of(const std::vector<std::string>& words,
                                 const std::vector<std::string>& files);

void print(const std::string& text);

/// JSON as one line, or indented; bytes of foreign texts that are no UTF-8 are replaced.
std::string text_of(const Json& json, int indent = -1);

}  // namespace tilewright::cli
