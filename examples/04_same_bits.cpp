// Lesson 4: nobody can tell from the result how the work was cut.
//
// The same convolution within five budgets, with one thread and with two. The hash covers every bit
// of every value, so one changed rounding anywhere would show.
#include <tilewright/tilewright.h>

#include <cstdio>
#include <set>

namespace tw = tilewright;
using namespace tw::literals;

int main() {
  const auto src = tw::open_store("synth:noise,c=4,y=300,x=400,seed=2");
  const auto weights = tw::open_store("synth:noise,n=6,c=4,y=5,x=5,seed=3");
  const tw::Problem problem =
      tw::conv2d_problem(src->spec(), weights->spec().shape, {.padding = tw::Padding::same()});
  tw::Tensor result(problem.spec("dst"));

  std::set<std::string> hashes;
  std::set<tw::Index> pieces;
  for (const tw::Index budget : {2_MiB, 3_MiB, 4_MiB, 8_MiB, 64_MiB})
    for (const int threads : {1, 2}) {
      const auto machine =
          tw::local_machine().limited_to({.host_bytes = budget, .threads = threads});
      const tw::Plan plan = tw::plan(problem, machine);
      tw::MemoryStore dst(result.view());
      const tw::Trace trace =
          tw::run(plan, {.src = src.get(), .weights = weights.get(), .dst = &dst});
      hashes.insert(trace.hash);
      pieces.insert(trace.pieces);
    }
  std::printf("runs: 10, different plans: %s, different results: %zu\n",
              pieces.size() > 1 ? "yes" : "no", hashes.size());
  std::printf("hash %s\n", hashes.begin()->c_str());
  return hashes.size() == 1 ? 0 : 1;
}
