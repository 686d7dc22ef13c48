// A project that knows Tilewright only as an installed package.
#include <tilewright/tilewright.h>

#include <cstdio>

int main() {
  const auto problem = tilewright::parse_problem("conv2d ci3 y480 x640 co8 k3x3 p1,1,1,1");
  std::puts(problem.line().c_str());
}
