// All layers. To add one: a folder layer/<name>/ and one row.
#include "tilewright/layer/table.h"

#include "tilewright/layer/conv2d/conv2d.h"

namespace tilewright {

const std::vector<LayerEntry>& layer_table() {
  static const std::vector<LayerEntry> table{
      {"conv2d", &Conv2d::from_words},
  };
  return table;
}

}  // namespace tilewright
