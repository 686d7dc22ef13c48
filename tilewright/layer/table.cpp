// All layers. To add one: a folder layer/<name>/ and one row.
#include "tilewright/layer/table.h"

#include "tilewright/layer/conv2d/conv2d.h"
#include "tilewright/layer/conv2d/conv2d_transpose.h"
#include "tilewright/layer/conv2d/conv2d_weights.h"

namespace tilewright {

const std::vector<LayerEntry>& layer_table() {
  static const std::vector<LayerEntry> table{
      {"conv2d", &Conv2d::from_words},
      {"conv2d_transpose", &Conv2dTranspose::from_words},
      {"conv2d_weights", &Conv2dWeights::from_words},
  };
  return table;
}

}  // namespace tilewright
