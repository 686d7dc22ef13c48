// Lesson 3: the generated network, before anything runs.
//
// A plan is a value: it can be made for a problem of any size and a machine that is not there.
// Expanded, it is a network of pieces; each owns one region of the result and has a chain of steps
// that select a window of the source, process it with a block of weights, and add to the sum.
#include <tilewright/tilewright.h>

#include <cstdio>

namespace tw = tilewright;
using namespace tw::literals;

int main() {
  const tw::Problem problem =
      tw::parse_problem("conv2d n1 ci1024 y1024 x1024 co1024 k3x3 s1x1 d1x1 p1,1,1,1 g1 f32");
  const auto machine = tw::local_machine().limited_to({.host_bytes = 512_MiB, .threads = 2});

  tw::PlanOptions options;
  options.force = "tile=128x128,co=128,ci=128";  // leave it out for the planner's own choice
  const tw::Plan plan = tw::plan(problem, machine, options);

  const tw::Counts counts = plan.counts();
  std::printf("%lld tiles x %lld channel blocks = %lld elemental convolutions\n",
              static_cast<long long>(counts.tiles), static_cast<long long>(counts.channel_blocks),
              static_cast<long long>(counts.elemental_convolutions));
  std::printf("%lld pieces of %lld steps\n", static_cast<long long>(counts.pieces),
              static_cast<long long>(counts.steps_per_piece));

  // Nothing is stored for the pieces: any of them is computed from its number.
  const tw::TileGraph graph(plan);
  const tw::Piece piece = graph.piece(0);
  std::printf("piece %lld\n", static_cast<long long>(piece.id));
  for (tw::Index i = 0; i < graph.steps(piece); ++i) {
    const tw::Step step = graph.step(piece, i);
    // Negative positions are padding; it is made when the window is read.
    std::printf("  select     src %s\n", to_string(step.window).c_str());
    std::printf("  process    weights co%lld:%lld ci%lld:%lld%s\n",
                static_cast<long long>(step.weights[0].begin),
                static_cast<long long>(step.weights[0].end),
                static_cast<long long>(step.weights[1].begin),
                static_cast<long long>(step.weights[1].end), step.first ? "" : ", accumulate");
  }
  std::printf("  reassemble dst %s\n", to_string(piece.dst).c_str());
  return 0;
}
