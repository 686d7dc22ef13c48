// The generated network against independent marking: every output once, every product once, every
// window as a naive formula says.
#include "tilewright/graph/tile_graph.h"

#include <gtest/gtest.h>

#include <chrono>

#include "tilewright/plan/test_problems.h"

namespace tilewright {
namespace {

using testing::Draw;

// Counts visits of every index of a four-dimensional box.
class Marks {
 public:
  explicit Marks(const Shape& shape)
      : shape_(shape), counts_(static_cast<std::size_t>(volume(shape))) {}

  void add(const Region& r) {
    for (Index n = r[0].begin; n < r[0].end; ++n)
      for (Index c = r[1].begin; c < r[1].end; ++c)
        for (Index y = r[2].begin; y < r[2].end; ++y)
          for (Index x = r[3].begin; x < r[3].end; ++x)
            ++counts_.at(
                static_cast<std::size_t>(((n * shape_[1] + c) * shape_[2] + y) * shape_[3] + x));
  }

  bool all_once() const {
    return std::all_of(counts_.begin(), counts_.end(), [](int n) { return n == 1; });
  }

 private:
  Shape shape_;
  std::vector<int> counts_;
};

// First and last input of an output interval, tap by tap.
Interval naive_window(const Window& w, const Interval& out, const Interval& taps) {
  Interval r{INT64_MAX, INT64_MIN};
  for (Index o = out.begin; o < out.end; ++o)
    for (Index k = taps.begin; k < taps.end; ++k) {
      const Index i = o * w.stride + k * w.dilation - w.pad_begin;
      r = {std::min(r.begin, i), std::max(r.end, i + 1)};
    }
  return r;
}

void expect_window(const Plan& plan, const Piece& piece, const Step& s) {
  const Layer& layer = *plan.problem.layer;
  const Extents e = plan.problem.extents();
  EXPECT_EQ(s.window[kN], piece.block[Axis::kN]);
  EXPECT_EQ(s.window[kY], naive_window(layer.window(kY), piece.dst[kY], s.weights[2]));
  EXPECT_EQ(s.window[kX], naive_window(layer.window(kX), piece.dst[kX], s.weights[3]));
  const Interval g = piece.block[Axis::kG];
  const Index ci = e[Axis::kCi];
  const Interval channels =
      g.size() > 1 ? Interval{g.begin * ci, g.end * ci} : s.weights[1].shifted(g.begin * ci);
  EXPECT_EQ(s.window[kC], channels);
}

TEST(TileGraph, EveryOutputAndEveryProductOnce) {
  Draw d(3);
  for (int i = 0; i < 150; ++i) {
    const Plan plan = testing::random_plan(d, 14);
    const TileGraph graph(plan);
    SCOPED_TRACE(plan.problem.line() + "\n" + plan.explain());
    const Extents e = plan.problem.extents();
    Marks outputs(plan.problem.spec(Operand::kDst).shape);
    for (Index id = 0; id < graph.piece_count(); ++id) {
      const Piece piece = graph.piece(id);
      ASSERT_EQ(piece.id, id);
      outputs.add(piece.dst);
      Marks products({1, e[Axis::kCi], e[Axis::kKy], e[Axis::kKx]});
      for (Index j = 0; j < graph.steps(piece); ++j) {
        const Step s = graph.step(piece, j);
        products.add({{Interval{0, 1}, s.weights[1], s.weights[2], s.weights[3]}});
        EXPECT_EQ(s.weights[0], piece.dst[kC]);
        EXPECT_EQ(s.first, j == 0);
        EXPECT_EQ(s.last, j + 1 == graph.steps(piece));
        EXPECT_EQ(graph.weights_region(s.weights_block), s.weights);
        expect_window(plan, piece, s);
      }
      ASSERT_TRUE(products.all_once());
    }
    ASSERT_TRUE(outputs.all_once());
    graph.verify();
  }
}

TEST(TileGraph, WeightsBlocksCoverTheWeightsOnce) {
  Draw d(4);
  for (int i = 0; i < 100; ++i) {
    const Plan plan = testing::random_plan(d, 6);
    const TileGraph graph(plan);
    Marks marks(plan.problem.spec(Operand::kWeights).shape);

    for (Index b = 0; b < graph.weights_blocks(); ++b) marks.add(graph.weights_region(b));

    EXPECT_TRUE(marks.all_once()) << plan.explain();
  }
}

TEST(TileGraph, OrderOfPieces) {
  PlanOptions options;
  const Problem p = parse_problem("conv2d ci2 y4 x6 co4");
  const auto first_two = [&](const std::string& force) {
    options.force = "y=2,x=3,co=2," + force;
    const TileGraph g(plan(p, testing::test_machine(1 << 24), options));
    return to_string(g.piece(0).dst) + " | " + to_string(g.piece(1).dst);
  };
  EXPECT_EQ(first_two("nest=co"), "n0:1 c0:2 y0:2 x0:3 | n0:1 c2:4 y0:2 x0:3");
  EXPECT_EQ(first_two("nest=space,order=columns"), "n0:1 c0:2 y0:2 x0:3 | n0:1 c0:2 y2:4 x0:3");
  EXPECT_EQ(first_two("nest=space,order=rows"), "n0:1 c0:2 y0:2 x0:3 | n0:1 c0:2 y0:2 x3:6");
}

TEST(TileGraph, ThousandMillionPiecesCostNothing) {
  PlanOptions options;
  options.force = "tile=1x1,weights=streamed";
  const Plan p = plan(parse_problem("conv2d ci1 y50000 x20000 co1 k3x3 p1,1,1,1"),
                      testing::test_machine(1 << 24), options);
  const auto start = std::chrono::steady_clock::now();

  const TileGraph graph(p);
  const Piece piece = graph.piece(123456789);

  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  EXPECT_EQ(graph.piece_count(), 1000000000);
  EXPECT_LT(took.count(), 0.05);
  // Column by column: 123456789 = 2469 * 50000 + 6789.
  EXPECT_EQ(piece.dst[kX], (Interval{2469, 2470}));
  EXPECT_EQ(piece.dst[kY], (Interval{6789, 6790}));
}

TEST(TileGraph, RefusesAPlanForOtherSizes) {
  Draw d(1);
  Plan plan = testing::random_plan(d, 10);
  plan.cuts[Axis::kY] = Cover(plan.cuts[Axis::kY].extent() + 1, 1);
  EXPECT_THROW(TileGraph{plan}, InternalError);
}

TEST(TileGraph, VerifyFindsOutputsThatNobodyOwns) {
  Draw d(1);
  Plan plan = testing::random_plan(d, 10);
  TileGraph(plan).verify();
  plan.cuts[Axis::kCi] = Cover();
  EXPECT_THROW(TileGraph{plan}.verify(), InternalError);
}

}  // namespace
}  // namespace tilewright
