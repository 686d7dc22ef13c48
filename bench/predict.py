#!/usr/bin/env python3
"""Predicted against measured seconds: how well plans know this machine.

    bench/predict.py [bench/problems/dense.txt ...] [--repeat 9] [--rounds 1] [--quantile 0.1]
                     [--limit 0.25] [--pairs]

Runs every problem line of the files (all of bench/problems by default) by `tilewright bench` and
its automatic plan, and prints predicted and measured seconds, their ratio, and the share of
problems within the limit. What counts as measured is a low quantile of all repetitions, as in
`tilewright tune`: other programs only ever slow one down. Several rounds over all problems spread
the repetitions of each over minutes. With --pairs, times that plan in turn with forced cuts of many
kinds, and counts how often the plan that is predicted to be quicker is quicker, of the pairs of
unlike plans that differ by more than 10 % when measured. Run `tilewright tune` first; --no-tune
judges the first guesses."""

import argparse
import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
PROGRAM = os.environ.get("TILEWRIGHT", HERE.parent / "build" / "tilewright")
CUTS = ("y=8", "tile=64x64", "co=16", "tile=32x256,co=32", "flight=1", "y=64,flight=1")


def problem_lines(paths):
    """Problem lines of the files, each once."""
    lines = []
    for path in paths:
        for line in pathlib.Path(path).read_text().splitlines():
            line = line.split("#")[0].strip()
            if line and line not in lines:
                lines.append(line)
    return lines


def bench(line, options, *words):
    """What `tilewright bench` says of a problem, one object for each of its plans; none if it
    refuses, saying why."""
    command = [str(PROGRAM), "bench", line, "--repeat", str(options.repeat), "--json", *words]
    command += ["--no-tune"] if options.no_tune else []
    command += ["--memory", options.memory] if options.memory else []
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=options.timeout)
    except subprocess.TimeoutExpired:
        print(f"{line}: takes longer than {options.timeout} s", file=sys.stderr)
        return []
    if done.returncode:
        print(f"{line}: {done.stderr.strip()}", file=sys.stderr)
        return []
    return [json.loads(row) for row in done.stdout.splitlines()]


def seconds_of(row, options):
    each = sorted(row["seconds_each"])
    return each[min(len(each) - 1, int(options.quantile * len(each)))]


def judge_times(lines, options):
    rows = {}
    for number in range(options.rounds):
        for line in lines if number == 0 else list(rows):
            for row in bench(line, options):
                first = rows.setdefault(line, row)
                if first is not row:
                    first["seconds_each"] += row["seconds_each"]
    print(f"| problem | predicted ms | measured ms, quantile {options.quantile:g} | "
          "predicted / measured |\n|---|---|---|---|")
    within = 0
    for line, row in rows.items():
        measured = seconds_of(row, options)
        ratio = row["predicted_seconds"] / measured
        within += abs(ratio - 1) <= options.limit
        print(f"| {line} | {1e3 * row['predicted_seconds']:.3g} | {1e3 * measured:.3g} | "
              f"{ratio:.2f} |")
    if rows:
        print(f"\n{within} of {len(rows)} problems ({100 * within / len(rows):.0f} %) within "
              f"{100 * options.limit:.0f} % of quantile {options.quantile:g} of "
              f"{options.rounds} x {options.repeat} repetitions")


def judge_pairs(lines, options):
    right = total = 0
    for line in lines:
        for cuts in CUTS:
            rows = bench(line, options, "--force", cuts, "--against-automatic")
            if len(rows) < 2:
                continue
            a, b = (seconds_of(r, options) for r in rows)
            same = rows[0]["predicted_seconds"] == rows[1]["predicted_seconds"]  # forced or not
            if same or max(a, b) < 1.1 * min(a, b):
                continue
            predicted = rows[0]["predicted_seconds"] < rows[1]["predicted_seconds"]
            total += 1
            right += predicted == (a < b)
            if predicted != (a < b):
                told = [1e3 * r["predicted_seconds"] for r in rows]
                print(f"wrong: {line} {cuts}: measured {1e3 * a:.3g} against {1e3 * b:.3g} ms, "
                      f"predicted {told[0]:.3g} against {told[1]:.3g}", flush=True)
    if total:
        print(f"\n{right} of {total} pairs of plans ranked right ({100 * right / total:.0f} %) by "
              f"quantile {options.quantile:g} of {options.repeat} repetitions")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("files", nargs="*", default=sorted(HERE.glob("problems/*.txt")))
    parser.add_argument("--repeat", type=int, default=9)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--limit", type=float, default=0.25)
    parser.add_argument("--quantile", type=float, default=0.1, help="of the repetitions")
    parser.add_argument("--memory", default="")
    parser.add_argument("--timeout", type=float, default=300)
    parser.add_argument("--pairs", action="store_true", help="rank pairs of plans instead")
    parser.add_argument("--no-tune", action="store_true", help="judge the first guesses")
    options = parser.parse_args()
    lines = problem_lines(options.files)
    (judge_pairs if options.pairs else judge_times)(lines, options)


if __name__ == "__main__":
    main()
