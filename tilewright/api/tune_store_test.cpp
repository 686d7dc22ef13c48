// The store of measurements: what is written is read back, and nothing else is believed.
#include "tilewright/api/tune_store.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tilewright/api/machine.h"
#include "tilewright/api/tune.h"

namespace tilewright {
namespace {

namespace fs = std::filesystem;

// Sets a variable of the environment and puts it back.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old;
    ::setenv(name, value.c_str(), 1);
  }
  ~Variable() { old_ ? ::setenv(name_, old_->c_str(), 1) : ::unsetenv(name_); }

 private:
  const char* name_;
  std::optional<std::string> old_;
};

class TuneStore : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("tilewright_tune_" + std::to_string(::getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  std::string path(const char* name = "m.json") const { return folder_ / name; }
  void put(const std::string& text) const { std::ofstream(path()) << text; }

  // The reason for which a text is refused.
  std::string reason(const std::string& text) const {
    put(text);
    std::string remark;
    EXPECT_FALSE(load_measurements(path(), threads(), remark)) << text;
    EXPECT_EQ(remark.find('\n'), std::string::npos) << remark;
    EXPECT_NE(remark.find("tilewright tune"), std::string::npos) << remark;
    return remark;
  }
  static int threads() { return untuned_machine().threads; }

  static Measurements sample() {
    Measurements m;
    m.threads = threads();
    m.when = "2026-11-21 18:00 UTC";
    m.runs = {
        {"cpu:conv2d/direct", parse_problem("conv2d ci8 y50 x50 co8 k3x3"), 1e-5, 2e-4, 2e-5, 3e-4},
        {"cpu:conv2d/direct", parse_problem("conv2d ci64 y90 x90 co64 k3x3"), 3e-4, 8e-3, 1e-4,
         9e-3}};
    m.files = {{1e8, 0.1, 0.2}};
    return m;
  }
  // sample() as text, with `from` replaced by `to`.
  static std::string with(const std::string& from, const std::string& to) {
    std::string text = to_json(sample());
    const auto at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
  }

  fs::path folder_;
};

TEST_F(TuneStore, ReadsBackWhatItWrote) {
  save_measurements(path("new/folder/m.json"), sample());

  std::string remark;
  const auto found = load_measurements(path("new/folder/m.json"), threads(), remark);

  ASSERT_TRUE(found) << remark;
  ASSERT_EQ(found->runs.size(), 2U);
  EXPECT_EQ(found->runs[1].problem.line(), sample().runs[1].problem.line());
  EXPECT_EQ(found->runs[1].compute_seconds, 8e-3);
  EXPECT_EQ(found->runs[1].write_seconds, 1e-4);
  EXPECT_EQ(found->files[0].write_seconds, 0.2);
  EXPECT_EQ(found->when, sample().when);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_ / "new/folder"), {}), 1);
}

TEST_F(TuneStore, AnAbsentFileIsNoRemark) {
  std::string remark;
  EXPECT_FALSE(load_measurements(path("none.json"), threads(), remark));
  EXPECT_EQ(remark, "");
}

TEST_F(TuneStore, BelievesNothingElse) {
  EXPECT_NE(reason("").find("not a JSON object"), std::string::npos);
  EXPECT_NE(reason("[1,2]").find("not a JSON object"), std::string::npos);
  EXPECT_NE(reason(std::string(500000, '[')).find("not a JSON object"), std::string::npos);
  EXPECT_NE(reason(std::string(2 << 20, ' ')).find("too large"), std::string::npos);
  EXPECT_NE(reason("{}").find("tilewright_tune"), std::string::npos);
  const std::string text = to_json(sample());
  for (std::size_t size = 0; size < text.size() - 3; size += 41) reason(text.substr(0, size));
}

