// Lesson 2: from file to file within a budget that is smaller than the picture.
//
// The source here is computed, not stored ("synth:..."); any path that GDAL can read, .npy or
// .zarr works the same. Nothing is read before the plan is made, and the plan says beforehand how
// much memory the run will take.
#include <tilewright/tilewright.h>

#include <cstdio>

namespace tw = tilewright;
using namespace tw::literals;

int main() {
  tw::ConvolveRequest request;
  request.src = "synth:noise,c=3,y=1500,x=2000,dtype=uint8,seed=1";  // 8.6 MiB
  request.dst = "smooth.tif";
  request.kernel = "box:9";  // one filter for every band
  request.options.padding = tw::Padding::same();
  request.options.padding_mode = tw::PaddingMode::kReflect;
  request.dtype = "same";

  const auto machine = tw::local_machine().limited_to({.host_bytes = 4_MiB, .threads = 2});
  try {
    tw::Convolution job = tw::prepare(request, machine);  // opens and plans
    const tw::Plan& plan = job.plan;
    std::printf("%s\n", plan.problem.line().c_str());
    std::printf("fits the budget: %s\n", plan.peak_bytes() <= 4_MiB ? "yes" : "no");
    std::printf("more than one piece: %s\n", plan.counts().pieces > 1 ? "yes" : "no");
    std::printf("promise: %s\n", to_string(plan.exact));

    const tw::Trace trace = tw::convolve(request, job);  // creates, runs, commits
    std::printf("all pieces done: %s\n", trace.pieces == plan.counts().pieces ? "yes" : "no");
    std::printf("hash of the result: %s\n", trace.hash.c_str());
  } catch (const tw::BudgetTooSmall& e) {
    // A plan that cannot be kept is never begun; the error says what would do.
    std::printf("%s\n", e.what());
    return 1;
  }
  return 0;
}
