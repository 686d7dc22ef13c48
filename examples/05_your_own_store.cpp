// Lesson 5: a source of your own.
//
// Whatever can deliver any region of an array can be convolved: a camera, a database, a formula. A
// Store says what it holds and reads regions; here every pixel is computed when it is asked for, so
// a picture of 16 million pixels takes no memory at all.
#include <tilewright/tilewright.h>

#include <cstdio>

namespace tw = tilewright;
using namespace tw::literals;

namespace {

class Stripes final : public tw::Store {
 public:
  const tw::TensorSpec& spec() const override { return spec_; }
  int rank() const override { return 2; }
  std::string describe() const override { return "stripes, 32 pixels wide"; }

  void read(const tw::Region& region, const tw::TensorView& dst) override {
    tw::Tensor part(spec_.dtype, region.shape());
    auto* pixel = part.data<std::uint8_t>();
    for (tw::Index y = region[tw::kY].begin; y < region[tw::kY].end; ++y)
      for (tw::Index x = region[tw::kX].begin; x < region[tw::kX].end; ++x)
        *pixel++ = (x + y) / 32 % 2 == 0 ? 0 : 100;
    tw::copy(part.view(), dst);  // converts to the type that is computed in
  }
  void write(const tw::Region&, const tw::ConstTensorView&) override {
    throw tw::Unsupported("stripes: a formula cannot be written");
  }

 private:
  tw::TensorSpec spec_{tw::DType::kU8, {1, 1, 4096, 4096}};
};

}  // namespace

int main() {
  Stripes stripes;
  tw::MemoryStore weights(tw::make_filter("laplace"));
  const tw::Problem problem = tw::conv2d_problem(stripes.spec(), weights.spec().shape);
  const auto dst = tw::create_store("edges.npy", {.spec = problem.spec("dst"), .rank = 2});

  const auto machine = tw::local_machine().limited_to({.host_bytes = 8_MiB});
  const tw::Plan plan = tw::plan(problem, machine);
  tw::run(plan, {.src = &stripes, .weights = &weights, .dst = dst.get()});
  dst->commit();  // only now does edges.npy appear

  // Across the first edge, between x = 31 and x = 32 of row 0 (one less in the result).
  tw::Tensor row(tw::DType::kF32, {1, 1, 1, 4});
  tw::open_store("edges.npy")->read({{{{0, 1}, {0, 1}, {0, 1}, {28, 32}}}}, row.view());
  for (tw::Index x = 0; x < 4; ++x) std::printf("%5.0f", static_cast<double>(row.data<float>()[x]));
  std::printf("\n");
  return 0;
}
