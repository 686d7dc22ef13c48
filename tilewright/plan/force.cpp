// Reading and writing of forced cuts.
#include "tilewright/plan/force.h"

#include <fmt/format.h>

#include "tilewright/base/text.h"

namespace tilewright {
namespace {

[[noreturn]] void reject(const std::string& item, const std::string& why) {
  throw InvalidArgument(fmt::format("force '{}': {}", item, why));
}

Cover parse_cover(const std::string& item, const std::string& value, Index extent) {
  if (value.find('+') == std::string::npos) {
    const Index size = parse_index(value, "force " + item);
    if (size < 1) reject(item, "a block must have at least 1 index");
    return Cover(extent, size);
  }
  std::vector<Index> parts;
  for (const std::string& part : split(value, '+'))
    parts.push_back(parse_index(part, "force " + item));
  try {
    return Cover(extent, parts);
  } catch (const InvalidArgument& e) {
    reject(item, e.what());
  }
}

void set_axis(Force& f, Axis axis, const std::string& item, const std::string& value,
              const Extents& extents) {
  if (f.given[axis]) reject(item, fmt::format("the axis {} is given twice", to_string(axis)));
  f.given[axis] = true;
  f.cuts[axis] = parse_cover(item, value, extents[axis]);
}

void set_channels(Force& f, const std::string& item, const std::string& value,
                  const Extents& extents) {
  const Index per_group = extents[Axis::kCo];
  const bool uneven = value.find('+') != std::string::npos;
  if (extents[Axis::kG] == 1 || uneven) return set_axis(f, Axis::kCo, item, value, extents);
  const Index size = parse_index(value, "force " + item);
  if (size < per_group) return set_axis(f, Axis::kCo, item, value, extents);
  if (size % per_group != 0)
    reject(item,
           fmt::format("must be below or a multiple of {}, the channels of a group", per_group));
  set_axis(f, Axis::kG, item, std::to_string(size / per_group), extents);
}

template <class T>
T choose(const std::string& item, const std::string& value,
         std::initializer_list<std::pair<const char*, T>> choices) {
  std::string names;
  for (const auto& [name, result] : choices) {
    if (value == name) return result;
    names += (names.empty() ? "" : " or ") + std::string(name);
  }
  reject(item, "must be " + names);
}

bool set_switch(Force& f, const std::string& item, const std::string& key,
                const std::string& value) {
  if (key == "order") {
    f.order_given = true;
    f.order = choose<PieceOrder>(
        item, value,
        {{"columns", PieceOrder::kColumnsThenRows}, {"rows", PieceOrder::kRowsThenColumns}});
  } else if (key == "nest") {
    f.nest_given = true;
    f.co_innermost = choose<bool>(item, value, {{"co", true}, {"space", false}});
  } else if (key == "flight") {
    f.in_flight = choose<int>(item, value, {{"1", 1}, {"2", 2}});
  } else if (key == "weights") {
    f.weights_given = true;
    f.keep_weights = choose<bool>(item, value, {{"kept", true}, {"streamed", false}});
  } else {
    return false;
  }
  return true;
}

bool set_cut(Force& f, const std::string& item, const std::string& key, const std::string& value,
             const Extents& extents) {
  if (key == "tile") {
    const auto sides = split(value, 'x');
    if (sides.size() != 2) reject(item, "must be tile=YxX, for instance tile=128x128");
    set_axis(f, Axis::kY, item, sides[0], extents);
    set_axis(f, Axis::kX, item, sides[1], extents);
    return true;
  }
  if (key == "co") {
    set_channels(f, item, value, extents);
    return true;
  }
  for (const Axis a : kAxes) {
    if (key != to_string(a)) continue;
    set_axis(f, a, item, value, extents);
    return true;
  }
  return false;
}

std::string cover_text(const Cover& c) {
  if (c.even()) return std::to_string(c.block());
  std::string text;
  for (const Index part : c.parts()) text += (text.empty() ? "" : "+") + std::to_string(part);
  return text;
}

}  // namespace

bool Force::any() const {
  for (const Axis a : kAxes)
    if (given[a]) return true;
  return order_given || nest_given || in_flight != 0 || weights_given;
}

Force parse_force(const std::string& text, const Problem& problem) {
  Force f;
  if (text.empty()) return f;
  const Extents extents = problem.extents();
  for (const std::string& item : split(text, ',')) {
    const auto equals = item.find('=');
    if (equals == std::string::npos) reject(item, "must be key=value, for instance co=128");
    const std::string key = item.substr(0, equals);
    const std::string value = item.substr(equals + 1);
    if (!set_switch(f, item, key, value) && !set_cut(f, item, key, value, extents))
      reject(item,
             "the key is not known; use tile, n, g, co, ci, y, x, ky, kx, order, nest, flight "
             "or weights");
  }
  const bool inside_group = (f.given[Axis::kCo] && f.cuts[Axis::kCo].cut()) ||
                            (f.given[Axis::kCi] && f.cuts[Axis::kCi].cut());
  if (inside_group && !f.given[Axis::kG]) {
    f.given[Axis::kG] = true;
    f.cuts[Axis::kG] = Cover(extents[Axis::kG], 1);
  }
  if (inside_group && f.cuts[Axis::kG].block() > 1)
    reject(text, "channels of a group can only be cut if each piece has one group: add g=1");
  return f;
}

std::string force_text(const Plan& plan) {
  // The g item comes before co, so that co is read as channels inside one group.
  std::string text;
  for (const Axis a : kAxes) {
    if (a == Axis::kCo && plan.cuts[Axis::kG].extent() > 1 && !plan.cuts[a].cut()) continue;
    text += fmt::format("{}={},", to_string(a), cover_text(plan.cuts[a]));
  }
  return text + fmt::format("order={},nest={},flight={},weights={}",
                            plan.order == PieceOrder::kColumnsThenRows ? "columns" : "rows",
                            plan.co_innermost ? "co" : "space", plan.in_flight,
                            plan.keep_weights ? "kept" : "streamed");
}

}  // namespace tilewright
