// What all commands share: the table, the options of a convolution, talk and results.
#pragma once

#include <CLI/CLI.hpp>
#include <atomic>
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
  void define(CLI::App& app);
  Machine machine() const;
};

/// How results and progress are shown.
struct TalkArguments {
  bool json = false;
  bool quiet = false;
  std::string progress = "auto";
  void define(CLI::App& app, bool with_progress);
  /// Draws progress on stderr as asked; empty for none.
  std::function<void(const Progress&)> reporter() const;
  /// Ends a bar that was drawn.
  void end_progress() const;
};

/// The options of `conv`, `plan` and `verify`.
struct ConvolveArguments {
  std::string weights, kernel, bias, dtype, padding = "same", padding_mode = "zero";
  std::string stride = "1,1", dilation = "1,1", exact = "stable", force, kernel_impl, plan_file;
  Index groups = 1;
  bool flip = false;
  MachineArguments machine;
  void define(CLI::App& app);
  ConvolveRequest request(const std::string& src, const std::string& dst) const;
  PlanOptions planning() const;
};

/// Reads a whole small text file. Throws StoreError.
std::string read_text(const std::string& path);

/// The plan as JSON with what scripts rely on.
Json plan_json(const Plan& plan);

void print(const std::string& text);

}  // namespace tilewright::cli
