// What the tests of planner, graph and executor share: a machine made of plain numbers, and random
// problems and cuts that keep to what is legal.
#pragma once

#include <random>

#include "tilewright/plan/plan.h"

namespace tilewright::testing {

/// Two kernels with the names and orders of the real ones, and one of free order.
inline Machine test_machine(Index host_bytes, int threads = 2) {
  Machine m;
  m.host_bytes = host_bytes;
  m.threads = threads;
  const std::vector<DType> floats{DType::kF32, DType::kF64};
  const auto kernel = [](const char* device, KernelTraits traits, double flop_per_cycle) {
    traits.per_cycle = {flop_per_cycle, 8, 0.05};
    return KernelInfo{traits, device, {flop_per_cycle * 2.5e9, 20e9, 125e6}};
  };
  m.kernels = {
      kernel("cpu", {"conv2d/direct", "conv2d", Order::kCanonical, floats, 256 << 10}, 24),
      kernel("cpu", {"conv2d/library", "conv2d", Order::kFree, {DType::kF32}, 1 << 20}, 36),
      kernel("cpu",
             {"conv2d_weights/direct", "conv2d_weights", Order::kCanonical, floats, 160 << 10}, 24),
      kernel("reference", {"conv2d/definition", "conv2d", Order::kCanonical, floats, 0}, 0.4)};
  return m;
}

/// The seeds' case: 4 GiB in, 4 GiB out.
inline const char* const kSeedsCase =
    "conv2d n1 ci1024 y1024 x1024 co1024 k3x3 s1x1 d1x1 p1,1,1,1 g1 f32";

class Draw {
 public:
  explicit Draw(std::uint64_t seed) : random_(seed) {}
  Index in(Index low, Index high) {
    return low + static_cast<Index>(random_() % static_cast<std::uint64_t>(high - low + 1));
  }
  bool chance(int percent) { return in(1, 100) <= percent; }
  std::string number(Index low, Index high) { return std::to_string(in(low, high)); }

 private:
  std::mt19937_64 random_;
};

/// A problem line with images of up to `side` pixels a side.
inline std::string random_line(Draw& d, Index side, const std::string& mode = "zero") {
  const Index g = d.chance(60) ? 1 : d.in(2, 4);
  const Index ky = d.in(1, 5), kx = d.in(1, 5), sy = d.in(1, 3), sx = d.in(1, 3);
  const Index dy = d.in(1, 2), dx = d.in(1, 2);
  std::string line = "conv2d n" + d.number(1, 3) + " ci" + std::to_string(g * d.in(1, 6)) + " y" +
                     d.number(1, side) + " x" + d.number(1, side) + " co" +
                     std::to_string(g * d.in(1, 6));
  const auto pair = [](const char* key, Index y, Index x) {
    return std::string(" ") + key + std::to_string(y) + "x" + std::to_string(x);
  };
  line += pair("k", ky, kx) + pair("s", sy, sx) + pair("d", dy, dx);
  // Enough padding for an image of one pixel.
  const Index py = dy * (ky - 1), px = dx * (kx - 1);
  line += " p" + std::to_string(py) + "," + d.number(0, py) + "," + std::to_string(px) + "," +
          d.number(0, px) + " g" + std::to_string(g) + (d.chance(80) ? " f32" : " f64");
  if (mode != "zero") line += " m:" + mode;
  if (d.chance(20)) line += " flip";
  if (d.chance(30)) line += " bias";
  return line;
}

/// "3", or uneven parts that sum to `extent`.
inline std::string random_parts(Draw& d, Index extent) {
  if (extent == 1 || d.chance(60)) return d.number(1, extent);
  std::string text;
  for (Index left = extent; left > 0;) {
    const Index part = d.in(1, left);
    if (!text.empty()) text += '+';
    text += std::to_string(part);
    left -= part;
  }
  return text;
}

/// A force text that cuts some axes of `p`; of its taps only with `taps`.
inline std::string random_force(Draw& d, const Problem& p, bool taps) {
  const Extents e = p.extents();
  const bool inside_group = d.chance(50);
  std::string force = "g=" + (inside_group ? "1" : random_parts(d, e[Axis::kG]));
  if (inside_group && e[Axis::kCo] > 1) force += ",co=" + d.number(1, e[Axis::kCo] - 1);
  if (inside_group) force += ",ci=" + random_parts(d, e[Axis::kCi]);
  for (const Axis a : {Axis::kN, Axis::kY, Axis::kX})
    if (d.chance(75)) force += std::string(",") + to_string(a) + "=" + random_parts(d, e[a]);
  for (const Axis a : {Axis::kKy, Axis::kKx})
    if (taps && d.chance(40))
      force += std::string(",") + to_string(a) + "=" + random_parts(d, e[a]);
  force += d.chance(50) ? ",order=columns" : ",order=rows";
  force += d.chance(50) ? ",nest=co" : ",nest=space";
  force += d.chance(50) ? ",flight=1" : ",flight=2";
  return force + (d.chance(50) ? ",weights=kept" : ",weights=streamed");
}

/// A forced plan of a random problem.
inline Plan random_plan(Draw& d, Index side, const std::string& mode = "zero") {
  const Problem p = parse_problem(random_line(d, side, mode));
  PlanOptions options;
  options.least = Exactness::kBound;
  options.kernel = "direct";
  options.force = random_force(d, p, d.chance(40));
  return plan(p, test_machine(Index{1} << 30, static_cast<int>(d.in(1, 3))), options);
}

}  // namespace tilewright::testing
