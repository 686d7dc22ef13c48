// The meter: totals, and reports at a bearable rate.
#include "tilewright/run/meter.h"

#include <gtest/gtest.h>

#include <thread>

namespace tilewright {
namespace {

TEST(Meter, ReportsSeldomAndAtTheEnd) {
  std::vector<Progress> reports;
  RunOptions options;
  options.progress = [&](const Progress& p) { reports.push_back(p); };
  Meter meter({.pieces = 1000, .budget_bytes = 5000, .dst_bytes = 8000}, options);

  for (int i = 0; i < 1000; ++i) meter.piece_done(8, 100 + i);
  const std::size_t during = reports.size();
  Trace trace;
  meter.finish(trace);

  EXPECT_LE(during, 10 * meter.elapsed() + 1);
  ASSERT_EQ(reports.size(), during + 1);
  EXPECT_EQ(reports.back().pieces_done, 1000);
  EXPECT_EQ(reports.back().fraction, 1);
  EXPECT_EQ(reports.back().seconds_left, 0);
  EXPECT_EQ(reports.back().bytes_used, 1099);
  EXPECT_EQ(reports.back().budget_bytes, 5000);
  EXPECT_EQ(trace.pieces, 1000);
  EXPECT_EQ(trace.bytes_written, 8000);
  EXPECT_GT(trace.seconds, 0);
}

TEST(Meter, EstimatesWhatIsLeft) {
  std::vector<Progress> reports;
  RunOptions options;
  options.progress = [&](const Progress& p) { reports.push_back(p); };
  Meter meter({.pieces = 4, .budget_bytes = 1, .dst_bytes = 4000}, options);

  std::this_thread::sleep_for(std::chrono::milliseconds(120));
  meter.piece_done(1000, 1);

  ASSERT_EQ(reports.size(), 1u);
  EXPECT_DOUBLE_EQ(reports[0].fraction, 0.25);
  EXPECT_NEAR(reports[0].seconds_left, 3 * reports[0].seconds, 1e-9);
  EXPECT_NEAR(reports[0].dst_bytes_per_second, 1000 / reports[0].seconds, 1e-6);
}

TEST(Meter, ReportsInsideAPiece) {
  std::vector<Progress> reports;
  RunOptions options;
  options.progress = [&](const Progress& p) { reports.push_back(p); };
  Meter meter({.pieces = 1, .budget_bytes = 9, .dst_bytes = 400, .flop = 1000}, options);

  std::this_thread::sleep_for(std::chrono::milliseconds(120));
  meter.computed(250, 7);

  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].pieces_done, 0);
  EXPECT_EQ(reports[0].bytes_used, 7);
  EXPECT_DOUBLE_EQ(reports[0].fraction, 0.25);
  EXPECT_NEAR(reports[0].dst_bytes_per_second, 100 / reports[0].seconds, 1e-6);
}

TEST(Stopwatch, AddsToATotal) {
  double total = 1;
  { const Stopwatch watch(total); }
  EXPECT_GE(total, 1);
  EXPECT_LT(total, 1.5);
}

}  // namespace
}  // namespace tilewright
