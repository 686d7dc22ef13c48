// The network as text, JSON and DOT.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tilewright/graph/tile_graph.h"
#include "tilewright/plan/test_problems.h"

namespace tilewright {
namespace {

TileGraph sample() {
  PlanOptions options;
  options.force = "tile=4x6,co=2,ci=3,nest=co";
  return TileGraph(plan(parse_problem("conv2d ci6 y8 x6 co4 k3x3 p1,1,1,1"),
                        testing::test_machine(1 << 24), options));
}

std::string dumped(GraphFormat format, Index limit) {
  std::string text;
  dump_graph(sample(), format, limit, [&](const std::string& part) { text += part; });
  return text;
}

Index count(const std::string& text, const std::string& word) {
  Index n = 0;
  for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++n;
  return n;
}

TEST(DumpGraph, Text) {
  EXPECT_EQ(dumped(GraphFormat::kText, 1),
            "conv2d n1 ci6 y8 x6 co4 k3x3 s1x1 d1x1 p1,1,1,1 g1 f32\n"
            "2 tiles, 4 channel blocks, 8 elemental convolutions (4 pieces x 2 steps)\n"
            "piece 0: reassemble dst n0:1 c0:2 y0:4 x0:6\n"
            "  select src n0:1 c0:3 y-1:5 x-1:7 -> process weights co0:2 ci0:3 ky0:3 kx0:3\n"
            "  select src n0:1 c3:6 y-1:5 x-1:7 -> process weights co0:2 ci3:6 ky0:3 kx0:3 -> "
            "accumulate\n"
            "... 3 more pieces (--limit 0 for all)\n");
}

TEST(DumpGraph, JsonHoldsAllPieces) {
  const auto j = nlohmann::json::parse(dumped(GraphFormat::kJson, 0));

  EXPECT_EQ(j["counts"]["elemental_convolutions"], 8);
  EXPECT_EQ(j["pieces_left_out"], 0);
  ASSERT_EQ(j["pieces"].size(), 4u);
  EXPECT_EQ(j["pieces"][1]["id"], 1);
  EXPECT_EQ(j["pieces"][1]["dst"].dump(), "[[0,1],[2,4],[0,4],[0,6]]");
  ASSERT_EQ(j["pieces"][1]["steps"].size(), 2u);
  EXPECT_EQ(j["pieces"][1]["steps"][1]["window"].dump(), "[[0,1],[3,6],[-1,5],[-1,7]]");
  EXPECT_EQ(j["pieces"][1]["steps"][1]["weights"].dump(), "[[2,4],[3,6],[0,3],[0,3]]");
}

TEST(DumpGraph, JsonIsCutAtTheLimit) {
  const auto j = nlohmann::json::parse(dumped(GraphFormat::kJson, 3));

  EXPECT_EQ(j["pieces"].size(), 3u);
  EXPECT_EQ(j["pieces_left_out"], 1);
}

TEST(DumpGraph, DotHasANodeForEveryPart) {
  const std::string dot = dumped(GraphFormat::kDot, 0);

  EXPECT_EQ(dot.rfind("digraph tiles {", 0), 0u);
  EXPECT_EQ(dot.substr(dot.size() - 2), "}\n");
  EXPECT_EQ(count(dot, "[label=\"select"), 8);
  EXPECT_EQ(count(dot, "[label=\"process"), 8);
  EXPECT_EQ(count(dot, "[label=\"reassemble"), 4);
  EXPECT_EQ(count(dot, "[label=\"accumulate\"]"), 4);
  EXPECT_EQ(count(dot, "{"), count(dot, "}"));
  EXPECT_EQ(count(dumped(GraphFormat::kDot, 1), "3 more pieces"), 1);
}

}  // namespace
}  // namespace tilewright
