// Reports: one JSON, one page without outside parts, whatever names contain.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "temporary_folder.h"
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
  EXPECT_NE(text.find("reproduce: run_check(check_named(\"jacobian\"), subject, {.name = \"5x6\""),
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

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// report_page_test.py names the folder, to parse what is written.
TEST(Report, AsHtmlStandsAloneAndEscapesText) {
  const TemporaryFolder own;
  const char* named = std::getenv("TILEWRIGHT_TESTKIT_PAGES");
  const std::filesystem::path folder = named != nullptr ? named : own.path("pages");
  std::filesystem::create_directories(folder);
  const Report report = sample();

  report.write_html((folder / "report.html").string());
  report.write_json((folder / "report.json").string());
  const std::string html = text_of((folder / "report.html").string());

  EXPECT_EQ(html, report.html());
  for (const char* outside : {"<script", "http:", "https:", "<link", "src=\"", "url("})
    EXPECT_EQ(html.find(outside), std::string::npos) << outside;
  EXPECT_NE(html.find("&lt;script&gt;alert(&quot;&amp;&quot;)"), std::string::npos);
  EXPECT_NE(html.find("<figcaption>difference"), std::string::npos);
  EXPECT_LT(html.find("class=\"failure\""), html.find("<table"));
  EXPECT_LT(html.size(), 1u << 20);
}

Report report_of(const char* check) {
  const Conv2dOptions options{.padding = Padding::sides(1, 1, 1, 1)};
  const Case c{.name = "5x6", .shapes = {{1, 2, 5, 6}, {2, 2, 3, 3}, {1, 2, 1, 1}}};
  return check_layer(TiledConv(options, Bug::kOverwritten), {c}, {check_named(check)});
}

TEST(Report, SaysWhatAPictureShows) {
  const std::string jacobian = report_of("jacobian").html();
  const std::string adjoint = report_of("adjoint").html();
  const std::string variants = report_of("variants").html();

  EXPECT_NE(jacobian.find("<p>rows are results, from number "), std::string::npos);
  EXPECT_NE(jacobian.find("; columns are elements of src, from number "), std::string::npos);
  EXPECT_NE(variants.find("<p>n0 c0, rows from 0, columns from 0; "), std::string::npos);
  // One number has neither a place nor a picture.
  EXPECT_NE(adjoint.find("class=\"failure\""), std::string::npos);
  EXPECT_EQ(adjoint.find("<svg"), std::string::npos);
  EXPECT_EQ(adjoint.find("Worst:"), std::string::npos);
}

TEST(Report, ReproducesWithACallThatRunsJustThatCheck) {
  const Conv2dOptions options{.padding = Padding::sides(1, 1, 1, 1)};
  const TiledConv subject(options, Bug::kOverwritten);
  const Finding failure = report_of("jacobian").findings.front();

  // The text of failure.call:
  const Finding again = run_check(check_named("jacobian"), subject,
                                  {.name = "5x6",
                                   .shapes = {{1, 2, 5, 6}, {2, 2, 3, 3}, {1, 2, 1, 1}},
                                   .dtype = DType::kF32,
                                   .seed = 1});

  EXPECT_EQ(failure.call,
            "run_check(check_named(\"jacobian\"), subject, {.name = \"5x6\", .shapes = {{1, 2, 5, "
            "6}, {2, 2, 3, 3}, {1, 2, 1, 1}}, .dtype = DType::kF32, .seed = 1})");
  EXPECT_EQ(again.call, failure.call);
  EXPECT_EQ(again.where, failure.where);
  EXPECT_EQ(failure.command, "") << "no shell command knows a user's layer";
  // Nor is the library's convolution at fault where a user's differs from it.
  EXPECT_EQ(report_of("variants").findings.front().command, "");
}

// The library's convolution, wrong in its gradients, or with a variant that differs.
class Spoiled final : public Subject {
 public:
  std::string name() const override { return "spoiled"; }
  std::vector<std::string> inputs() const override { return sound_->inputs(); }
  Tensor forward(const Tensors& inputs) const override {
    Tensor result = sound_->forward(inputs);
    if (inputs[0].dtype() == DType::kF32) result.data<float>()[0] += 1;
    return result;
  }
  Tensors backward(const Tensors& inputs, const Tensor& gradient,
                   const std::vector<bool>& wanted) const override {
    return sound_->backward(inputs, gradient, wanted);
  }
  std::vector<Variant> variants(const Tensors& inputs, std::uint64_t seed) const override {
    return sound_->variants(inputs, seed);
  }
  std::string command(const Tensors& inputs, int which, std::uint64_t seed) const override {
    return sound_->command(inputs, which, seed);
  }

 private:
  std::shared_ptr<const Subject> sound_ = conv2d_subject();
};

TEST(Report, NamesAShellCommandOnlyWhereItCompares) {
  const Case c{.name = "4x5", .shapes = {{1, 1, 4, 5}, {1, 1, 3, 2}}};

  const Report report = check_layer(Spoiled(), {c});

  for (const Finding& f : report.findings)
    EXPECT_EQ(f.command.rfind("tilewright verify \"conv2d n1 ci1 y4 x5 ", 0) == 0,
              f.check == "variants")
        << f.check << ": " << f.command;
  EXPECT_FALSE(report.ok());
  EXPECT_NE(report.text().find("  reproduce: tilewright verify \"conv2d "), std::string::npos);
}

TEST(Report, IsWrittenAsAPairOfFilesForEveryLayer) {
  const TemporaryFolder folder;
  Report report;
  for (const char* name : {"conv2d s1x1 p1,1,1,1 g1", "../../etc/<x>", "a b", "a/b", "", "..."})
    for (const char* check : {"one", "two"}) {
      Finding f;
      f.subject = name;
      f.check = check;
      report.findings.push_back(f);
    }

  const std::vector<std::string> paths = report.write(folder.path("new/reports"));

  std::vector<std::string> names;
  for (const std::string& path : paths) {
    EXPECT_EQ(std::filesystem::path(path).parent_path(), folder.path("new/reports"));
    names.push_back(std::filesystem::path(path).filename().string());
    if (path.ends_with(".json"))
      EXPECT_EQ(nlohmann::json::parse(text_of(path))["findings"].size(), 2u) << path;
    else
      EXPECT_NE(text_of(path).find("2 passed"), std::string::npos) << path;
  }
  EXPECT_EQ(names, (std::vector<std::string>{
                       "conv2d_s1x1_p1,1,1,1_g1.html", "conv2d_s1x1_p1,1,1,1_g1.json", "etc_x.html",
                       "etc_x.json", "a_b.html", "a_b.json", "a_b-2.html", "a_b-2.json",
                       "layer.html", "layer.json", "layer-2.html", "layer-2.json"}));
  EXPECT_THROW(report.write(paths.front()), StoreError);
}

TEST(Report, ThatCannotBeWrittenIsAnError) {
  EXPECT_THROW(Report().write_html("/nonexistent/report.html"), StoreError);
}

TEST(Check, ThatThrowsIsAFinding) {
  const Finding f =
      run_check(check_named("jacobian"), Hostile(), {.name = "a", .shapes = {{1, 1, 2, 2}}});

  EXPECT_TRUE(f.failed());
  EXPECT_EQ(f.detail, "threw: no <b>gradient</b> & no \"reason\"");
}

}  // namespace
}  // namespace tilewright::testkit
