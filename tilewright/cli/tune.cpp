// tilewright tune: measures this machine and keeps what it finds for later plans.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <memory>

#include "tilewright/cli/commands.h"

namespace tilewright::cli {
namespace {

struct Arguments {
  bool quick = false;
  std::string store, folder;
  int threads = 0;
  TalkArguments talk;
};

std::string rates_text(const Machine& m, const Machine& before) {
  std::string guessed,
      text = fmt::format(
          "  memory  {}/s in cache, {}/s beyond, {}/s fresh from the system\n"
          "  files   read {}/s, write {}/s\n",
          format_bytes(m.near_bytes_per_second), format_bytes(m.far_bytes_per_second),
          format_bytes(m.fresh_bytes_per_second), format_bytes(m.read_bytes_per_second),
          format_bytes(m.write_bytes_per_second));
  for (std::size_t i = 0; i < m.kernels.size(); ++i) {
    const KernelInfo& k = m.kernels[i];
    if (k.samples.empty()) {
      guessed += fmt::format("{}{}:{}", guessed.empty() ? "" : ", ", k.device, k.name);
      continue;
    }
    text += fmt::format("  {}:{}  {:.0f} GFLOP/s a thread ({:.0f} guessed), {} problems\n",
                        k.device, k.name, k.per_second.flop / 1e9,
                        before.kernels[i].per_second.flop / 1e9, k.samples.size());
  }
  if (!guessed.empty()) text += fmt::format("  not measured, so guessed: {}\n", guessed);
  return text;
}

Json rates_json(const Machine& m) {
  Json j{{"near_bytes_per_second", m.near_bytes_per_second},
         {"far_bytes_per_second", m.far_bytes_per_second},
         {"fresh_bytes_per_second", m.fresh_bytes_per_second},
         {"read_bytes_per_second", m.read_bytes_per_second},
         {"write_bytes_per_second", m.write_bytes_per_second},
         {"row_seconds", m.row_seconds},
         {"piece_seconds", m.piece_seconds}};
  for (const KernelInfo& k : m.kernels)
    j["kernels"].push_back({{"kernel", k.device + ":" + k.name},
                            {"flop_per_second", k.per_second.flop},
                            {"bytes_per_second", k.per_second.bytes},
                            {"visits_per_second", k.per_second.visits},
                            {"problems", k.samples.size()}});
  return j;
}

std::string folder_of(const std::string& store) {
  const std::filesystem::path folder = std::filesystem::path(store).parent_path();
  return folder.empty() ? "." : folder.string();
}

// Whether the processors had other work in the last minute.
bool busy(int threads) {
  double load = 0;
  return ::getloadavg(&load, 1) == 1 && load > 0.5 * threads;
}

void run(const Arguments& a) {
  const Machine machine = untuned_machine().limited_to({.threads = a.threads});
  const std::string store = a.store.empty() ? tune_path(machine.threads) : a.store;
  if (store.empty())
    throw StoreError(
        "there is no file for measurements: TILEWRIGHT_TUNE is none, or HOME is not set; name one "
        "with --store");
  check_replaceable(store);
  if (std::error_code error; !a.folder.empty() && !std::filesystem::is_directory(a.folder, error))
    throw StoreError(a.folder + ": is no folder; name one that exists with --folder");
  TuneOptions options;
  options.quick = a.quick;
  options.folder = a.folder.empty() ? folder_of(store) : a.folder;
  options.cancel = &cancelled();
  if (!a.talk.quiet && ::isatty(STDERR_FILENO) != 0)
    options.progress = [](double fraction, const std::string& what) {
      draw_line(fmt::format("measuring: {:3.0f} %  {}", 100 * fraction, what));
    };
  if (a.folder.empty()) {
    std::error_code ignored;
    std::filesystem::create_directories(options.folder, ignored);
  }
  const bool busy_before = busy(machine.threads);
  const Measurements found = tune(machine, options);
  end_bar();
  if (!a.talk.quiet && busy_before)
    fmt::print(stderr,
               "tilewright: other programs are running: run tune again when they are not\n");
  save_measurements(store, found);
  const Machine after = calibrate(machine, found);
  if (a.talk.json) {
    Json j{{"store", store}, {"measured", found.when}, {"runs", found.runs.size()}};
    j["rates"] = rates_json(after);
    return print(text_of(j) + "\n");
  }
  if (!a.talk.quiet)
    print(fmt::format("{} runs measured, kept in {}\n{}", found.runs.size(), store,
                      rates_text(after, machine)));
}

}  // namespace

void define_tune(CLI::App& app, int&) {
  auto a = std::make_shared<Arguments>();
  app.add_flag("--quick", a->quick, "fewer problems, in a third of the time");
  app.add_option("--store", a->store, "file for the measurements (default: in the cache folder)")
      ->type_name("FILE");
  app.add_option("--folder", a->folder,
                 "where reading and writing files is measured (default: beside the store)")
      ->type_name("DIR");
  integer_option(app, "--threads", a->threads, "threads to measure with (default: all processors)",
                 1, kMostThreads);
  a->talk.define(app, false);
  app.callback([a] { run(*a); });
}

}  // namespace tilewright::cli
