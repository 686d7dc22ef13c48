// conv2d in memory by hand values, and file to file: what arrives, what is refused, what remains
// after failures.
#include "tilewright/api/convolve.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "tilewright/api/copy_store.h"
#include "tilewright/api/verify.h"
#include "tilewright/store/conformance.h"
#include "tilewright/store/memory/memory_store.h"

namespace tilewright {
namespace {

using testing::message_of;
using testing::TestFolder;

constexpr const char* kPicture = "synth:ints,c=3,y=90,x=130,dtype=float32,seed=4";

std::vector<float> floats(const Tensor& t) {
  return {t.data<float>(), t.data<float>() + t.spec().volume()};
}

Machine machine(Index bytes = Index{64} << 20, int threads = 2) {
  return local_machine().limited_to({bytes, threads});
}

ConvolveRequest smooth(const std::string& dst) {
  ConvolveRequest r;
  r.src = kPicture;
  r.dst = dst;
  r.kernel = "[[1,2,1],[2,4,2],[1,2,1]]";
  r.options.padding = Padding::same();
  return r;
}

Tensor contents(const std::string& path) {
  const auto store = open_store(path);
  Tensor t(store->spec());
  store->read(whole(t.shape()), t.view());
  return t;
}

TEST(Conv2d, HandValues) {
  const Tensor src = Tensor::from({1, 1, 2, 3}, {1, 2, 3, 4, 5, 6});
  const Tensor weights = Tensor::from({1, 1, 2, 2}, {1, 10, 100, 1000});

  EXPECT_EQ(floats(conv2d(src, weights)), (std::vector<float>{5421, 6532}));
  EXPECT_EQ(floats(conv2d(src, weights, {.flip = true})), (std::vector<float>{1245, 2356}));
  EXPECT_EQ(floats(conv2d(src, weights, {.stride = {1, 2}})), (std::vector<float>{5421}));
  EXPECT_EQ(floats(conv2d(src, weights, {.padding = Padding::sides(0, 1, 0, 0)})),
            (std::vector<float>{5421, 6532, 54, 65}));
  const Tensor bias = Tensor::from({1, 1, 1, 1}, {-1});
  EXPECT_EQ(floats(conv2d(src, weights, {}, &bias)), (std::vector<float>{5420, 6531}));
}

TEST(Conv2d, ChannelsAndGroups) {
  const Tensor src = Tensor::from({1, 2, 1, 2}, {1, 2, 30, 40});
  const Tensor dense = Tensor::from({1, 2, 1, 1}, {1, 2});
  const Tensor depthwise = Tensor::from({2, 1, 1, 1}, {5, 7});

  EXPECT_EQ(floats(conv2d(src, dense)), (std::vector<float>{61, 82}));
  EXPECT_EQ(floats(conv2d(src, depthwise, {.groups = 2})), (std::vector<float>{5, 10, 210, 280}));
  EXPECT_THROW(conv2d(src, depthwise), InvalidArgument);
}

TEST(Run, TensorsGiveTheSameBitsWithAnyThreads) {
  const Problem p = parse_problem("conv2d ci5 y61 x47 co9 k3x3 p1,1,1,1");
  Tensor src(p.spec(Operand::kSrc)), weights(p.spec(Operand::kWeights));
  for (Index i = 0; i < src.spec().volume(); ++i)
    src.data<float>()[i] = 1 / static_cast<float>(i % 97 + 1);
  for (Index i = 0; i < weights.spec().volume(); ++i)
    weights.data<float>()[i] = 1 / static_cast<float>(i % 31 + 3);
  const Tensor expected = conv2d(src, weights, {.padding = Padding::same()});
  std::set<std::string> hashes;
  for (const int threads : {1, 2, 5}) {
    Tensor dst(p.spec(Operand::kDst));
    hashes.insert(run(plan(p, machine(Index{3} << 20, threads)), src, weights, nullptr, dst).hash);
    EXPECT_TRUE(testing::same_bytes(dst, expected));
  }
  EXPECT_EQ(hashes.size(), 1u);
}

TEST(Convolve, FileToFileInEveryFormat) {
  const TestFolder folder;
  std::set<std::string> hashes;
  for (const char* name : {"a.npy", "a.tif", "a.zarr"}) {
    const ConvolveRequest request = smooth(folder / name);
    Convolution c = prepare(request, machine(Index{4} << 20));
    EXPECT_FALSE(folder.holds(name)) << "prepare computes nothing";

    const Trace t = convolve(request, c);

    hashes.insert(t.hash);
    EXPECT_LE(t.peak_bytes, Index{4} << 20) << name;
    // The cache of a chunked file is an allowance that a small picture does not fill.
    const double share =
        static_cast<double>(t.peak_bytes) / static_cast<double>(c.plan.peak_bytes());
    if (!open_store(folder / name)->layout().cached) {
      EXPECT_NEAR(share, 1, 0.05) << name;
    }
    const Tensor result = contents(folder / name);
    EXPECT_EQ(result.shape(), (Shape{1, 3, 90, 130}));
    const Tensor src = contents(kPicture);
    const auto at = [&](Index y, Index x) { return *src.view().at<float>(0, 1, y, x); };
    const float expected = at(4, 6) + 2 * at(4, 7) + at(4, 8) + 2 * at(5, 6) + 4 * at(5, 7) +
                           2 * at(5, 8) + at(6, 6) + 2 * at(6, 7) + at(6, 8);
    EXPECT_EQ(*result.view().at<float>(0, 1, 5, 7), expected) << name;
    EXPECT_TRUE(verify(request, c, machine(), {.samples = 20}).equal()) << name;
  }
  EXPECT_EQ(hashes.size(), 1u);
}

TEST(Convolve, WeightsAndBiasFromFiles) {
  const TestFolder folder;
  const auto save = [&](const char* name, const Tensor& t, int rank) {
    const auto store =
        create_store(folder / name, {.spec = t.spec(), .rank = rank, .metadata = {}});
    store->write(whole(t.shape()), t.view());
    store->commit();
  };
  save("w.npy", Tensor::from({2, 3, 1, 1}, {1, 0, 0, 0, 1, 1}), 4);
  save("b.npy", Tensor::from({1, 1, 1, 2}, {100, 200}), 2);
  ConvolveRequest request = smooth(folder / "out.npy");
  request.kernel = "";
  request.weights = folder / "w.npy";
  request.bias = folder / "b.npy";
  Convolution c = prepare(request, machine());

  convolve(request, c);

  const Tensor src = contents(kPicture), dst = contents(folder / "out.npy");
  EXPECT_EQ(*dst.view().at<float>(0, 0, 3, 4), *src.view().at<float>(0, 0, 3, 4) + 100);
  EXPECT_EQ(*dst.view().at<float>(0, 1, 3, 4),
            *src.view().at<float>(0, 1, 3, 4) + *src.view().at<float>(0, 2, 3, 4) + 200);
  save("b3.npy", Tensor::from({1, 1, 1, 3}, {1, 2, 3}), 2);
  request.bias = folder / "b3.npy";
  request.dst = folder / "never.npy";
  EXPECT_NE(message_of<InvalidArgument>([&] { prepare(request, machine()); }).find("b3.npy"),
            std::string::npos);
}

TEST(Convolve, OutputTypes) {
  const TestFolder folder;
  ConvolveRequest request = smooth(folder / "a.npy");
  request.src = "synth:noise,y=20,x=20,dtype=uint8";
  request.kernel = "box:3";
  for (const auto& [dtype, expected] : {std::pair{"", DType::kF32},
                                        {"same", DType::kU8},
                                        {"int16", DType::kI16},
                                        {"float64", DType::kF64}}) {
    request.dtype = dtype;
    request.overwrite = true;
    Convolution c = prepare(request, machine());
    convolve(request, c);
    EXPECT_EQ(open_store(folder / "a.npy")->spec().dtype, expected) << dtype;
  }
}

TEST(Convolve, FailuresLeaveNothingBehind) {
  const TestFolder folder;
  const ConvolveRequest request = smooth(folder / "a.npy");
  Convolution c = prepare(request, machine());
  std::atomic<bool> cancel{true};

  EXPECT_THROW(convolve(request, c, {.cancel = &cancel}), Interrupted);

  EXPECT_FALSE(folder.holds("a.npy"));
  EXPECT_FALSE(folder.holds("a.npy.partial"));
  cancel = false;
  convolve(request, c, {.cancel = &cancel});
  EXPECT_TRUE(folder.holds("a.npy"));
  EXPECT_NE(message_of<StoreError>([&] { convolve(request, c); }).find("--overwrite"),
            std::string::npos);
}

TEST(Prepare, RefusesWhatDoesNotFitTogether) {
  const TestFolder folder;
  ConvolveRequest request = smooth(folder / "a.npy");
  Convolution c = prepare(request, machine());
  convolve(request, c);
  ConvolveRequest same = smooth(folder / "a.npy");
  same.src = folder / "a.npy";
  EXPECT_NE(message_of<InvalidArgument>([&] { prepare(same, machine()); }).find("is the input"),
            std::string::npos);
  ConvolveRequest both = request;
  both.weights = folder / "a.npy";
  message_of<InvalidArgument>([&] { prepare(both, machine()); });
  ConvolveRequest neither = request;
  neither.kernel = "";
  message_of<InvalidArgument>([&] { prepare(neither, machine()); });
  ConvolveRequest missing = request;
  missing.src = folder / "missing.npy";
  EXPECT_NE(message_of<StoreError>([&] { prepare(missing, machine()); }).find("missing.npy"),
            std::string::npos);
  message_of<BudgetTooSmall>([&] { prepare(request, machine(1000)); });
}

TEST(Prepare, TheSmallestBudgetWorksForEveryFormat) {
  const TestFolder folder;
  for (const char* name : {"a.npy", "a.tif", "a.zarr"}) {
    ConvolveRequest request = smooth(folder / name);
    request.src = "synth:noise,y=3000,x=5000,dtype=uint8";
    Index smallest = 0;
    try {
      prepare(request, machine(1));
    } catch (const BudgetTooSmall& e) {
      smallest = e.smallest_bytes;
    }

    const Convolution c = prepare(request, machine(smallest));

    EXPECT_LE(c.plan.peak_bytes(), smallest) << name;
    EXPECT_EQ(c.plan.smallest_budget_bytes, smallest) << name;
    EXPECT_THROW(prepare(request, machine(smallest - 1)), BudgetTooSmall) << name;
  }
}

TEST(Prepare, PiecesEndWhereChunksOfTheOutputEnd) {
  const TestFolder folder;
  ConvolveRequest request = smooth(folder / "a.zarr");
  request.src = "synth:noise,y=4000,x=4000,dtype=uint8";
  for (const Index budget : {Index{3} << 20, Index{16} << 20}) {
    const Convolution c = prepare(request, machine(budget));

    const Shape block = c.output.block;
    EXPECT_GT(c.plan.counts().pieces, 1);
    EXPECT_EQ(c.plan.cuts[Axis::kY].alignment() % block[2], 0) << c.plan.explain();
    EXPECT_EQ(c.plan.cuts[Axis::kX].alignment() % block[3], 0) << c.plan.explain();
  }
}

TEST(Prepare, ASavedPlanIsTakenAsItIs) {
  const TestFolder folder;
  ConvolveRequest request = smooth(folder / "a.npy");
  request.planning.force = "tile=17x23";
  const Plan first = prepare(request, machine()).plan;
  ConvolveRequest again = smooth(folder / "a.npy");
  again.saved_plan = first.to_json();

  const Plan second = prepare(again, machine(1 << 20, 1)).plan;

  EXPECT_EQ(second.cuts, first.cuts);
  EXPECT_EQ(second.budget_bytes, first.budget_bytes);
  EXPECT_EQ(second.threads, first.threads);
  again.kernel = "box:5";
  EXPECT_NE(message_of<InvalidArgument>([&] { prepare(again, machine()); }).find("k5x5"),
            std::string::npos);
}

TEST(CopyStore, CopiesEveryValueWithinItsBudget) {
  const TestFolder folder;
  for (const char* name : {"a.npy", "a.tif"}) {
    const auto src = open_store("synth:noise,c=2,y=300,x=500,dtype=uint16");

    const Trace t = copy_store(*src, folder / name, 3, false, machine(1 << 16));

    EXPECT_LE(t.peak_bytes, 1 << 14);
    EXPECT_EQ(t.bytes_written, 2 * 300 * 500 * 2);
    EXPECT_TRUE(testing::same_bytes(contents(folder / name),
                                    contents("synth:noise,c=2,y=300,x=500,dtype=uint16")));
  }
}

// Narrow columns would be written as very many short runs.
TEST(Convolve, PlansLongRunsForFiles) {
  PlanOptions options;
  options.src.file = options.dst.file = true;
  const Plan p = plan(parse_problem("conv2d ci1 y16384 x16384 co1 k3x3 p1,1,1,1"),
                      local_machine().limited_to({Index{32} << 20, 2}), options);
  EXPECT_GE(p.cuts[Axis::kX].block(), 4096);
}

}  // namespace
}  // namespace tilewright
