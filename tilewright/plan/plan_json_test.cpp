// Saved plans: what is written is read back, and nothing broken is taken for a plan.
#include "tilewright/plan/plan_json.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "tilewright/plan/force.h"
#include "tilewright/plan/test_problems.h"

namespace tilewright {
namespace {

using Json = nlohmann::json;

Plan sample() {
  PlanOptions options;
  options.force = "tile=8x16,co=4";
  return plan(parse_problem("conv2d ci6 y32 x48 co12 k3x3 p1,1,1,1 bias"),
              testing::test_machine(8 << 20), options);
}

std::string refusal(const std::string& text) {
  try {
    parse_saved_plan(text);
  } catch (const InvalidArgument& e) {
    return e.what();
  }
  ADD_FAILURE() << "accepted: " << text;
  return "";
}

TEST(PlanJson, RoundTrip) {
  const Plan p = sample();

  const SavedPlan s = parse_saved_plan(p.to_json());

  EXPECT_EQ(s.problem.line(), p.problem.line());
  EXPECT_EQ(s.force, force_text(p));
  EXPECT_EQ(s.kernel, "cpu:conv2d/direct");
  EXPECT_EQ(s.exact, Exactness::kBits);
  EXPECT_EQ(s.budget_bytes, p.budget_bytes);
  EXPECT_EQ(s.threads, p.threads);
}

TEST(PlanJson, HoldsWhatScriptsRelyOn) {
  const Plan p = sample();

  const Json j = Json::parse(p.to_json());

  EXPECT_EQ(j["counts"]["tiles"], 12);
  EXPECT_EQ(j["counts"]["channel_blocks"], 3);
  EXPECT_EQ(j["counts"]["elemental_convolutions"], 36);
  EXPECT_EQ(j["peak_bytes"], p.peak_bytes());
  EXPECT_EQ(j["seconds"], p.seconds);
  EXPECT_EQ(j["smallest_budget_bytes"], p.smallest_budget_bytes);
  EXPECT_EQ(j["lower_bound_bytes"], p.lower_bound_bytes);
}

TEST(PlanJson, EveryMissingOrWrongKeyIsNamed) {
  const Json good = Json::parse(sample().to_json());
  for (const char* key :
       {"tilewright_plan", "problem", "force", "kernel", "exact", "budget_bytes", "threads"}) {
    Json missing = good, wrong = good, null = good;
    missing.erase(key);
    wrong[key] = Json::array({1});
    null[key] = nullptr;
    for (const Json& j : {missing, wrong, null})
      EXPECT_NE(refusal(j.dump()).find(key), std::string::npos) << j.dump();
  }
}

TEST(PlanJson, ValuesAreChecked) {
  const Json good = Json::parse(sample().to_json());
  const auto with = [&](const char* key, const Json& value) {
    Json j = good;
    j[key] = value;
    return j.dump();
  };
  refusal(with("tilewright_plan", 2));
  refusal(with("budget_bytes", 0));
  refusal(with("budget_bytes", 1e300));
  refusal(with("threads", -1));
  refusal(with("threads", 4294967297));
  refusal(with("threads", 1.5));
  refusal(with("exact", "maybe"));
  EXPECT_NE(refusal(with("force", "tile=0x0")).find("tile=0x0"), std::string::npos);
  refusal(with("problem", "conv2d ci0"));
}

TEST(PlanJson, WrongTypesAndNumbersAreNamed) {
  const Json good = Json::parse(sample().to_json());
  const auto names = [&](const char* key, const Json& value) {
    Json j = good;
    j[key] = value;
    return refusal(j.dump()).find(key) != std::string::npos;
  };
  const Json array = Json::array(), object = Json::object();
  for (const char* key : {"tilewright_plan", "budget_bytes", "threads"})
    for (const Json& value : {Json("1"), array, object, Json(true), Json(1.5), Json(1e300)})
      EXPECT_TRUE(names(key, value)) << key << " " << value;
  for (const char* key : {"problem", "force", "kernel", "exact"})
    for (const Json& value : {Json(1), array, object, Json(false)})
      EXPECT_TRUE(names(key, value)) << key << " " << value;
  constexpr std::int64_t kOne = 1;
  for (const char* key : {"budget_bytes", "threads"})
    for (const Json& value : {Json(0), Json(-1), Json(-(kOne << 62)), Json(std::uint64_t{1} << 63),
                              Json::parse("18446744073709551616"), Json(1e30)})
      EXPECT_TRUE(names(key, value)) << key << " " << value;
  for (const std::int64_t threads : {(kOne << 32) + 1, kOne << 31, std::int64_t{100000}})
    EXPECT_TRUE(names("threads", threads)) << threads;
}

TEST(PlanJson, OtherTextsAreNoPlans) {
  const std::string good = sample().to_json();
  std::string deep;
  for (int i = 0; i < 100000; ++i) deep += "{\"a\":";
  for (const std::string& text :
       {std::string(), std::string("{"), std::string("3"), std::string("\"plan\""),
        std::string("{}"), std::string("{\"a\": 1}"), std::string(100, '\0'),
        std::string("\xff\xfe\0", 3), std::string("not json"), good + "x", good.substr(1),
        std::string(100000, '['), deep})
    EXPECT_NE(refusal(text).find("plan"), std::string::npos);
}

TEST(PlanJson, CutOffTextIsRefusedEverywhere) {
  const std::string text = sample().to_json();
  for (std::size_t length = 0; length < text.size(); ++length) refusal(text.substr(0, length));
  refusal("[]");
  refusal("null");
}

TEST(PlanJson, AnInfiniteBoundStaysJson) {
  // 2^24 products: the bound says nothing any more.
  const Plan p = plan(parse_problem("conv2d ci4096 y64 x64 co1 k64x64"),
                      testing::test_machine(Index{1} << 30));

  EXPECT_TRUE(std::isinf(p.bound));
  EXPECT_TRUE(Json::parse(p.to_json())["bound"].is_null());
  parse_saved_plan(p.to_json());
}

}  // namespace
}  // namespace tilewright
