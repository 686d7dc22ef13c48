// The network as text, JSON or DOT, written piece by piece.
#include <fmt/format.h>

#include "tilewright/graph/tile_graph.h"

namespace tilewright {
namespace {

using Write = std::function<void(const std::string&)>;

// How one format writes the parts of the network; `{}` fields are filled by the writers below.
struct Writer {
  std::string (*head)(const TileGraph&);
  std::string (*piece)(const TileGraph&, const Piece&, bool first);
  std::string (*tail)(const TileGraph&, Index left_out);
};

std::string counts_text(const Counts& c) {
  return fmt::format(
      "{} tiles, {} channel blocks, {} elemental convolutions ({} pieces x {} steps)", c.tiles,
      c.channel_blocks, c.elemental_convolutions, c.pieces, c.steps_per_piece);
}

std::string text_head(const TileGraph& g) {
  return g.plan().problem.line() + "\n" + counts_text(g.plan().counts()) + "\n";
}

std::string text_piece(const TileGraph& g, const Piece& p, bool) {
  std::string text = fmt::format("piece {}: reassemble dst {}\n", p.id, to_string(p.dst));
  for (Index j = 0; j < g.steps(p); ++j) {
    const Step s = g.step(p, j);
    text += fmt::format("  select src {} -> process weights co{}:{} ci{}:{} ky{}:{} kx{}:{}{}\n",
                        to_string(s.window), s.weights[0].begin, s.weights[0].end,
                        s.weights[1].begin, s.weights[1].end, s.weights[2].begin, s.weights[2].end,
                        s.weights[3].begin, s.weights[3].end, s.first ? "" : " -> accumulate");
  }
  return text;
}

std::string text_tail(const TileGraph&, Index left_out) {
  return left_out == 0 ? "" : fmt::format("... {} more pieces (--limit 0 for all)\n", left_out);
}

std::string json_interval(const Interval& i) { return fmt::format("[{},{}]", i.begin, i.end); }

std::string json_region(const Region& r) {
  return fmt::format("[{},{},{},{}]", json_interval(r[0]), json_interval(r[1]), json_interval(r[2]),
                     json_interval(r[3]));
}

std::string json_head(const TileGraph& g) {
  const Counts c = g.plan().counts();
  return fmt::format(
      "{{\"problem\":\"{}\",\"counts\":{{\"tiles\":{},\"channel_blocks\":{},\"tap_blocks\":{},"
      "\"pieces\":{},\"steps_per_piece\":{},\"elemental_convolutions\":{}}},\n\"pieces\":[",
      g.plan().problem.line(), c.tiles, c.channel_blocks, c.tap_blocks, c.pieces, c.steps_per_piece,
      c.elemental_convolutions);
}

std::string json_piece(const TileGraph& g, const Piece& p, bool first) {
  std::string text = fmt::format("{}\n{{\"id\":{},\"dst\":{},\"steps\":[", first ? "" : ",", p.id,
                                 json_region(p.dst));
  for (Index j = 0; j < g.steps(p); ++j) {
    const Step s = g.step(p, j);
    text += fmt::format("{}{{\"window\":{},\"weights\":{}}}", j == 0 ? "" : ",",
                        json_region(s.window), json_region(s.weights));
  }
  return text + "]}";
}

std::string json_tail(const TileGraph&, Index left_out) {
  return fmt::format("],\n\"pieces_left_out\":{}}}\n", left_out);
}

std::string dot_head(const TileGraph& g) {
  return fmt::format(
      "digraph tiles {{\n  rankdir=LR; node [shape=box, fontsize=10];\n  label=\"{}\\n{}\";\n"
      "  src [shape=cylinder]; weights [shape=cylinder]; dst [shape=cylinder];\n",
      g.plan().problem.line(), counts_text(g.plan().counts()));
}

std::string dot_piece(const TileGraph& g, const Piece& p, bool) {
  std::string text =
      fmt::format("  r{} [label=\"reassemble\\n{}\"]; r{} -> dst;\n", p.id, to_string(p.dst), p.id);
  for (Index j = 0; j < g.steps(p); ++j) {
    const Step s = g.step(p, j);
    const std::string id = fmt::format("{}_{}", p.id, j);
    text += fmt::format(
        "  s{0} [label=\"select\\n{1}\"]; p{0} [label=\"process\\nco{2}:{3} ci{4}:{5}\"];\n"
        "  src -> s{0} -> p{0}; weights -> p{0};\n",
        id, to_string(s.window), s.weights[0].begin, s.weights[0].end, s.weights[1].begin,
        s.weights[1].end);
    text += s.last ? fmt::format("  p{} -> r{};\n", id, p.id)
                   : fmt::format("  p{} -> p{}_{} [label=\"accumulate\"];\n", id, p.id, j + 1);
  }
  return text;
}

std::string dot_tail(const TileGraph&, Index left_out) {
  if (left_out == 0) return "}\n";
  return fmt::format("  more [shape=plaintext, label=\"... {} more pieces\"];\n}}\n", left_out);
}

constexpr std::array<Writer, 3> kWriters{{{text_head, text_piece, text_tail},
                                          {json_head, json_piece, json_tail},
                                          {dot_head, dot_piece, dot_tail}}};

}  // namespace

void dump_graph(const TileGraph& graph, GraphFormat format, Index limit, const Write& write) {
  const Writer& w = kWriters[static_cast<std::size_t>(format)];
  const Index count = graph.piece_count();
  const Index shown = limit > 0 ? std::min(limit, count) : count;
  write(w.head(graph));
  for (Index i = 0; i < shown; ++i) write(w.piece(graph, graph.piece(i), i == 0));
  write(w.tail(graph, count - shown));
}

}  // namespace tilewright
