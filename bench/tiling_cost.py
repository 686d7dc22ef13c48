"""What tiling costs where it is not needed: problems that fit, forced into 16 pieces, against one
piece, in alternating runs of one process; and predicted against measured memory and time.

  bench/tiling_cost.py [bench/problems/tiling.txt ...] [--grid 4x4] [--repeat 7] [--json FILE]

Passes if no problem loses more than 10 % and every peak of resident memory is within
5 % of its prediction, or 1 MiB.
"""
import argparse
import json
import re
import statistics
import sys
from pathlib import Path

from measure import HERE, MIB, Checks, problem_lines, table, tilewright

MOST_COST, MOST_PEAK = 1.10, 0.05
UNTOUCHED = MIB  # workspace that a small problem never touches is planned, but not resident


def sizes(line):
    """Output rows and columns, and the words n, ci and co, of a problem line."""
    line = tilewright("plan", line, "--json").json()["problem"]
    words = {m[1]: int(m[2]) for m in re.finditer(r"\b(ci|co|n|y|x|g)(\d+)\b", line)}
    pairs = {m[1]: (int(m[2]), int(m[3])) for m in re.finditer(r"\b([ksd])(\d+)x(\d+)", line)}
    pad = [int(p) for p in re.search(r"\bp([\d,]+)", line)[1].split(",")]
    result = []
    for axis, name in enumerate("yx"):
        span = pairs["d"][axis] * (pairs["k"][axis] - 1) + 1
        result.append((words[name] + pad[2 * axis] + pad[2 * axis + 1] - span)
                      // pairs["s"][axis] + 1)
    return (*result, words)


def cuts(line, grid):
    """The force texts of grid pieces and of one piece."""
    rows, columns, words = sizes(line)
    rest = f"n={words['n']},co={words['co']},ci={words['ci'] // words['g']}"
    tile = f"tile={-(-rows // grid[0])}x{-(-columns // grid[1])}"
    return f"{tile},{rest}", f"tile={rows}x{columns},{rest},flight=1,weights=kept"


def ratio(tiled, one):
    """Median over the repetitions of tiled / one, which ran in turn."""
    return statistics.median(t / o for t, o in zip(tiled["seconds_each"], one["seconds_each"]))


def check(checks, tiled, one, pieces):
    line = tiled["problem"]
    checks.that(tiled["pieces"] == pieces and one["elemental_convolutions"] == 1,
                f"{line}: {tiled['pieces']} and {one['pieces']} pieces")
    checks.that(tiled["hash"] == one["hash"], f"{line}: tiling changes the result")
    cost = ratio(tiled, one)
    checks.that(cost <= MOST_COST, f"{line}: {pieces} pieces take {cost:.3f} x one piece")
    for r in (tiled, one):
        gap = abs(r["peak_bytes"] - r["predicted_peak_bytes"])
        checks.that(gap <= max(MOST_PEAK * r["predicted_peak_bytes"], UNTOUCHED),
                    f"{line}: peak is {gap / MIB:.1f} MiB off")


def row(tiled, one):
    cells = [tiled["problem"].replace("conv2d n1 ", "").replace(" f32", ""),
             f"{1000 * one['seconds']:.1f}", f"{1000 * tiled['seconds']:.1f}",
             f"{ratio(tiled, one):.3f}",
             f"{one['seconds'] / one['predicted_seconds']:.2f}",
             f"{tiled['seconds'] / tiled['predicted_seconds']:.2f}",
             f"{one['fraction_of_peak']:.2f}"]
    for r in (one, tiled):
        cells.append(f"{r['peak_bytes'] / MIB:.1f} ({r['predicted_peak_bytes'] / MIB:.1f})")
        moved = r["bytes_moved"]
        cells.append(f"{moved / MIB:.1f} ({moved / r['lower_bound_bytes']:.2f})")
    return cells


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("problems", nargs="*", default=[HERE / "problems" / "tiling.txt"])
    parser.add_argument("--grid", default="4x4")
    parser.add_argument("--repeat", default="7")
    parser.add_argument("--json", type=Path)
    a = parser.parse_args()
    grid = [int(v) for v in a.grid.split("x")]
    checks, rows, record = Checks(), [], []
    for line in problem_lines(a.problems):
        forced, whole = cuts(line, grid)
        done = tilewright("bench", line, "--exact", "bits", "--force", forced, "--against", whole,
                          "--json", "--repeat", a.repeat, "--memory", "4GiB")
        tiled, one = (json.loads(r) for r in done.out.splitlines())
        check(checks, tiled, one, grid[0] * grid[1])
        rows.append(row(tiled, one))
        record += [tiled, one]
        print(line, f"{ratio(tiled, one):.3f}", file=sys.stderr, flush=True)
    print(table(["problem", "one piece ms", "tiled ms", "tiled / one", "one: measured / predicted",
                 "tiled: measured / predicted", "one: of peak", "one: peak MiB (predicted)",
                 "one: moved MiB (x bound)", "tiled: peak MiB (predicted)",
                 "tiled: moved MiB (x bound)"], rows))
    costs = [r[3] for r in rows]
    print(f"\nMedian cost {statistics.median(float(c) for c in costs):.3f}, largest {max(costs)}.")
    if a.json:
        a.json.write_text(json.dumps(record, indent=1), encoding="ascii")
    checks.finish()


main()
