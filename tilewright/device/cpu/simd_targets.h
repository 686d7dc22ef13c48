// Include before Highway in every file that is compiled once per target. It keeps out targets
// whose MulAdd rounds twice, and those whose vectors have no compile-time size.
#pragma once

#define HWY_DISABLED_TARGETS \
  (HWY_SSSE3 | HWY_SSE4 | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
