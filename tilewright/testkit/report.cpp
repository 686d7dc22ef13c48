// Text and JSON of a report, and its files.
#include "tilewright/testkit/report.h"

#include <fmt/format.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

namespace tilewright::testkit {
namespace {

constexpr int kFormat = 1;

void write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file) throw StoreError(path + ": the report cannot be written; check the folder");
}

// JSON has no infinity; a difference that is not finite is null.
nlohmann::json number(double value) {
  return std::isfinite(value) ? nlohmann::json(value) : nlohmann::json(nullptr);
}

}  // namespace

bool Report::ok() const { return count(Outcome::kFailed) == 0; }

Index Report::count(Outcome outcome) const {
  return std::count_if(findings.begin(), findings.end(),
                       [&](const Finding& f) { return f.outcome == outcome; });
}

Report& Report::operator+=(const Report& other) {
  findings.insert(findings.end(), other.findings.begin(), other.findings.end());
  return *this;
}

std::string Report::text() const {
  std::string text = fmt::format("{} passed, {} failed, {} skipped\n", count(Outcome::kPassed),
                                 count(Outcome::kFailed), count(Outcome::kSkipped));
  for (const Finding& f : findings) {
    if (!f.failed()) continue;
    text +=
        fmt::format("FAILED {}: {}, case {}\n  {}\n", f.check, f.subject, f.case_name, f.detail);
    if (!f.guilty.empty()) text += fmt::format("  layer at fault: {}\n", f.guilty);
    if (!f.where.empty()) text += fmt::format("  worst: {}\n", f.where);
    text += fmt::format("  reproduce: {}\n", f.line);
  }
  return text;
}

std::string Report::json() const {
  nlohmann::ordered_json all = {{"testkit_report", kFormat},
                                {"passed", count(Outcome::kPassed)},
                                {"failed", count(Outcome::kFailed)},
                                {"skipped", count(Outcome::kSkipped)}};
  auto& list = all["findings"] = nlohmann::ordered_json::array();
  for (const Finding& f : findings) {
    nlohmann::ordered_json one = {{"layer", f.subject},       {"check", f.check},
                                  {"case", f.case_name},      {"outcome", outcome_name(f.outcome)},
                                  {"worst", number(f.worst)}, {"where", f.where},
                                  {"detail", f.detail},       {"reproduce", f.line},
                                  {"guilty", f.guilty},       {"seconds", f.seconds}};
    for (const Timing& t : f.timings) one["timings"][t.what] = t.seconds;
    list.push_back(std::move(one));
  }
  return all.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

void Report::write_json(const std::string& path) const { write_file(path, json()); }

void Report::write_html(const std::string& path) const { write_file(path, html()); }

}  // namespace tilewright::testkit
