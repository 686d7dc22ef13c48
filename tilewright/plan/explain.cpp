// Plan::explain(): every number of a plan in a few lines.
#include <fmt/format.h>

#include "tilewright/base/text.h"
#include "tilewright/plan/plan.h"
#include "tilewright/plan/strategy/strategy.h"

namespace tilewright {
namespace {

std::string bytes(double v) { return format_bytes(v); }
std::string bytes(Index v) { return format_bytes(static_cast<double>(v)); }

std::string counted(Index n, const char* what) {
  return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s");
}

std::string flop_text(double flop) {
  constexpr std::array<const char*, 5> kUnits{"", "k", "M", "G", "T"};
  std::size_t unit = 0;
  while (flop >= 999.5 && unit + 1 < kUnits.size()) {
    flop /= 1000;
    ++unit;
  }
  return fmt::format("{:.3g} {}FLOP", flop, kUnits[unit]);
}

std::string work_line(const Plan& p) {
  const auto size = [&](Operand o) {
    return bytes(static_cast<double>(p.problem.spec(o).bytes()));
  };
  return fmt::format("  work    {}    src {}    weights {}    dst {}\n",
                     flop_text(p.problem.flop()), size(Operand::kSrc), size(Operand::kWeights),
                     size(Operand::kDst));
}

std::string exact_line(const Plan& p) {
  const char* meaning = p.exact == Exactness::kBits     ? "bit-equal to the uncut definition"
                        : p.exact == Exactness::kStable ? "same bits for any cut of the same kernel"
                                                        : "deterministic, sums re-associated";
  return fmt::format("  exact   {}: {}; |error| <= {:.2g} * {}\n", to_string(p.exact), meaning,
                     p.bound, p.kernel.error.factor > 0 ? "sum|w| max|x|" : "sum|w||x|");
}

std::string tier_line(const Plan& p) {
  const Counts c = p.counts();
  if (c.elemental_convolutions == 1)
    return fmt::format("  tier    one piece: {} of {}\n", bytes(p.peak_bytes()),
                       bytes(p.budget_bytes));
  if (p.forced) return "  tier    tiled: forced\n";
  if (p.one_piece_bytes <= p.budget_bytes)
    return fmt::format(
        "  tier    tiled: one piece would fit ({} of {}), pieces overlap files with compute\n",
        bytes(p.one_piece_bytes), bytes(p.budget_bytes));
  return fmt::format("  tier    tiled: {} needed in one piece, {} allowed\n",
                     bytes(p.one_piece_bytes), bytes(p.budget_bytes));
}

std::string stream_lines(const Plan& p) {
  const Counts c = p.counts();
  std::string text = fmt::format(
      "  stream  {} of {} x {} x {}, {} each; {} in flight; weights {}\n",
      counted(c.pieces, "piece"), p.cuts[Axis::kY].block(), p.cuts[Axis::kX].block(),
      p.cuts[Axis::kG].block() * p.cuts[Axis::kCo].block(), counted(c.steps_per_piece, "step"),
      p.in_flight, p.keep_weights ? "kept" : "streamed");
  for (const Strategy* s : strategy_table()) {
    const std::string line = s->describe(p.problem, p.cuts);
    if (!line.empty()) text += fmt::format("          {}\n", line);
  }
  return text;
}

std::string peak_line(const Plan& p) {
  const MemoryUse& m = p.memory;
  return fmt::format("  peak    {} of {}: src {}, dst {}, weights {}, workspace {}, files {}\n",
                     bytes(p.peak_bytes()), bytes(p.budget_bytes), bytes(m.src_tiles),
                     bytes(m.dst_tiles), bytes(m.weights + m.bias), bytes(m.workspace),
                     bytes(m.stores));
}

std::string moved_line(const Plan& p) {
  const double src = static_cast<double>(p.problem.spec(Operand::kSrc).bytes());
  return fmt::format("  moved   {}, {:.2f} x the lower bound for this budget; src read {:.2f} x\n",
                     bytes(p.moved.total()), p.moved.total() / p.lower_bound_bytes,
                     p.moved.src_bytes / src);
}

std::string time_line(const Plan& p) {
  const bool compute = p.compute_seconds > 0.5 * p.seconds;
  const std::string rates =
      p.measured.empty() ? "first guesses" : fmt::format("measured {}", p.measured);
  std::string text = fmt::format("  time    about {}, bound by {}; rates: {}\n",
                                 format_seconds(p.seconds), compute ? "compute" : "files", rates);
  if (!p.next_best.empty()) text += fmt::format("  next    {}\n", p.next_best);
  return text;
}

}  // namespace

std::string Plan::explain() const {
  return problem.line() + "\n" + work_line(*this) + exact_line(*this) + tier_line(*this) +
         stream_lines(*this) +
         fmt::format("  kernel  {}:{} {}, {} thread{}\n", kernel.device, kernel.name,
                     short_name(problem.compute), threads, threads == 1 ? "" : "s") +
         peak_line(*this) + moved_line(*this) + time_line(*this) +
         fmt::format("  least   {} bytes ({}) is the smallest budget that works\n",
                     smallest_budget_bytes, bytes(smallest_budget_bytes));
}

}  // namespace tilewright
