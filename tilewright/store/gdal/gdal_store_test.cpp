#include "tilewright/store/conformance.h"

namespace tilewright {
namespace {

using testing::TestFolder;

TEST(GdalStore, conforms) {
  testing::store_conformance(".tif", {kDTypes.begin(), kDTypes.end()}, 3);
}

}  // namespace
}  // namespace tilewright
