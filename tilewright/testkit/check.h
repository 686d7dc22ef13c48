// The checks of the test kit, one file each in checks/, as a visible table.
#pragma once

#include "tilewright/testkit/finding.h"
#include "tilewright/testkit/report.h"

namespace tilewright::testkit {

struct Check {
  const char* name;
  const char* question;
  /// Fails or skips the finding, or leaves it passed. What it throws counts as a failure.
  void (*run)(const Subject&, const Case&, Finding&);
};

/// All checks, the quickest to understand first.
const std::vector<Check>& check_table();

/// The check called `name`. Throws InvalidArgument.
const Check& check_named(const std::string& name);

/// Runs `checks` on every case. Throws InvalidArgument before any check runs if a case does not fit
/// the subject: a shape that is missing, too many or without extent. If a network fails, the
/// finding names the layer at fault: the first that fails the same check by itself with the tensors
/// that reach it, or else any other check.
Report check_layer(const Subject& subject, const std::vector<Case>& cases,
                   const std::vector<Check>& checks = check_table());

/// One check on one case. Throws as check_layer does.
Finding run_check(const Check& check, const Subject& subject, const Case& c);

}  // namespace tilewright::testkit
