// One piece of any place, run step by step with the stages of run().
#include "tilewright/run/recompute.h"

#include <fmt/format.h>

#include "tilewright/run/stages.h"
#include "tilewright/tensor/convert.h"

namespace tilewright {

struct Recomputer::State {
  State(const Plan& plan, const Stores& s)
      : bench(plan, s, options), reader(bench), computer(bench, nullptr) {}
  RunOptions options;
  Bench bench;
  Reader reader;
  Computer computer;
};

Recomputer::Recomputer(const Plan& plan, const Stores& stores)
    : state_(std::make_unique<State>(plan, stores)) {
  state_->reader.fetch_kept();
}

Recomputer::~Recomputer() = default;

Tensor Recomputer::compute(const Block& block) {
  Bench& bench = state_->bench;
  const Problem& problem = bench.plan().problem;
  Piece piece;
  piece.block = whole(problem.extents());
  for (const Axis a : bench.graph.plan().loop_order()) piece.block[a] = block[a];
  piece.dst = problem.layer->region(Operand::kDst, piece.block);
  bench.graph.set_fold(piece);
  for (Index j = 0; j < bench.graph.steps(piece); ++j) {
    const Step step = bench.graph.step(piece, j);
    state_->reader.fetch(step, bench.src_slots[0]);
    state_->computer.run(piece, step, bench.src_slots[0], bench.dst_slots[0]);
  }
  Tensor result(problem.dst_dtype, piece.dst.shape());
  copy(bench.dst_view(bench.dst_slots[0], piece.dst), result.view());
  return result;
}

Plan plan_regions(const Problem& problem, const Machine& machine, const Block& block,
                  const std::string& kernel, Exactness least, bool factored) {
  PlanOptions options;
  options.weights.factored = factored;
  options.kernel = kernel;
  options.least = least;
  // Weights are streamed: a region may begin in the middle of a block of channels.
  options.force = fmt::format("g={},", block[Axis::kG].size());
  const Index channels = block[Axis::kCo].size();
  if (channels < problem.extents()[Axis::kCo]) options.force += fmt::format("co={},", channels);
  options.force += fmt::format("n={},y={},x={},flight=1,weights=streamed", block[Axis::kN].size(),
                               block[Axis::kY].size(), block[Axis::kX].size());
  return plan(problem, machine, options);
}

}  // namespace tilewright
