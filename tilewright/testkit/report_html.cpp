// The page: counts, failures with pictures, one table of checks and cases for each layer, timings.
// Pictures are SVG made of rectangles, so the page needs no other file.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "tilewright/testkit/report.h"

namespace tilewright::testkit {
namespace {

constexpr Index kPictureSide = 40;  // elements; larger planes are cut out around the worst

constexpr const char* kStyle = R"(
body{font:15px/1.45 system-ui,sans-serif;margin:2em auto;max-width:75em;padding:0 1em;color:#222}
table{border-collapse:collapse;margin:.7em 0 2em}
td,th{border:1px solid #ccc;padding:.25em .55em;text-align:left;vertical-align:top}
th{background:#f3f3f3;font-weight:600}
.passed{background:#e5f4e5}.failed{background:#f9d4d0}.skipped{background:#f1f1f1;color:#888}
.failure{border-left:5px solid #c0392b;padding:.1em 1em;margin:1.2em 0;background:#fcf5f4}
code{background:#eee;padding:.1em .3em;overflow-wrap:anywhere}
figure{display:inline-block;margin:.5em 1.2em .5em 0}figcaption{font-size:.85em;color:#555}
)";

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else
      out += c;
  }
  return out;
}

// The part of one plane that is shown, as three rows of numbers.
struct Picture {
  Index rows = 0, columns = 0, top = 0, left = 0, plane = 0;
  std::vector<double> found, expected, difference;
};

std::size_t worst_element(const std::vector<double>& a, const std::vector<double>& b) {
  std::size_t at = 0;
  double most = -1;
  for (std::size_t k = 0; k < a.size(); ++k) {
    const double d = std::abs(a[k] - b[k]);
    if (d <= most) continue;
    at = k;
    if (std::isnan(d)) break;
    most = d;
  }
  return at;
}

Picture picture_of(const Finding& f) {
  const Shape& s = f.found.shape();
  const std::vector<double> found = numbers(f.found), expected = numbers(f.expected);
  const auto at = static_cast<Index>(worst_element(found, expected));
  Picture p;
  p.rows = std::min(s[kY], kPictureSide);
  p.columns = std::min(s[kX], kPictureSide);
  p.plane = at / (s[kY] * s[kX]);
  p.top = std::clamp<Index>(at / s[kX] % s[kY] - p.rows / 2, 0, s[kY] - p.rows);
  p.left = std::clamp<Index>(at % s[kX] - p.columns / 2, 0, s[kX] - p.columns);
  for (Index y = p.top; y < p.top + p.rows; ++y)
    for (Index x = p.left; x < p.left + p.columns; ++x) {
      const auto k = static_cast<std::size_t>((p.plane * s[kY] + y) * s[kX] + x);
      p.found.push_back(found[k]);
      p.expected.push_back(expected[k]);
      p.difference.push_back(found[k] - expected[k]);
    }
  return p;
}

// White is zero, red positive, blue negative, yellow not finite.
std::string colour(double value, double scale) {
  if (!std::isfinite(value)) return "#f5c400";
  const double part = scale > 0 ? std::clamp(value / scale, -1.0, 1.0) : 0;
  const int fade = static_cast<int>(std::lround(255 * (1 - std::sqrt(std::abs(part)))));
  return part >= 0 ? fmt::format("#ff{0:02x}{0:02x}", fade)
                   : fmt::format("#{0:02x}{0:02x}ff", fade);
}

std::string figure(const char* name, const Picture& p, const std::vector<double>& values) {
  double scale = 0;
  for (const double v : values)
    if (std::isfinite(v)) scale = std::max(scale, std::abs(v));
  const Index cell = std::clamp<Index>(240 / std::max(p.rows, p.columns), 5, 24);
  std::string svg = fmt::format(
      "<figure><svg width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {2} {3}\" role=\"img\" "
      "shape-rendering=\"crispEdges\" style=\"border:1px solid #999\">",
      p.columns * cell, p.rows * cell, p.columns, p.rows);
  for (Index y = 0; y < p.rows; ++y)
    for (Index x = 0; x < p.columns; ++x) {
      const double v = values[static_cast<std::size_t>(y * p.columns + x)];
      if (v == 0) continue;
      svg += fmt::format("<rect x=\"{}\" y=\"{}\" width=\"1\" height=\"1\" fill=\"{}\"/>", x, y,
                         colour(v, scale));
    }
  return svg +
         fmt::format("</svg><figcaption>{}, up to {:.3g}</figcaption></figure>\n", name, scale);
}

std::string pictures(const Finding& f) {
  if (f.found.empty() || f.expected.empty()) return "";
  const Picture p = picture_of(f);
  const Index channels = f.found.shape()[kC];
  const std::string part =
      f.rows.empty() ? fmt::format("n{} c{}, rows from {}, columns from {}", p.plane / channels,
                                   p.plane % channels, p.top, p.left)
                     : fmt::format("rows are {}, from number {}; columns are {}, from number {}",
                                   escaped(f.rows), p.top, escaped(f.columns), p.left);
  return figure("found", p, p.found) + figure("expected", p, p.expected) +
         figure("difference", p, p.difference) +
         fmt::format("<p>{}; red is positive, blue negative, yellow not finite.</p>\n", part);
}

std::string failure(const Finding& f) {
  std::string text =
      fmt::format("<div class=\"failure\"><h3>{}: {}, case {}</h3>\n<p>{}</p>\n", escaped(f.check),
                  escaped(f.subject), escaped(f.case_name), escaped(f.detail));
  if (!f.guilty.empty())
    text += fmt::format("<p>Layer at fault: <b>{}</b></p>\n", escaped(f.guilty));
  if (!f.where.empty()) text += fmt::format("<p>Worst: {}</p>\n", escaped(f.where));
  if (!f.command.empty())
    text += fmt::format("<p>Reproduce: <code>{}</code></p>\n", escaped(f.command));
  return text +
         fmt::format("<p>Reproduce: <code>{}</code></p>\n{}</div>\n", escaped(f.call), pictures(f));
}

// Names in the order in which they first come.
std::vector<std::string> distinct(const std::vector<const Finding*>& findings,
                                  std::string Finding::*name) {
  std::vector<std::string> names;
  for (const Finding* f : findings)
    if (std::find(names.begin(), names.end(), f->*name) == names.end()) names.push_back(f->*name);
  return names;
}

std::string cell(const Finding& f) {
  return fmt::format("<td class=\"{}\" title=\"{}\">{}{}</td>", outcome_name(f.outcome),
                     escaped(f.where.empty() ? f.detail : f.where), outcome_name(f.outcome),
                     f.worst > 0 ? fmt::format("<br>{:.1e}", f.worst) : std::string());
}

std::string table(const std::string& layer, const std::vector<const Finding*>& findings) {
  const std::vector<std::string> checks = distinct(findings, &Finding::check);
  std::string text = fmt::format("<h2>{}</h2>\n<table><tr><th>case</th>", escaped(layer));
  for (const std::string& check : checks) text += "<th>" + escaped(check) + "</th>";
  text += "</tr>\n";
  for (const std::string& name : distinct(findings, &Finding::case_name)) {
    text += "<tr><th>" + escaped(name) + "</th>";
    for (const std::string& check : checks) {
      const auto at = std::find_if(findings.begin(), findings.end(), [&](const Finding* f) {
        return f->case_name == name && f->check == check;
      });
      text += at == findings.end() ? "<td></td>" : cell(**at);
    }
    text += "</tr>\n";
  }
  return text + "</table>\n";
}

std::string timings(const std::vector<Finding>& findings) {
  std::string rows;
  for (const Finding& f : findings)
    for (const Timing& t : f.timings)
      rows +=
          fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td><td>{:.3f} ms</td></tr>\n",
                      escaped(f.subject), escaped(f.case_name), escaped(t.what), t.seconds * 1e3);
  if (rows.empty()) return "";
  return "<h2>Timings</h2>\n<table><tr><th>layer</th><th>case</th><th>pass</th><th>time</th></"
         "tr>\n" +
         rows + "</table>\n";
}

std::string worst_errors(const std::vector<Finding>& findings) {
  std::string rows;
  for (const Finding& f : findings)
    if (!f.where.empty())
      rows += fmt::format(
          "<tr class=\"{}\"><td>{}</td><td>{}</td><td>{}</td><td>{:.2e}</td>"
          "<td>{}</td></tr>\n",
          outcome_name(f.outcome), escaped(f.subject), escaped(f.case_name), escaped(f.check),
          f.worst, escaped(f.where));
  if (rows.empty()) return "";
  return "<h2>Worst differences</h2>\n<table><tr><th>layer</th><th>case</th><th>check</th>"
         "<th>relative</th><th>place</th></tr>\n" +
         rows + "</table>\n";
}

}  // namespace

std::string Report::html() const {
  std::map<std::string, std::vector<const Finding*>> layers;
  std::string text = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Tilewright test "
      "kit</title><style>{}</style></head><body>\n<h1>Test kit: {} passed, {} failed, {} "
      "skipped</h1>\n",
      kStyle, count(Outcome::kPassed), count(Outcome::kFailed), count(Outcome::kSkipped));
  for (const Finding& f : findings) {
    layers[f.subject].push_back(&f);
    if (f.failed()) text += failure(f);
  }
  // Layers that fail come first.
  for (const bool failing : {true, false})
    for (const auto& [layer, list] : layers)
      if (failing ==
          std::any_of(list.begin(), list.end(), [](const Finding* f) { return f->failed(); }))
        text += table(layer, list);
  return text + worst_errors(findings) + timings(findings) + "</body></html>\n";
}

}  // namespace tilewright::testkit
