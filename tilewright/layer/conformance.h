// What every layer must keep, whatever it computes: its roles must match its regions, its work must
// add up over cuts, its words must read back. Each layer's test calls check_layer on its cases.
#pragma once

#include <gtest/gtest.h>

#include <sstream>

#include "tilewright/geometry/cover.h"
#include "tilewright/layer/table.h"

namespace tilewright {

inline void check_operands(const Layer& layer, const Shape& src) {
  const Block all = whole(layer.extents(src));

  EXPECT_EQ(layer.region(Operand::kDst, all), whole(layer.shape(Operand::kDst, src)));
  EXPECT_EQ(layer.region(Operand::kWeights, all), whole(layer.shape(Operand::kWeights, src)));
}

// One axis cut in two: what a piece owns is disjoint, or the same if the axis is summed.
inline void check_role(const Layer& layer, const Shape& src, Axis axis) {
  const Extents extents = layer.extents(src);
  const Block all = whole(extents);
  Block low = all, high = all;
  const Index middle = extents[axis] / 2;
  low[axis] = {0, middle};
  high[axis] = {middle, extents[axis]};
  // Channels inside a group are cut one group at a time.
  const bool inside_group = axis == Axis::kCo || axis == Axis::kCi;
  if (inside_group) low[Axis::kG] = high[Axis::kG] = {0, 1};

  const Region a = layer.region(Operand::kDst, low), b = layer.region(Operand::kDst, high);
  Block both = low;
  both[axis] = all[axis];

  if (layer.role(axis) == Role::kReduce) {
    EXPECT_EQ(a, b) << to_string(axis);
  } else {
    EXPECT_TRUE(intersect(a, b).empty()) << to_string(axis);
    EXPECT_EQ(a.volume() + b.volume(), layer.region(Operand::kDst, both).volume());
  }
  EXPECT_DOUBLE_EQ(layer.flop(low) + layer.flop(high), layer.flop(both)) << to_string(axis);
  const Region window = layer.region(Operand::kSrc, both);
  EXPECT_TRUE(window.contains(layer.region(Operand::kSrc, low))) << to_string(axis);
  EXPECT_TRUE(window.contains(layer.region(Operand::kSrc, high))) << to_string(axis);
}

inline WordMap word_map_of(const Layer& layer, const Shape& src) {
  WordMap map{{"ci", std::to_string(src[kC])}};
  std::istringstream text(layer.words());
  for (std::string word; text >> word;) {
    const auto colon = word.find(':');
    const auto digit = word.find_first_of("0123456789");
    if (colon != std::string::npos)
      map[word.substr(0, colon)] = word.substr(colon + 1);
    else if (digit != std::string::npos)
      map[word.substr(0, digit)] = word.substr(digit);
    else
      map[word] = "";
  }
  return map;
}

inline void check_words(const Layer& layer, const Shape& src) {
  WordMap words = word_map_of(layer, src);
  for (const LayerEntry& entry : layer_table()) {
    if (std::string(entry.name) != layer.name()) continue;
    EXPECT_EQ(entry.from_words(words)->words(), layer.words());
    EXPECT_TRUE(words.empty());
    return;
  }
  ADD_FAILURE() << layer.name() << " is not in the table of layers";
}

/// All checks for one layer and one source shape [n,c,y,x].
inline void check_layer(const Layer& layer, const Shape& src) {
  check_operands(layer, src);
  for (const Axis axis : kAxes)
    if (layer.extents(src)[axis] > 1) check_role(layer, src, axis);
  check_words(layer, src);
}

}  // namespace tilewright
