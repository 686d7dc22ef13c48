// One definition per command file.
#pragma once

#include "tilewright/cli/command.h"

namespace tilewright::cli {

void define_conv(CLI::App& app, int& exit_code);
void define_grad(CLI::App& app, int& exit_code);
void define_plan(CLI::App& app, int& exit_code);
void define_verify(CLI::App& app, int& exit_code);
void define_info(CLI::App& app, int& exit_code);
void define_synth(CLI::App& app, int& exit_code);
void define_bench(CLI::App& app, int& exit_code);
void define_tune(CLI::App& app, int& exit_code);
void define_devices(CLI::App& app, int& exit_code);

}  // namespace tilewright::cli
