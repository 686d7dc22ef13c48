// A Report: the findings about one or more layers, as text, as JSON, and as one HTML page.
#pragma once

#include "tilewright/testkit/finding.h"

namespace tilewright::testkit {

struct Report {
  std::vector<Finding> findings;

  bool ok() const;
  Index count(Outcome outcome) const;
  Report& operator+=(const Report& other);
  /// A line that counts, then each failure with the call that repeats it.
  std::string text() const;
  std::string json() const;
  /// One page without outside parts: a table of checks and cases, failures first with pictures of
  /// what was found, what was expected and the difference.
  std::string html() const;
  /// Throw StoreError if the file cannot be written.
  void write_json(const std::string& path) const;
  void write_html(const std::string& path) const;
  /// A page and a JSON for each layer, <folder>/<name of the layer>.html and .json, in a folder
  /// that is made if there is none; what a file name should not hold becomes _. Returns the paths.
  std::vector<std::string> write(const std::string& folder) const;
};

}  // namespace tilewright::testkit
