// The test kit as an installed package: it needs no test framework.
#include <tilewright/testkit/testkit.h>

#include <cstdio>

int main() {
  namespace kit = tilewright::testkit;
  const kit::Report report = check_layer(
      *kit::conv2d_subject(), {{.name = "small", .shapes = {{1, 1, 4, 5}, {1, 1, 3, 2}}}});
  std::printf("%s", report.text().c_str());
  return report.ok() ? 0 : 1;
}
