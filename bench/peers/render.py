"""Table and chart of what peers.py measured; several result files are put together.

  bench/peers/render.py RESULTS.json... [--svg OUT.svg] [--markdown OUT.md]
"""
import argparse
import json
import math
from html import escape
from pathlib import Path
from statistics import median

PASS_TITLES = {"forward": "Forward", "source": "Gradient of the source",
               "weights": "Gradient of the weights"}


def ratios(record, name):
    """Per round, the time of `name` by Tilewright's; slow ones have one time for all rounds."""
    own, other = record["seconds"]["tilewright"], record["seconds"][name]
    if len(other) == len(own):
        return [o / s for o, s in zip(other, own)]
    return [median(other) / s for s in own]


def others(record):
    return [name for name in record["seconds"] if name != "tilewright"]


def faster(record):
    """How many times faster than the best other library: its name, and the median over rounds of
    the quickest other's time by Tilewright's. None if nothing was compared."""
    names = others(record)
    if not names:
        return None
    best = min(names, key=lambda n: median(record["seconds"][n]))
    return best, median(min(r) for r in zip(*(ratios(record, n) for n in names)))


def geometric_mean(values):
    return math.exp(sum(math.log(v) for v in values) / len(values))


def summary(records):
    """(what, geometric mean, least, its problem, how many) of each pass and of all."""
    rows = []
    for part, title in (*PASS_TITLES.items(), (None, "All")):
        found = [(faster(r)[1], r["title"]) for r in records
                 if part in (None, r["pass"]) and faster(r)]
        if found:
            least = min(found)
            rows.append((title, geometric_mean([v for v, _ in found]), *least, len(found)))
    return rows


def libraries(results):
    """All names, in order of first appearance."""
    return list(dict.fromkeys(name for r in results for name in r["libraries"]))


def time_cell(record, name):
    if name in record["seconds"]:
        times = record["seconds"][name]
        once = "" if len(times) > 1 or len(record["seconds"]["tilewright"]) == 1 else " (once)"
        return f"{1e3 * median(times):.4g}{once}"
    state = record["notes"].get(name, {}).get("state", "unfit")
    return "" if state == "unfit" else state


def markdown(results):
    """Milliseconds of all, the rate of Tilewright, and how many times faster it is."""
    names = libraries(results)
    head = ["problem", "pass", "tilewright", *names, "GFLOP/s", "of peak", "best other",
            "times faster"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    records = [r for result in results for r in result["records"]]
    for r in records:
        found = faster(r)
        rate = r["flop"] / median(r["seconds"]["tilewright"]) / 1e9
        peak = r["tilewright"]["peak_gflops"]
        cells = [r["title"], r["pass"], time_cell(r, "tilewright"),
                 *(time_cell(r, n) for n in names), f"{rate:.0f}",
                 f"{100 * rate / peak:.0f} %" if peak else "",
                 *((found[0], f"{found[1]:.2f}") if found else ("", ""))]
        lines.append("| " + " | ".join(cells) + " |")
    lines.append("")
    for title, mean, least, where, count in summary(records):
        lines.append(f"{title}: {mean:.2f} as geometric mean of {count}, "
                     f"{least:.2f} at least ({where}).\n")
    notes = sorted({f"{r['title']}, {r['pass']}: {n} {v['state']}: {v['words']}" for r in records
                    for n, v in r["notes"].items() if v["state"] not in ("right", "unfit")})
    return "\n".join(lines + [f"- {note}" for note in notes]) + "\n"


# The chart: a row per problem; a mark per library, left of the line where it is slower.
TITLE = "Speed of other libraries relative to Tilewright"
WIDTH, LEFT, RIGHT, ROW, TOP = 940, 250, 150, 22, 16
LETTER = 6.6  # width of a letter of 12 px, about
MOST_OCTAVES = (9, 3)  # slower and faster than Tilewright; what is beyond stands at the edge
CLOSE = 9  # marks that are nearer to each other move up and down
COLOURS = [("#0072b2", "#56b4e9"), ("#c04a00", "#ff9e4a"), ("#00785a", "#2fd0a4"),
           ("#a8418c", "#ee93cf"), ("#7a6a00", "#f0e442"), ("#5b4bb5", "#a99cff"),
           ("#666666", "#b8b8b8")]
SHAPES = ["M-5,0a5,5 0 1,0 10,0a5,5 0 1,0 -10,0z", "M-4.5,-4.5h9v9h-9z", "M0,-6L6,0L0,6L-6,0z",
          "M0,-6L5.5,4.5L-5.5,4.5z", "M0,6L5.5,-4.5L-5.5,-4.5z",
          "M-2,-5.5h4v3.5h3.5v4h-3.5v3.5h-4v-3.5h-3.5v-4h3.5z", "M-5.5,-2h11v4h-11z"]
STYLE = """text{font:12px system-ui,sans-serif;fill:#1f2328}
.page{fill:#ffffff}.grid{stroke:#d4d8dd}.one{stroke:#1f2328;stroke-width:2}
.head{font-weight:600}.dim{fill:#57606a}.band{fill:#f2f4f7}.mark{stroke:#ffffff}
%s@media(prefers-color-scheme:dark){text{fill:#e6edf3}.page{fill:#0d1117}.grid{stroke:#343b44}
.one{stroke:#e6edf3}.dim{fill:#9aa4af}.band{fill:#171d25}.mark{stroke:#0d1117}%s}"""


def style():
    light, dark = ("".join(f".c{i}{{fill:{c[k]}}}" for i, c in enumerate(COLOURS))
                   for k in range(2))
    return STYLE % (light, dark)


class Axis:
    """Speeds relative to Tilewright's, by powers of two as far as the records need them."""

    def __init__(self, records):
        speeds = [1 / median(ratios(r, n)) for r in records for n in others(r)] + [1.0]
        self.low = -min(MOST_OCTAVES[0], max(2, math.ceil(-math.log2(min(speeds)))))
        self.high = min(MOST_OCTAVES[1], max(1, math.ceil(math.log2(max(speeds)))))
        self.beyond = {self.low: "≤ " if min(speeds) < 2.0**self.low else "",
                       self.high: "≥ " if max(speeds) > 2.0**self.high else ""}

    def column(self, value):
        """Where a speed lies, kept inside of the plot."""
        power = min(max(math.log2(value), self.low), self.high)
        return LEFT + (power - self.low) / (self.high - self.low) * (WIDTH - LEFT - RIGHT)

    def draw(self, y0, y1):
        parts = []
        for power in range(self.low, self.high + 1):
            x = self.column(2.0**power)
            kind = "one" if power == 0 else "grid"
            label = f"{2**power}×" if power >= 0 else f"1/{2**-power}"
            parts += [f'<line class="{kind}" x1="{x:.1f}" x2="{x:.1f}" y1="{y0}" y2="{y1}"/>',
                      text(x, y0 - 8, self.beyond.get(power, "") + label, "middle", "dim")]
        return parts


def text(x, y, words, anchor="start", kind=""):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{kind}">'
            f"{escape(words)}</text>")


