// Lesson 7: training steps on files.
//
// Source, target, result and gradients are files; every pass keeps to the budget, so none of them
// has to fit in memory. The hidden weights that made the target are found again by descending the
// squared error. The gradient of the weights does not depend on how the work was cut, so these
// numbers are the same for every budget, machine and number of threads.
#include <tilewright/tilewright.h>

#include <algorithm>
#include <cstdio>
#include <string>

namespace tw = tilewright;
using namespace tw::literals;

constexpr const char* kSource = "synth:noise,c=1,y=400,x=300,dtype=float32,seed=3";

tw::Tensor read_all(const std::string& path) {
  const auto store = tw::open_store(path);
  tw::Tensor t(store->spec());
  store->read(tw::whole(t.shape()), t.view());
  return t;
}

void write_all(const std::string& path, const tw::Tensor& t) {
  const auto store = tw::create_store(path, {.spec = t.spec(), .overwrite = true});
  store->write(tw::whole(t.shape()), t.view());
  store->commit();
}

// dst = conv2d(source, weights), file to file.
void forward(const std::string& weights, const std::string& dst, const tw::Machine& machine) {
  tw::ConvolveRequest request;
  request.src = kSource;
  request.weights = weights;
  request.dst = dst;
  request.options.padding = tw::Padding::same();
  request.overwrite = true;
  tw::Convolution job = tw::prepare(request, machine);
  tw::convolve(request, job);
}

// gradient = result - target, some rows at a time; returns half the sum of squares.
double difference(const std::string& result, const std::string& target,
                  const std::string& gradient) {
  const auto y = tw::open_store(result), t = tw::open_store(target);
  const auto g = tw::create_store(gradient, {.spec = y->spec(), .rank = 2, .overwrite = true});
  const tw::Shape shape = y->spec().shape;
  double loss = 0;
  for (tw::Index row = 0; row < shape[tw::kY]; row += 64) {
    tw::Region part = tw::whole(shape);
    part[tw::kY] = {row, std::min(shape[tw::kY], row + 64)};
    tw::Tensor a(tw::DType::kF32, part.shape()), b(tw::DType::kF32, part.shape());
    y->read(part, a.view());
    t->read(part, b.view());
    for (tw::Index i = 0; i < a.spec().volume(); ++i) {
      a.data<float>()[i] -= b.data<float>()[i];
      loss +=
          0.5 * static_cast<double>(a.data<float>()[i]) * static_cast<double>(a.data<float>()[i]);
    }
    g->write(part, a.view());
  }
  g->commit();
  return loss;
}

// The gradient of the weights, file to file.
void backward(const std::string& weights, const std::string& gradient, const std::string& dst,
              const tw::Machine& machine) {
  tw::GradientRequest request;
  request.src = kSource;
  request.gradient = gradient;
  request.weights = weights;
  request.out_weights = dst;
  request.options.padding = tw::Padding::same();
  request.overwrite = true;
  tw::run_gradients(tw::prepare(request, machine));
}

int main() {
  const auto machine = tw::local_machine().limited_to({.host_bytes = 2_MiB, .threads = 2});
  write_all("hidden.npy", tw::Tensor::from({1, 1, 3, 3}, {0, 1, 0, 1, -4, 1, 0, 1, 0}));
  forward("hidden.npy", "target.npy", machine);

  tw::Tensor weights = tw::Tensor::from({1, 1, 3, 3}, {0, 0, 0, 0, 0, 0, 0, 0, 0});
  for (int step = 0; step <= 60; ++step) {
    write_all("weights.npy", weights);
    forward("weights.npy", "result.npy", machine);
    const double loss = difference("result.npy", "target.npy", "gradient.npy");
    if (step % 20 == 0) std::printf("step %2d: squared error %.3f\n", step, loss);
    backward("weights.npy", "gradient.npy", "gradient_of_weights.npy", machine);
    const tw::Tensor g = read_all("gradient_of_weights.npy");
    for (tw::Index i = 0; i < 9; ++i) weights.data<float>()[i] -= 4e-6F * g.data<float>()[i];
  }
  std::printf("found in the middle: %.2f\n", static_cast<double>(weights.data<float>()[4]));
  return 0;
}
