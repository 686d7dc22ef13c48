// The visible table of layers.
#pragma once

#include <map>
#include <vector>

#include "tilewright/layer/layer.h"

namespace tilewright {

/// Words of a problem line by their key: {"co", "128"}, {"k", "3x3"} …
using WordMap = std::map<std::string, std::string>;

struct LayerEntry {
  const char* name;
  /// Makes the layer from its words and removes those that it understood.
  std::shared_ptr<const Layer> (*from_words)(WordMap& words);
};

const std::vector<LayerEntry>& layer_table();

}  // namespace tilewright
