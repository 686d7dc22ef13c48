#include "tilewright/store/conformance.h"

namespace tilewright {
namespace {

using testing::TestFolder;

TEST(NpyStore, conforms) {
  testing::store_conformance(".npy", {kDTypes.begin(), kDTypes.end()}, 4);
}

}  // namespace
}  // namespace tilewright
