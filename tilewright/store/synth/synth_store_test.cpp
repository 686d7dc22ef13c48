#include "tilewright/store/conformance.h"

namespace tilewright {
namespace {

Tensor read_all(Store& store) {
  Tensor t(store.spec());
  store.read(whole(t.shape()), t.view());
  return t;
}

class EveryPattern : public ::testing::TestWithParam<const char*> {};

TEST_P(EveryPattern, gives_windows_of_the_whole) {
  for (const DType dtype : kDTypes) {
    const auto store = open_store(std::string("synth:") + GetParam() +
                                  ",n=2,c=2,y=30,x=9000,seed=3,dtype=" + to_string(dtype));
    const Tensor truth = read_all(*store);

    testing::expect_random_regions(*store, truth, 12, 2);
  }
}

INSTANTIATE_TEST_SUITE_P(SynthStore, EveryPattern,
                         ::testing::Values("noise", "ints", "gradient", "checker", "zone",
                                           "impulse"));

TEST(SynthStore, noise_is_uniform_and_depends_on_the_seed) {
  const Tensor a = read_all(*open_store("synth:noise,y=256,x=4100,seed=1"));
  const Tensor b = read_all(*open_store("synth:noise,y=256,x=4100,seed=2"));
  std::array<Index, 16> bins{};
  double product = 0;
  const Index count = a.spec().volume();

  for (Index i = 0; i < count; ++i) {
    ++bins[static_cast<std::size_t>(a.data<float>()[i] * 16)];
    product += (a.data<float>()[i] - 0.5) * (a.data<float>()[(i + 1) % count] - 0.5);
  }

  EXPECT_FALSE(testing::same_bytes(a, b));
  for (const Index bin : bins)
    EXPECT_NEAR(static_cast<double>(bin) * 16 / static_cast<double>(count), 1, 0.02);
  EXPECT_NEAR(product / static_cast<double>(count) * 12, 0, 0.01);  // neighbours do not correlate
}

TEST(SynthStore, ints_cover_minus_4_to_4) {
  const Tensor t = read_all(*open_store("synth:ints,y=100,x=100"));
  std::array<int, 9> seen{};

  for (Index i = 0; i < 10000; ++i) ++seen.at(static_cast<std::size_t>(t.data<float>()[i] + 4));

  for (const int n : seen) EXPECT_NEAR(n, 10000 / 9, 150);
}

TEST(SynthStore, values_by_hand) {
  const Tensor gradient = read_all(*open_store("synth:gradient,y=2,x=3,dtype=u8"));
  const Tensor checker = read_all(*open_store("synth:checker,y=2,x=4,size=1"));
  const Tensor impulse = read_all(*open_store("synth:impulse,y=3,x=3"));

  EXPECT_EQ(std::vector<int>(gradient.data<std::uint8_t>(), gradient.data<std::uint8_t>() + 6),
            (std::vector<int>{0, 1, 2, 1, 2, 3}));
  EXPECT_TRUE(testing::same_bytes(checker, Tensor::from({1, 1, 2, 4}, {0, 1, 0, 1, 1, 0, 1, 0})));
  EXPECT_TRUE(
      testing::same_bytes(impulse, Tensor::from({1, 1, 3, 3}, {0, 0, 0, 0, 1, 0, 0, 0, 0})));
}

TEST(SynthStore, reads_a_window_far_beyond_32_bits) {
  const auto store = open_store("synth:noise,y=3000000000,x=3000000000,dtype=uint8");
  Tensor t(DType::kF32, {1, 1, 4, 5});

  store->read({{{{0, 1}, {0, 1}, {2999999996, 3000000000}, {2999999995, 3000000000}}}}, t.view());

  EXPECT_EQ(store->rank(), 2);
}

TEST(SynthStore, names_what_is_wrong_with_a_spec) {
  for (const char* spec :
       {"synth:", "synth:fog,y=1,x=1", "synth:noise", "synth:noise,y=0,x=4", "synth:noise,y=4,x",
        "synth:noise,y=4,x=4,k=3", "synth:noise,y=-1,x=4", "synth:noise,y=4,x=4,dtype=f16",
        "synth:checker,y=4,x=4,size=0", "synth:noise,y=9000000000000,x=9000000000000"})
    EXPECT_EQ(testing::message_of<InvalidArgument>([&] { open_store(spec); }).find(spec), 0u);
}

}  // namespace
}  // namespace tilewright
