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

/// How compare() weighs and names elements, where not by default.
struct Comparison {
  /// What a difference is relative to, for each element; empty: the largest expected value.
  std::vector<double> scales{};
  PlaceOf place_of{};
  /// Of tensors that are matrices rather than images: what a row and what a column is.
  std::string rows{}, columns{};
};

struct Finding {
  std::string subject, check, case_name;
  Outcome outcome = Outcome::kPassed;
  /// The largest difference found, relative to its scale, and its place.
  double worst = 0;
  std::string where;    // "gradient of weights, n0 c1 y2 x0: 1.5, expected 1.25"
  std::string detail;   // what went wrong, or why the check was left out
  std::string call;     // C++ that repeats this check on this case, `subject` being the layer
  std::string command;  // a shell command that repeats the comparison that failed, if one can
  std::string guilty;   // the layer of a network that is at fault
  double seconds = 0;
  std::vector<Timing> timings;
  Tensor found, expected;     // what differs most
  std::string rows, columns;  // of these, if they are matrices

  bool failed() const { return outcome == Outcome::kFailed; }
  void fail(const std::string& why);
  /// Leaves the check out, unless it has failed already.
  void skip(const std::string& why);
  /// Fails unless both tensors have the same type and shape and differ by at most `bound` times
  /// their scale; a bound of 0 means the same bits, any NaN equalling any NaN.
  void compare(const std::string& what, const Tensor& is, const Tensor& should, double bound,
               const Comparison& how = {});
  /// The same of two numbers, without a place or a picture.
  void compare(const std::string& what, double is, double should, double bound, double scale);
  /// Fails if an element is NaN or infinite.
  void expect_finite(const std::string& what, const Tensor& t, const PlaceOf& place_of = {});
};

/// "n0 c1 y2 x0" for the element `flat` of a dense tensor of `shape`.
std::string place(const Shape& shape, Index flat);

}  // namespace tilewright::testkit
