// tilewright plan: explains a plan, its counts or the generated network; runs nothing.
#include <fmt/format.h>

#include <cstdio>
#include <memory>

#include "tilewright/cli/commands.h"

namespace tilewright::cli {
namespace {

struct Arguments {
  std::string src, dst = "out.npy", show = "summary", format = "text", save;
  Index limit = 1000;
  ConvolveArguments convolve;
  bool json = false, overwrite = false;
};

Plan make_plan(const Arguments& a) {
  const bool is_problem = is_problem_line(a.src);
  if (!is_problem)
    return prepare(a.convolve.request(a.src, a.dst), a.convolve.machine.machine()).plan;
  a.convolve.refuse_beside_problem_line();
  PlanOptions options = a.convolve.planning();
  options.src.file = options.dst.file = true;
  return plan(parse_problem(a.src), a.convolve.machine.machine(), options);
}

std::string counts_text(const Counts& c) {
  return fmt::format(
      "tiles {}\nchannel_blocks {}\ntap_blocks {}\npieces {}\nsteps_per_piece {}\n"
      "elemental_convolutions {}\n",
      c.tiles, c.channel_blocks, c.tap_blocks, c.pieces, c.steps_per_piece,
      c.elemental_convolutions);
}

void check(const Arguments& a) {
  if (a.format != "dot") return;
  if (a.json) throw InvalidArgument("--format dot and --json are two forms; leave one of them out");
  if (a.show != "graph") throw InvalidArgument("--format dot goes with --show graph");
}

void run(const Arguments& a) {
  check(a);
  const Plan p = make_plan(a);
  if (!a.save.empty()) write_text(a.save, p.to_json() + "\n", a.overwrite);
  const bool json = a.json || a.format == "json";
  if (a.show == "graph") {
    const GraphFormat format = json                ? GraphFormat::kJson
                               : a.format == "dot" ? GraphFormat::kDot
                                                   : GraphFormat::kText;
    return dump_graph(TileGraph(p), format, a.limit, [](const std::string& text) {
      if (cancelled()) throw Interrupted("interrupted");
      print(text);
    });
  }
  const bool counts = a.show == "counts";
  if (!json) return print(counts ? counts_text(p.counts()) : p.explain());
  const Json all = plan_json(p);
  print((counts ? all["counts"] : all).dump(2) + "\n");
}

}  // namespace

void define_plan(CLI::App& app, int&) {
  auto a = std::make_shared<Arguments>();
  app.add_option("SRC", a->src, "raster, array, or \"PROBLEM LINE\"")->required();
  app.add_option("DST", a->dst, "planned output (its format decides how pieces are aligned)");
  a->convolve.define(app);
  app.add_option("--show", a->show, "what to show")
      ->check(CLI::IsMember({"summary", "counts", "graph"}))
      ->capture_default_str();
  app.add_option("--format", a->format, "form of the answer")
      ->check(CLI::IsMember({"text", "json", "dot"}))
      ->capture_default_str();
  integer_option(app, "--limit", a->limit, "pieces that --show graph writes, 0 for all", 0,
                 kMostIndex)
      ->default_str(std::to_string(a->limit));
  app.add_option("--save", a->save, "write the plan to FILE, for conv --plan FILE")
      ->type_name("FILE");
  app.add_flag("--overwrite", a->overwrite, "replace an existing file of --save");
  app.add_flag("--json", a->json, "same as --format json");
  app.add_flag_callback(
      "--quiet", [] {}, "no remarks (plan makes none)");
  app.callback([a] { run(*a); });
}

}  // namespace tilewright::cli
