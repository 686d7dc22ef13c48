// Reports: one JSON, one page without outside parts, whatever names contain. The pages are left in
// the build folder for people, and for report_test.py to parse.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tiled_conv.h"

namespace tilewright::testkit {
namespace {

// Fails with text that HTML and JSON would take for their own, and throws where it can.
class Hostile final : public Subject {
 public:
  std::string name() const override { return "<script>alert(\"&\")</script>"; }
  std::vector<std::string> inputs() const override { return {"<src>"}; }
  Tensor forward(const Tensors& inputs) const override { return inputs.at(0); }
  Tensors backward(const Tensors&, const Tensor&, const std::vector<bool>&) const override {
    throw InvalidArgument("no <b>gradient</b> & no \"reason\"");
  }
};

Report sample() {
  const Conv2dOptions options{.padding = Padding::sides(1, 1, 1, 1)};
  const Case c{.name = "5x6", .shapes = {{1, 2, 5, 6}, {2, 2, 3, 3}, {1, 2, 1, 1}}};
  Report report = check_layer(*conv2d_subject(options, true), {c});
  report += check_layer(TiledConv(options, Bug::kOverwritten), {c});
  report += check_layer(Hostile(), {{.name = "a < b", .shapes = {{1, 1, 2, 2}}}});
  return report;
}

TEST(Report, SaysWhatFailedAndHowToRepeatIt) {
  const Report report = sample();

  const std::string text = report.text();

  EXPECT_FALSE(report.ok());
  EXPECT_NE(text.find("FAILED jacobian: tiled convolution, case 5x6"), std::string::npos) << text;
  EXPECT_NE(text.find("reproduce: tiled convolution src:1x2x5x6 weights:2x2x3x3 bias:1x2x1x1 "
                      "gradient of src f64 seed 1"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("threw: no <b>gradient</b>"), std::string::npos) << text;
}

TEST(Report, AsJsonHoldsEveryFinding) {
  const Report report = sample();

  const auto json = nlohmann::json::parse(report.json());

  EXPECT_EQ(json["findings"].size(), report.findings.size());
  EXPECT_EQ(json["failed"], report.count(Outcome::kFailed));
  for (const auto& f : json["findings"])
    if (f["outcome"] == "failed") {
      EXPECT_FALSE(f["reproduce"].get<std::string>().empty());
    }
}

TEST(Report, AsHtmlStandsAloneAndEscapesText) {
  const Report report = sample();

  report.write_html("testkit_report.html");
  report.write_json("testkit_report.json");
  std::ifstream file("testkit_report.html");
  const std::string html{std::istreambuf_iterator<char>(file), {}};

  EXPECT_EQ(html, report.html());
  for (const char* outside : {"<script", "http:", "https:", "<link", "src=\"", "url("})
    EXPECT_EQ(html.find(outside), std::string::npos) << outside;
  EXPECT_NE(html.find("&lt;script&gt;alert(&quot;&amp;&quot;)"), std::string::npos);
  EXPECT_NE(html.find("<figcaption>difference"), std::string::npos);
  EXPECT_LT(html.find("class=\"failure\""), html.find("<table"));
  EXPECT_LT(html.size(), 1u << 20);
}

TEST(Report, ThatCannotBeWrittenIsAnError) {
  EXPECT_THROW(Report().write_html("/nonexistent/report.html"), StoreError);
}

TEST(Check, ThatThrowsIsAFinding) {
  const Finding f = run_check(check_table()[1], Hostile(), {.name = "a", .shapes = {{1, 1, 2, 2}}});

  EXPECT_TRUE(f.failed());
  EXPECT_EQ(f.detail, "threw: no <b>gradient</b> & no \"reason\"");
}

}  // namespace
}  // namespace tilewright::testkit
