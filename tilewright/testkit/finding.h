// A Finding: what one check says about one case.
#pragma once

#include <functional>

#include "tilewright/testkit/subject.h"

namespace tilewright::testkit {

/// Text for the place of an element, by its row-major index.
using PlaceOf = std::function<std::string(Index)>;

enum class Outcome { kPassed, kSkipped, kFailed };
const char* outcome_name(Outcome outcome);

struct Timing {
  std::string what;
  double seconds = 0;
};

struct Finding {
  std::string subject, check, case_name;
  Outcome outcome = Outcome::kPassed;
  /// The largest difference found, relative to the largest value of its tensor, and its place.
  double worst = 0;
  std::string where;   // "gradient of weights, n0 c1 y2 x0: 1.5, expected 1.25"
  std::string detail;  // what went wrong, or why the check was left out
  std::string line;    // reproduces the computation that failed
  std::string guilty;  // the layer of a network that is at fault
  double seconds = 0;
  std::vector<Timing> timings;
  Tensor found, expected;  // what differs most

  bool failed() const { return outcome == Outcome::kFailed; }
  void fail(const std::string& why, const std::string& reproduces = "");
  /// Leaves the check out, unless it has failed already.
  void skip(const std::string& why);
  /// Fails unless both tensors have the same type and shape and differ by at most `bound` times the
  /// largest expected value; a bound of 0 means the same bits, any NaN equalling any NaN.
  /// `place_of` says where an element is; by default n, c, y, x.
  void compare(const std::string& what, const Tensor& is, const Tensor& should, double bound,
               const std::string& reproduces, const PlaceOf& place_of = {});
};

/// "n0 c1 y2 x0" for the element `flat` of a dense tensor of `shape`.
std::string place(const Shape& shape, Index flat);

}  // namespace tilewright::testkit