TEST_F(TuneStore, ChecksEveryValue) {
  EXPECT_NE(reason(with("\"tilewright_tune\": 2", "\"tilewright_tune\": 1")).find("tune"),
            std::string::npos);
  EXPECT_NE(reason(with("threads; ", "threads; other ")).find("another machine"),
            std::string::npos);
  for (const char* bad : {"-1", "0", "1e300", "\"x\"", "null", "[]", "true"})
    EXPECT_NE(reason(with("0.008", bad)).find("compute_seconds"), std::string::npos) << bad;
  for (const char* bad : {"-1", "1e5", "{}"})
    EXPECT_NE(reason(with("0.0003", bad)).find("seconds"), std::string::npos) << bad;
  for (const char* bad :
       {"", "rm -rf", "conv2d ci0 y1 x1 co1", "conv2d ci9999999999 y99999 x999999 co1"})
    reason(with("conv2d n1 ci8 y50 x50 co8 k3x3 s1x1 d1x1 p0,0,0,0 g1 f32", bad));
  reason(with("\"files\": [", "\"files\": [7,"));
  reason(with("\"runs\": [", "\"runs\": [[],"));
  EXPECT_EQ(reason(with("cpu:conv2d/direct", std::string(5000, 'x'))).find("xxxx"),
            std::string::npos);
}

TEST_F(TuneStore, FoldersAndUnreadableFilesAreRefused) {
  fs::create_directories(path());
  std::string remark;
  EXPECT_FALSE(load_measurements(path(), threads(), remark));
  EXPECT_NE(remark.find("not a regular file"), std::string::npos);
  EXPECT_THROW(save_measurements(path(), sample()), StoreError);
  EXPECT_THROW(save_measurements("/proc/no/such/folder/m.json", sample()), StoreError);
}

TEST_F(TuneStore, ReplacesOnlyMeasurements) {
  put("P5 a picture");
  EXPECT_THROW(check_replaceable(path()), StoreError);
  EXPECT_THROW(save_measurements(path(), sample()), StoreError);
  std::string kept;
  std::getline(std::ifstream(path()), kept);
  EXPECT_EQ(kept, "P5 a picture");
  for (const std::string& other : {std::string(), to_json(sample()).substr(0, 300)}) {
    put(other);
    EXPECT_NO_THROW(save_measurements(path(), sample())) << other;
  }
}

TEST_F(TuneStore, IsFoundWhereTheEnvironmentSays) {
  {
    const Variable none("TILEWRIGHT_TUNE", "none");
    EXPECT_EQ(tune_path(2), "");
  }
  {
    const Variable given("TILEWRIGHT_TUNE", "/x/y.json");
    EXPECT_EQ(tune_path(2), "/x/y.json");
  }
  const Variable unset("TILEWRIGHT_TUNE", ""), cache("XDG_CACHE_HOME", "/c"), home("HOME", "/h");
  EXPECT_TRUE(tune_path(2).starts_with("/c/tilewright/machine-"));
  EXPECT_NE(tune_path(2), tune_path(3));
  const Variable relative("XDG_CACHE_HOME", "c");
  EXPECT_TRUE(tune_path(2).starts_with("/h/.cache/tilewright/machine-"));
  const Variable homeless("HOME", "");
  EXPECT_EQ(tune_path(2), "");
}

TEST_F(TuneStore, TheMachineTakesItsRatesFromIt) {
  save_measurements(path(), sample());
  const Variable given("TILEWRIGHT_TUNE", path());
  const Machine tuned = local_machine();
  EXPECT_EQ(tuned.measured, sample().when);
  EXPECT_EQ(tuned.remark, "");
  EXPECT_DOUBLE_EQ(tuned.read_bytes_per_second, 1e9);
  EXPECT_EQ(untuned_machine().measured, "");

  put("nonsense");
  const Machine wrong = local_machine();
  EXPECT_EQ(wrong.measured, "");
  EXPECT_NE(wrong.remark.find("not a JSON object"), std::string::npos);

  const Variable missing("TILEWRIGHT_TUNE", path() + ".missing");
  EXPECT_NE(local_machine().remark.find("there is no such file"), std::string::npos);
}

TEST(Tune, StopsWhenCancelled) {
  std::atomic<bool> cancel{true};
  TuneOptions options;
  options.cancel = &cancel;
  EXPECT_THROW(tune(untuned_machine(), options), Interrupted);
}

}  // namespace
}  // namespace tilewright
