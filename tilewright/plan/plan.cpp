// Small parts of Plan: counts, loop order, names.
#include "tilewright/plan/plan.h"

#include <fmt/format.h>

namespace tilewright {
namespace {

constexpr std::array<const char*, 3> kExactness{"bits", "stable", "bound"};

}  // namespace

const char* to_string(Exactness e) { return kExactness[static_cast<std::size_t>(e)]; }

Exactness parse_exactness(std::string_view name) {
  for (std::size_t i = 0; i < kExactness.size(); ++i)
    if (name == kExactness[i]) return static_cast<Exactness>(i);
  throw InvalidArgument(
      fmt::format("exactness '{}' is not known; choose bits, stable or bound", name));
}

Index MemoryUse::total() const {
  return checked_add(checked_add(checked_add(src_tiles, dst_tiles), checked_add(weights, bias)),
                     checked_add(workspace, stores));
}

AxisList step_axes(const Layer& layer) {
  AxisList list;
  for (const Axis a : {Axis::kN, Axis::kCi, Axis::kY, Axis::kX, Axis::kKy, Axis::kKx})
    if (layer.role(a) == Role::kReduce) list.add(a);
  return list;
}

Counts Plan::counts() const {
  const auto n = [&](Axis a) { return cuts[a].count(); };
  Counts c;
  c.tiles = checked_mul(n(Axis::kN), n(Axis::kY), n(Axis::kX));
  c.channel_blocks = checked_mul(n(Axis::kG), n(Axis::kCo), n(Axis::kCi));
  c.tap_blocks = checked_mul(n(Axis::kKy), n(Axis::kKx));
  for (const Axis a : kAxes) {
    Index& product = problem.layer->role(a) == Role::kReduce ? c.steps_per_piece : c.pieces;
    product = checked_mul(product, n(a));
  }
  c.elemental_convolutions = checked_mul(c.pieces, c.steps_per_piece);
  return c;
}

AxisList Plan::loop_order() const {
  const bool columns = order == PieceOrder::kColumnsThenRows;
  const Axis outer = columns ? Axis::kX : Axis::kY;
  const Axis inner = columns ? Axis::kY : Axis::kX;
  AxisList list;
  const auto add = [&](Axis a) {
    if (problem.layer->role(a) != Role::kReduce) list.add(a);
  };
  for (const Axis a : {Axis::kN, Axis::kG}) add(a);
  if (!co_innermost) add(Axis::kCo);
  for (const Axis a : {outer, inner}) add(a);
  if (co_innermost) add(Axis::kCo);
  for (const Axis a : {Axis::kCi, Axis::kKy, Axis::kKx}) add(a);
  return list;
}

}  // namespace tilewright
