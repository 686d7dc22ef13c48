// Inputs that are distinct from the output, and layouts of outputs that suit a plan.
#include "tilewright/api/files.h"

#include <fmt/format.h>

#include <array>
#include <filesystem>
#include <optional>

#include "tilewright/store/memory/memory_store.h"

namespace tilewright {
namespace {

namespace fs = std::filesystem;

StoreHints hints_of(const StoreLayout& layout) {
  StoreHints h;
  h.file = true;
  h.block = layout.block;
  h.cached = layout.cached;
  h.cached_block_bytes = layout.cached_block_bytes;
  h.sequential = layout.sequential;
  h.scratch_bytes = layout.scratch_bytes;
  h.decode_seconds_per_byte = layout.decode_seconds_per_byte;
  return h;
}

// How an output in chunks may be laid out, and whether pieces must end where its chunks do.
struct Blocks {
  Index side;
  bool aligned;
};
constexpr std::array<Blocks, 3> kBlocks{{{256, true}, {64, true}, {256, false}}};

}  // namespace

void check_distinct(const std::string& dst, const std::string& input, const std::string& file) {
  if (file.empty() || dst.empty()) return;
  const std::string what = file == input
                               ? fmt::format("the input '{}'", input)
                               : fmt::format("'{}', which the input '{}' reads", file, input);
  for (const char* suffix : {"", ".partial"}) {
    std::error_code error;
    if (fs::equivalent(dst + suffix, file, error) && !error)
      throw InvalidArgument(
          fmt::format("output '{}{}' is {}; write to another file", dst, suffix, what));
  }
  std::error_code error;
  const fs::path folder = fs::weakly_canonical(dst, error) / "";
  const std::string inside = fs::weakly_canonical(file, error).string();
  if (!error && inside.rfind(folder.string(), 0) == 0)
    throw InvalidArgument(fmt::format("output '{}' holds {}; write to another file", dst, what));
}

std::unique_ptr<Store> open_input(const std::string& path, const std::string& dst) {
  auto store = open_store(path);
  for (const std::string& file : store->files()) check_distinct(dst, path, file);
  return store;
}

StoreHints store_hints(const Store& store) {
  StoreHints h = hints_of(store.layout());
  h.factored = store.factors() != nullptr;
  h.in_place = store.readable().data != nullptr;
  h.file = dynamic_cast<const MemoryStore*>(&store) == nullptr;
  return h;
}

void set_hints(PlanOptions& options, const Store& src, const Store& weights) {
  options.src = store_hints(src);
  options.weights = store_hints(weights);
}

// Ties go to the larger block. Pieces that share chunks open them more often than others, so they
// are for budgets that allow nothing else.
Plan plan_output(const std::string& dst, const Problem& problem, const Machine& machine,
                 PlanOptions options, CreateOptions& output) {
  std::optional<Plan> best;
  Index smallest = 0;
  std::string message;
  for (const Blocks& blocks : kBlocks) {
    CreateOptions tried = output;
    // Wide blocks: pieces are written in runs of whole block rows.
    tried.block = {1, 1, blocks.side, 2 * blocks.side};
    options.dst = hints_of(planned_layout(dst, tried));
    const bool free_standing = volume(options.dst.block) == 1;
    if (!blocks.aligned) options.dst.block = {1, 1, 1, 1};
    try {
      Plan p = plan(problem, machine, options);
      if (smallest == 0 || p.smallest_budget_bytes < smallest) smallest = p.smallest_budget_bytes;
      if (!best || (blocks.aligned && p.seconds < 0.9 * best->seconds)) {
        best = std::move(p);
        output.block = tried.block;
      }
    } catch (const BudgetTooSmall& e) {
      if (smallest == 0 || e.smallest_bytes < smallest) {
        smallest = e.smallest_bytes;
        message = e.what();
      }
    }
    if (free_standing) break;
  }
  if (!best) throw BudgetTooSmall(message, smallest);
  best->smallest_budget_bytes = smallest;
  return std::move(*best);
}

}  // namespace tilewright
