// Networks: gradients pass through all layers, and the kit names the layer at fault.
#include <gtest/gtest.h>

#include "tiled_conv.h"

namespace tilewright::testkit {
namespace {

const Conv2dOptions kOptions{.padding = Padding::sides(1, 1, 1, 1)};

// Three convolutions, of which `wrong` has the bug.
Chain network(std::size_t wrong, Bug bug) {
  std::vector<Link> links;
  for (const char* name : {"first", "second", "third"})
    links.push_back(
        {name, std::make_shared<TiledConv>(kOptions, links.size() == wrong ? bug : Bug::kNone)});
  return Chain("three convolutions", links);
}

const Case kCase{.name = "small",
                 .shapes = {{2, 1, 5, 6},
                            {2, 1, 3, 3},
                            {1, 2, 1, 1},
                            {2, 2, 3, 3},
                            {1, 2, 1, 1},
                            {1, 2, 3, 3},
                            {1, 1, 1, 1}}};

TEST(Chain, OfRightLayersPassesEveryCheck) {
  const Report report = check_layer(network(0, Bug::kNone), {kCase});

  EXPECT_TRUE(report.ok()) << report.text();
  EXPECT_EQ(network(0, Bug::kNone).inputs(),
            (std::vector<std::string>{"src", "first.weights", "first.bias", "second.weights",
                                      "second.bias", "third.weights", "third.bias"}));
}

TEST(Chain, OfTheLibrarysLayersPassesEveryCheck) {
  const Chain chain("down and up", {{"down", conv2d_subject({.stride = {2, 2}})},
                                    {"up", conv2d_transpose_subject({.stride = {2, 2}}, 7, 7)}});
  const Case c{.name = "7x7", .shapes = {{1, 2, 7, 7}, {3, 2, 3, 3}, {3, 2, 3, 3}}};

  const Report report = check_layer(chain, {c});

  EXPECT_TRUE(report.ok()) << report.text();
}

TEST(Chain, NamesTheLayerAtFault) {
  const char* names[] = {"first", "second", "third"};
  for (std::size_t wrong = 0; wrong < 3; ++wrong)
    for (const Bug bug : {Bug::kOverwritten, Bug::kHaloTwice, Bug::kItemZero, Bug::kNotReset}) {
      const Report report = check_layer(network(wrong, bug), {kCase});

      EXPECT_FALSE(report.ok());
      for (const Finding& f : report.findings)
        if (f.failed()) {
          EXPECT_EQ(f.guilty.substr(0, f.guilty.find(' ')), names[wrong]) << f.check;
        }
    }
}

TEST(Chain, NamesALayerInsideANetworkOfNetworks) {
  const auto inner = std::make_shared<Chain>(
      "inner", std::vector<Link>{{"good", std::make_shared<TiledConv>(kOptions, Bug::kNone)},
                                 {"bad", std::make_shared<TiledConv>(kOptions, Bug::kNoFlip)}});
  const Chain outer("outer", {{"before", conv2d_subject(kOptions)}, {"inside", inner}});
  const Case c{
      .name = "small",
      .shapes = {
          {1, 1, 4, 4}, {1, 1, 3, 3}, {1, 1, 3, 3}, {1, 1, 1, 1}, {1, 1, 3, 3}, {1, 1, 1, 1}}};

  const Report report = check_layer(outer, {c});

  ASSERT_FALSE(report.ok());
  for (const Finding& f : report.findings)
    if (f.failed()) {
      EXPECT_EQ(f.guilty.substr(0, f.guilty.find(' ')), "inside.bad") << f.check;
    }
}

TEST(Chain, DoesNoWorkForFrozenLayers) {
  const Chain chain = network(0, Bug::kNone);
  const Tensors inputs = make_inputs(kCase, DType::kF32);
  const Tensor gradient = make_values(chain.forward(inputs).shape(), DType::kF32, 1);

  chain.backward(inputs, gradient, {false, false, false, false, false, true, true});

  EXPECT_EQ(chain.gradient_work(), (std::vector<double>{0, 0, 0, 0, 0, 1, 1}));
}

TEST(Chain, WithoutLayersIsRefused) { EXPECT_THROW(Chain("empty", {}), InvalidArgument); }

}  // namespace
}  // namespace tilewright::testkit
