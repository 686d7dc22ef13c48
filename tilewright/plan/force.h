// The text form of cuts: what a user forces, and what a saved plan holds.
#pragma once

#include "tilewright/plan/plan.h"

namespace tilewright {

/// What a force text asks for; whatever it leaves out is the planner's choice.
struct Force {
  PerAxis<bool> given{};
  Cuts cuts;
  bool order_given = false;
  PieceOrder order = PieceOrder::kColumnsThenRows;
  bool nest_given = false;
  bool co_innermost = true;
  int in_flight = 0;  // 0: free
  bool weights_given = false;
  bool keep_weights = true;

  bool any() const;
};

/// Reads "key=value,…". Keys: tile=YxX, n, g, co, ci, y, x, ky, kx (block size, or uneven parts
/// "100+28+72"), order=columns|rows (which axis of the pieces is the outer one), nest=co|space
/// (which is innermost), flight=1|2, weights=kept|streamed. `co` counts channels over all groups:
/// with several groups it is a multiple of the channels of a group (then it cuts groups) or less
/// (then it cuts inside each group). Throws InvalidArgument that names the item.
Force parse_force(const std::string& text, const Problem& problem);

/// The text that forces exactly this plan.
std::string force_text(const Plan& plan);

}  // namespace tilewright