def mark(index, x, y):
    index %= len(SHAPES)
    place = f"translate({x:.1f},{y:.1f})"
    return f'<path class="mark c{index}" d="{SHAPES[index]}" transform="{place}"/>'


def legend(names, y):
    """The parts, and where they end; a new line where a name would not fit."""
    parts, x = [], 20
    for i, name in enumerate(names):
        width = 24 + LETTER * len(name) + 16
        if x + width > WIDTH - 10:
            x, y = 20, y + ROW
        parts += [mark(i, x, y - 4), text(x + 12, y, name)]
        x += width
    return parts, y + ROW


def marks_of(record, names, axis, middle):
    """A mark per library; close ones move up and down in turn."""
    placed = sorted((axis.column(1 / median(ratios(record, n))), names.index(n))
                    for n in others(record))
    parts, before, shift = [], -math.inf, 0
    for x, index in placed:
        shift = 0 if x - before >= CLOSE else (4 if shift <= 0 else -4)
        parts.append(mark(index, x, middle + shift))
        before = x
    return parts


def rate_text(rate):
    """GFLOP/s in three digits or more."""
    if rate >= 100:
        return f"{rate:.0f}"
    return f"{rate:.3g}" if rate >= 0.01 else "< 0.01"


def row(record, names, axis, y):
    """The words and the marks."""
    middle, found = y + ROW / 2, faster(record)
    rate = record["flop"] / median(record["seconds"]["tilewright"]) / 1e9
    return [text(LEFT - 14, middle + 4, record["title"], "end"),
            text(WIDTH - 76, middle + 4, f"{found[1]:.2f} ×" if found else "", "end"),
            text(WIDTH - 16, middle + 4, rate_text(rate), "end", "dim"),
            *marks_of(record, names, axis, middle)]


def section(title, records, names, axis, y):
    """Heading, bands below the grid and marks above it; and where it ends."""
    parts = [text(20, y + 12, title, "start", "head"),
             text(WIDTH - 76, y + 12, "× faster", "end", "dim"),
             text(WIDTH - 16, y + 12, "GFLOP/s", "end", "dim")]
    begin = y + 20
    end = begin + len(records) * ROW
    for top in range(begin, end, 2 * ROW):
        parts.append(f'<rect class="band" x="8" y="{top}" width="{WIDTH - 16}" height="{ROW}"/>')
    parts += axis.draw(begin, end)
    for i, record in enumerate(records):
        parts += row(record, names, axis, begin + i * ROW)
    return parts, end + 18


def svg(results):
    """The chart, which adapts to light and dark."""
    names = libraries(results)
    records = [r for result in results for r in result["records"]]
    threads = ", ".join(dict.fromkeys(f"{r['threads']} threads, {r['processor']}" for r in results))
    parts = [text(20, TOP + 12, TITLE, kind="head"),
             text(20, TOP + 12 + ROW, f"Left of the line: slower than Tilewright. {threads}",
                  kind="dim")]
    axis = Axis(records)
    more, y = legend(names, TOP + 20 + 2 * ROW)
    parts += more
    for part, title in PASS_TITLES.items():
        chosen = [r for r in records if r["pass"] == part]
        if chosen:
            more, y = section(title, chosen, names, axis, y)
            parts += more
    opening = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" '
               f'width="{WIDTH}" height="{y}" role="img">')
    return "\n".join([opening, f"<title>{TITLE}</title><style>{style()}</style>",
                      f'<rect class="page" width="{WIDTH}" height="{y}"/>', *parts, "</svg>\n"])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--svg", type=Path)
    parser.add_argument("--markdown", type=Path)
    a = parser.parse_args()
    results = [json.loads(f.read_text(encoding="utf-8")) for f in a.files]
    for path, form in ((a.svg, svg), (a.markdown, markdown)):
        if path:
            path.write_text(form(results), encoding="utf-8")
    print(markdown(results))


if __name__ == "__main__":
    main()
