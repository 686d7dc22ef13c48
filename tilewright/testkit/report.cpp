// Text and JSON of a report, and its files.
#include "tilewright/testkit/report.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <locale>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

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

constexpr std::size_t kLongestName = 100;

// Letters, digits and a few signs that no shell or file system minds; not hidden, not in `taken`.
std::string file_name(const std::string& layer, std::set<std::string>& taken) {
  std::string name;
  for (const char c : layer.substr(0, kLongestName)) {
    const bool plain = std::isalnum(c, std::locale::classic()) ||
                       (!name.empty() && std::strchr("-.,", c) != nullptr && c != 0);
    if (plain || (!name.empty() && name.back() != '_')) name += plain ? c : '_';
  }
  while (!name.empty() && name.back() == '_') name.pop_back();
  if (name.empty()) name = "layer";
  std::string free = name;
  for (int n = 2; !taken.insert(free).second; ++n) free = fmt::format("{}-{}", name, n);
  return free;
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
    if (!f.command.empty()) text += fmt::format("  reproduce: {}\n", f.command);
    text += fmt::format("  reproduce: {}\n", f.call);
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
                                  {"detail", f.detail},       {"reproduce", f.call},
                                  {"command", f.command},     {"guilty", f.guilty},
                                  {"seconds", f.seconds}};
    for (const Timing& t : f.timings) one["timings"][t.what] = t.seconds;
    list.push_back(std::move(one));
  }
  return all.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

void Report::write_json(const std::string& path) const { write_file(path, json()); }

void Report::write_html(const std::string& path) const { write_file(path, html()); }

std::vector<std::string> Report::write(const std::string& folder) const {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error)
    throw StoreError(fmt::format("{}: the folder cannot be made: {}", folder, error.message()));
  std::vector<std::string> layers, paths;
  std::map<std::string, Report> parts;
  for (const Finding& f : findings) {
    if (parts.find(f.subject) == parts.end()) layers.push_back(f.subject);
    parts[f.subject].findings.push_back(f);
  }
  std::set<std::string> taken;
  for (const std::string& layer : layers) {
    const std::string path = (std::filesystem::path(folder) / file_name(layer, taken)).string();
    parts[layer].write_html(paths.emplace_back(path + ".html"));
    parts[layer].write_json(paths.emplace_back(path + ".json"));
  }
  return paths;
}

}  // namespace tilewright::testkit
