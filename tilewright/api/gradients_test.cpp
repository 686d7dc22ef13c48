// Gradients in memory by hand values, sums over calls, and files to files.
#include "tilewright/api/gradients.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tilewright/layer/conv2d/conv2d_transpose.h"
#include "tilewright/store/conformance.h"
#include "tilewright/store/memory/memory_store.h"

namespace tilewright {
namespace {

using testing::message_of;
using testing::TestFolder;

std::vector<float> floats(const Tensor& t) {
  return {t.data<float>(), t.data<float>() + t.spec().volume()};
}

const Tensor kSrc = Tensor::from({1, 1, 2, 3}, {1, 2, 3, 4, 5, 6});
const Tensor kWeights = Tensor::from({1, 1, 2, 2}, {1, 10, 100, 1000});

TEST(Conv2dGradients, HandValues) {
  // Results (0,0) and (0,1) see columns 0-1 and 1-2.
  const Tensor gradient = Tensor::from({1, 1, 1, 2}, {1, 2});

  const Conv2dGradients g =
      conv2d_gradients(kSrc, kWeights, gradient, {}, {.src = true, .weights = true, .bias = true});

  EXPECT_EQ(floats(g.src), (std::vector<float>{1, 12, 20, 100, 1200, 2000}));
  EXPECT_EQ(floats(g.weights), (std::vector<float>{5, 8, 14, 17}));
  EXPECT_EQ(floats(g.bias), std::vector<float>{3});
}

TEST(Conv2dGradients, StrideLeavesGapsAndFlipTurnsWeights) {
  const Tensor src = Tensor::from({1, 1, 1, 5}, {1, 2, 3, 4, 5});
  const Tensor weights = Tensor::from({1, 1, 1, 2}, {7, 9});
  const Tensor gradient = Tensor::from({1, 1, 1, 2}, {1, 10});

  const Conv2dGradients g = conv2d_gradients(src, weights, gradient, {.stride = {1, 3}});
  EXPECT_EQ(floats(g.src), (std::vector<float>{7, 9, 0, 70, 90}));
  EXPECT_EQ(floats(g.weights), (std::vector<float>{41, 52}));

  const Conv2dGradients turned =
      conv2d_gradients(src, weights, gradient, {.stride = {1, 3}, .flip = true});
  EXPECT_EQ(floats(turned.src), (std::vector<float>{9, 7, 0, 90, 70}));
  EXPECT_EQ(floats(turned.weights), (std::vector<float>{52, 41}));
}

TEST(Conv2dGradients, PaddedPositionsAddToWhatTheyShow) {
  const Tensor src = Tensor::from({1, 1, 1, 3}, {1, 2, 3});
  const Tensor weights = Tensor::from({1, 1, 1, 1}, {1});
  const Tensor gradient = Tensor::from({1, 1, 1, 7}, {1, 2, 3, 4, 5, 6, 7});
  const auto of_src = [&](PaddingMode mode) {
    return floats(conv2d_gradients(src, weights, gradient,
                                   {.padding = Padding::sides(0, 0, 2, 2), .padding_mode = mode})
                      .src);
  };
  EXPECT_EQ(of_src(PaddingMode::kZero), (std::vector<float>{3, 4, 5}));
  EXPECT_EQ(of_src(PaddingMode::kReplicate), (std::vector<float>{6, 4, 18}));
  EXPECT_EQ(of_src(PaddingMode::kReflect), (std::vector<float>{10, 12, 6}));
  EXPECT_EQ(of_src(PaddingMode::kCircular), (std::vector<float>{9, 12, 7}));
}

TEST(Conv2dGradients, TwoBackwardPassesGiveTwiceTheGradient) {
  const Tensor gradient = Tensor::from({1, 1, 1, 2}, {0.1F, 0.7F});
  const WantedGradients all{true, true, true};
  const Conv2dGradients once = conv2d_gradients(kSrc, kWeights, gradient, {}, all);

  Conv2dGradients sums = conv2d_gradients(kSrc, kWeights, gradient, {}, all);
  add_conv2d_gradients(kSrc, kWeights, gradient, {}, sums);

  for (const auto& [a, b] :
       {std::pair{&once.src, &sums.src}, {&once.weights, &sums.weights}, {&once.bias, &sums.bias}})
    for (std::size_t i = 0; i < floats(*a).size(); ++i) EXPECT_EQ(2 * floats(*a)[i], floats(*b)[i]);
}

TEST(Conv2dGradients, OnlyWhatIsWantedIsComputed) {
  const Tensor gradient = Tensor::from({1, 1, 1, 2}, {1, 2});

  const Conv2dGradients g = conv2d_gradients(kSrc, kWeights, gradient, {},
                                             {.src = false, .weights = true, .bias = false});

  EXPECT_TRUE(g.src.empty());
  EXPECT_TRUE(g.bias.empty());
  EXPECT_FALSE(g.weights.empty());
}

TEST(Conv2dGradients, ComputeInTheTypeOfTheSource) {
  Tensor src(DType::kF64, {1, 1, 2, 3}), gradient(DType::kF64, {1, 1, 1, 2});
  for (Index i = 0; i < 6; ++i) src.data<double>()[i] = 1e-20 * static_cast<double>(i + 1);
  gradient.data<double>()[0] = gradient.data<double>()[1] = 1e20;

  const Conv2dGradients g = conv2d_gradients(src, kWeights, gradient, {}, {true, true, true});

  EXPECT_EQ(g.weights.dtype(), DType::kF64);
  EXPECT_NEAR(g.weights.data<double>()[0], 3, 1e-12);
  EXPECT_EQ(g.bias.data<double>()[0], 2e20);
}

TEST(Conv2dGradients, RefuseShapesThatDoNotBelongTogether) {
  const Tensor wrong(DType::kF32, {1, 1, 2, 2});
  const std::string said =
      message_of<InvalidArgument>([&] { conv2d_gradients(kSrc, kWeights, wrong); });
  EXPECT_NE(said.find("1x1x2x2"), std::string::npos) << said;
  EXPECT_NE(said.find("1x1x1x2"), std::string::npos) << said;

  Conv2dGradients sums;
  sums.weights = Tensor(DType::kF32, {1, 1, 3, 3});
  const Tensor gradient = Tensor::from({1, 1, 1, 2}, {1, 2});
  EXPECT_THROW(add_conv2d_gradients(kSrc, kWeights, gradient, {}, sums), InvalidArgument);
}

TEST(Conv2dTranspose, HandValues) {
  const Tensor src = Tensor::from({1, 1, 1, 2}, {1, 10});
  const Tensor weights = Tensor::from({1, 2, 1, 2}, {1, 2, 3, 4});

  const Tensor dst = conv2d_transpose(src, weights, 1, 4, {.stride = {1, 2}});
  EXPECT_EQ(dst.shape(), (Shape{1, 2, 1, 4}));
  EXPECT_EQ(floats(dst), (std::vector<float>{1, 2, 10, 20, 3, 4, 30, 40}));

  // One more column that no tap reaches; two more would belong to a longer source.
  EXPECT_EQ(conv2d_transpose(src, weights, 1, 5, {.stride = {1, 2}}).shape()[3], 5);
  EXPECT_THROW(conv2d_transpose(src, weights, 1, 6, {.stride = {1, 2}}), InvalidArgument);
}

TEST(GradientProblem, TransposedConvolutionHasGradientsToo) {
  const Problem up = parse_problem("conv2d_transpose ci3 y5 x4 co2 k3x3 s2x2 p1,1,1,1 o9x7");

  const GradientProblem src = gradient_problem(up, Operand::kSrc, DType::kF32);
  EXPECT_EQ(src.problem.line(), "conv2d n1 ci2 y9 x7 co3 k3x3 s2x2 d1x1 p1,1,1,1 g1 f32");
  EXPECT_EQ(src.src, GradientProblem::From::kGradient);

  const GradientProblem weights = gradient_problem(up, Operand::kWeights, DType::kF32);
  EXPECT_EQ(weights.problem.line(),
            "conv2d_weights n1 ci2 y9 x7 co3 k3x3 s2x2 d1x1 p1,1,1,1 g1 f32");
  EXPECT_EQ(weights.src, GradientProblem::From::kGradient);
  EXPECT_EQ(weights.weights, GradientProblem::From::kSrc);
}

void save(const std::string& path, const Tensor& t) {
  const auto store = create_store(path, {.spec = t.spec(), .overwrite = true});
  store->write(whole(t.shape()), t.view());
  store->commit();
}

// A request on the tensors above and gradient (1, 2), saved in `folder`.
GradientRequest saved_request(const TestFolder& folder) {
  GradientRequest request;
  request.src = folder / "src.npy";
  request.weights = folder / "weights.npy";
  request.gradient = folder / "gradient.npy";
  save(request.src, kSrc), save(request.weights, kWeights);
  save(request.gradient, Tensor::from({1, 1, 1, 2}, {1, 2}));
  return request;
}

TEST(GradientFiles, EqualThoseInMemory) {
  const TestFolder folder;
  const Tensor gradient = Tensor::from({1, 1, 1, 2}, {1, 2});
  GradientRequest request;
  request.src = folder / "src.npy";
  request.weights = folder / "weights.npy";
  request.gradient = folder / "gradient.npy";
  save(request.src, kSrc), save(request.weights, kWeights), save(request.gradient, gradient);
  request.out_src = folder / "out_src.npy";
  request.out_weights = folder / "out_weights.npy";
  request.out_bias = folder / "out_bias.npy";

  const Gradients g = prepare(request, local_machine().limited_to({Index{8} << 20, 2}));
  ASSERT_EQ(g.jobs.size(), 3u);
  run_gradients(g);

  const Conv2dGradients expected =
      conv2d_gradients(kSrc, kWeights, gradient, {}, {true, true, true});
  const auto read = [](const std::string& path) {
    const auto store = open_store(path);
    Tensor t(store->spec());
    store->read(whole(t.shape()), t.view());
    return t;
  };
  EXPECT_EQ(floats(read(request.out_src)), floats(expected.src));
  EXPECT_EQ(floats(read(request.out_weights)), floats(expected.weights));
  EXPECT_EQ(floats(read(request.out_bias)), floats(expected.bias));
}

TEST(GradientStores, TakeTensorsAndFilesAlike) {
  const TestFolder folder;
  const Tensor gradient = Tensor::from({1, 1, 1, 2}, {1, 2});
  save(folder / "src.npy", kSrc);
  const auto src = open_store(folder / "src.npy");
  MemoryStore weights(kWeights.view()), from(gradient.view());
  const auto to_src = create_store(folder / "out.npy", {.spec = src->spec()});
  Tensor bias(DType::kF32, {1, 1, 1, 1});
  MemoryStore to_bias(bias.view());
  GradientStores stores{src.get(), &weights, &from};
  stores.out_src = to_src.get(), stores.out_bias = &to_bias;

  const auto traces = conv2d_gradients(stores, {}, local_machine().limited_to({Index{8} << 20, 1}));
  to_src->commit();

  ASSERT_EQ(traces.size(), 2u);
  EXPECT_FALSE(traces[0].hash.empty());
  Tensor found(DType::kF32, kSrc.shape());
  open_store(folder / "out.npy")->read(whole(found.shape()), found.view());
  EXPECT_EQ(floats(found), (std::vector<float>{1, 12, 20, 100, 1200, 2000}));
  EXPECT_EQ(floats(bias), std::vector<float>{3});

  stores.out_src = nullptr;
  stores.add = true;
  conv2d_gradients(stores, {}, local_machine());
  EXPECT_EQ(floats(bias), std::vector<float>{6});

  stores.out_weights = &to_bias;
  EXPECT_THROW(conv2d_gradients(stores, {}, local_machine()), InvalidArgument);
  EXPECT_EQ(floats(bias), std::vector<float>{6}) << "refused before anything was written";
  stores.weights = nullptr;
  EXPECT_NE(message_of<InvalidArgument>([&] {
              conv2d_gradients(stores, {}, local_machine());
            }).find("'weights' is missing"),
            std::string::npos);
}

TEST(GradientFiles, NameABudgetThatIsEnoughForAll) {
  const TestFolder folder;
  GradientRequest request;
  request.src = "synth:noise,c=3,y=400,x=500";
  request.gradient = "synth:noise,c=9,y=400,x=500";
  request.weights = "synth:noise,n=9,c=3,y=5,x=5";
  request.options.padding = Padding::same();
  request.out_src = folder / "s.zarr";
  request.out_weights = folder / "w.npy";
  request.out_bias = folder / "b.npy";
  try {
    prepare(request, local_machine().limited_to({1000, 2}));
    FAIL();
  } catch (const BudgetTooSmall& e) {
    EXPECT_NO_THROW(prepare(request, local_machine().limited_to({e.smallest_bytes, 2})));
  }
}

TEST(GradientFiles, ComeInTheTypeThatIsAskedFor) {
  const TestFolder folder;
  GradientRequest request = saved_request(folder);
  request.out_weights = folder / "w.npy";
  request.dtype = "float64";
  run_gradients(prepare(request, local_machine()));
  const auto store = open_store(request.out_weights);
  Tensor found(DType::kF64, kWeights.shape());
  EXPECT_EQ(store->spec(), found.spec());
  store->read(whole(found.shape()), found.view());
  EXPECT_EQ(found.data<double>()[3], 17);
  request.dtype = "uint8";
  EXPECT_THROW(prepare(request, local_machine()), InvalidArgument);
}

TEST(GradientFiles, RefuseOutputsThatAreInputsOrNone) {
  const TestFolder folder;
  GradientRequest request = saved_request(folder);
  const Machine machine = local_machine();
  EXPECT_THROW(prepare(request, machine), InvalidArgument);
  request.out_src = request.gradient;
  EXPECT_THROW(prepare(request, machine), InvalidArgument);
  request.out_src = folder / "same.npy";
  request.out_weights = folder / "./same.npy";
  EXPECT_THROW(prepare(request, machine), InvalidArgument);
}

}  // namespace
}  // namespace tilewright
