// Named and written filters: values, sums, and what is refused.
#include "tilewright/api/filters.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tilewright/base/error.h"

namespace tilewright {
namespace {

std::vector<double> taps(const std::string& spec) {
  const Tensor t = make_filter(spec);
  EXPECT_EQ(t.dtype(), DType::kF64);
  return {t.data<double>(), t.data<double>() + t.spec().volume()};
}

double sum(const std::vector<double>& v) {
  double s = 0;
  for (const double x : v) s += x;
  return s;
}

TEST(Filters, FixedOnes) {
  EXPECT_EQ(taps("sobel-x"), (std::vector<double>{-1, 0, 1, -2, 0, 2, -1, 0, 1}));
  EXPECT_EQ(taps("sobel-y"), (std::vector<double>{-1, -2, -1, 0, 0, 0, 1, 2, 1}));
  EXPECT_EQ(taps("laplace"), (std::vector<double>{0, 1, 0, 1, -4, 1, 0, 1, 0}));
  EXPECT_EQ(taps("sharpen"), (std::vector<double>{0, -1, 0, -1, 5, -1, 0, -1, 0}));
  EXPECT_EQ(taps("identity"), (std::vector<double>{1}));
}

TEST(Filters, Boxes) {
  EXPECT_EQ(make_filter("box:9").shape(), (Shape{1, 1, 9, 9}));
  EXPECT_EQ(make_filter("box:3x5").shape(), (Shape{1, 1, 3, 5}));
  EXPECT_EQ(make_filter("box").shape(), (Shape{1, 1, 3, 3}));
  EXPECT_EQ(taps("box:2"), (std::vector<double>{0.25, 0.25, 0.25, 0.25}));
}

TEST(Filters, Gaussians) {
  EXPECT_EQ(make_filter("gauss:sigma=3").shape(), (Shape{1, 1, 25, 25}));
  EXPECT_EQ(make_filter("gauss:sigma=3,radius=2").shape(), (Shape{1, 1, 5, 5}));
  EXPECT_EQ(taps("gauss:3"), taps("gauss:sigma=3"));
  EXPECT_NEAR(sum(taps("gauss:sigma=2.5")), 1, 1e-12);
  const auto g = taps("gauss:sigma=1");
  EXPECT_NEAR(g[40] / g[41], std::exp(0.5), 1e-12);  // the middle of 9 x 9, and its neighbour
  EXPECT_EQ(g.front(), g.back());
}

TEST(Filters, WrittenOnes) {
  EXPECT_EQ(taps("[[0,1.5],[-2,1e3]]"), (std::vector<double>{0, 1.5, -2, 1000}));
  EXPECT_EQ(make_filter("[[1,2,3]]").shape(), (Shape{1, 1, 1, 3}));
}

TEST(Filters, WhatIsNotUnderstoodIsNamed) {
  for (const char* spec : {"blur",
                           "gauss:sigma=0",
                           "gauss:sigma=-1",
                           "gauss:sigma=abc",
                           "gauss:width=3",
                           "gauss:sigma=1e9",
                           "box:0",
                           "box:3x3x3",
                           "box:-2",
                           "box:99999999x99999999",
                           "sobel-x:3",
                           "gaus",
                           "gauss:",
                           "gauss:sigma",
                           "gauss:sigma=",
                           "gauss:sigma=nan",
                           "gauss:sigma=inf",
                           "gauss:sigma=1e300",
                           "gauss:sigma=2000",
                           "gauss:sigma=3,radius=1e18",
                           "gauss:sigma=3,radius=-1",
                           "gauss:sigma=1,sigma=2",
                           "gauss:3,4",
                           "gauss:radius=1.5",
                           "box:x",
                           "box:",
                           "box:3.5",
                           "box:99999999",
                           "box:9223372036854775808",
                           "box:1000000000000000000000000000000",
                           "box:3,5",
                           "box:sigma=3",
                           "sobel",
                           ":",
                           "laplace:",
                           "[",
                           "[]",
                           "[[]]",
                           "[1,2]",
                           "[[1,2],[3]]",
                           "[[1,\"a\"]]",
                           "[[1,null]]",
                           "[[1],2]",
                           "[[1]]]",
                           "[[true]]",
                           "[[[1]]]",
                           "[[1e999]]",
                           "[[1,2],]",
                           ""}) {
    try {
      make_filter(spec);
      ADD_FAILURE() << spec << " was accepted";
    } catch (const InvalidArgument& e) {
      EXPECT_NE(std::string(e.what()).find(std::string("'") + spec), std::string::npos) << e.what();
    }
  }
}

TEST(Filters, ProductsAreFoundExactly) {
  for (const char* spec :
       {"gauss:sigma=3", "gauss:sigma=0.7", "gauss:sigma=11.3", "box:7", "box:3x5", "sobel-x",
        "sobel-y", "identity", "[[0,0],[0,2]]", "[[0]]", "[[0.1,0.3],[0.2,0.6]]", "[[-1,-3]]"}) {
    const Tensor t = make_filter(spec);
    const auto f = factors_of(t);
    ASSERT_TRUE(f.has_value()) << spec;
    for (Index y = 0; y < t.shape()[2]; ++y)
      for (Index x = 0; x < t.shape()[3]; ++x)
        EXPECT_EQ(f->column[static_cast<std::size_t>(y)] * f->row[static_cast<std::size_t>(x)],
                  t.data<double>()[y * t.shape()[3] + x])
            << spec;
  }
  for (const char* spec : {"laplace", "sharpen", "[[1,2],[2,4.000001]]", "[[1,0],[0,1]]"})
    EXPECT_FALSE(factors_of(make_filter(spec)).has_value()) << spec;
}

TEST(Filters, TheTableIsWhatThereIs) {
  for (const FilterInfo& f : filter_table()) EXPECT_FALSE(taps(f.name).empty()) << f.name;
}

}  // namespace
}  // namespace tilewright
