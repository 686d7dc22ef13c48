"""Tilewright beside other libraries, on the same problems, in turn, within one run.

  bench/peers/peers.py FILE... [--rounds 5] [--threads 2] [--passes forward,source,weights]
                       [--exact stable] [--json OUT.json]

FILE holds lines of forward problems. Needs numpy and those of PyTorch, ONNX Runtime with onnx, ncnn
and SciPy that are to be compared; none of them is needed by build or tests. TILEWRIGHT names the
program. Times are of one call in memory: Tilewright's with planning and packing of the weights, the
others' with what they do per call. Prints milliseconds (medians) and the median over rounds of the
fastest other library's time by Tilewright's.
"""
import argparse
import json
import math
import sys
import time
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import numpy as np

from engines import Problem, array_of, present
from measure import problem_lines, scratch, table, tilewright

LEAST_SECONDS = 0.05  # of repetitions in a round


def once(run):
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin


def best_of_round(runs):
    """The fastest of several layouts, each repeated for a while."""
    best = math.inf
    for run in runs:
        total = 0
        while total < LEAST_SECONDS:
            seconds = once(run)
            best, total = min(best, seconds), total + seconds
    return best


def ours(line, a):
    report = tilewright("bench", line, "--repeat", 3, "--threads", a.threads, "--memory", "8GiB",
                        "--exact", a.exact, "--json").json()
    return min(report["seconds_each"])


def forward_result(p):
    """What Tilewright computes from the same tensors."""
    x, w, _ = p.tensors()
    with scratch() as folder:
        np.save(folder / "x.npy", x)
        np.save(folder / "w.npy", w)
        pair = lambda values: ",".join(map(str, values))
        tilewright("conv", folder / "x.npy", folder / "y.npy", "--weights", folder / "w.npy",
                   f"--stride={pair(p.stride)}", f"--dilation={pair(p.dilation)}",
                   f"--padding={pair(p.pads)}", f"--groups={p.groups}", "--quiet")
        return np.load(folder / "y.npy").reshape(-1)


def check_results(p, runs):
    """The others must compute the same convolution, or their times mean nothing."""
    expected = forward_result(p)
    for name, functions in runs.items():
        for run in functions:
            gap = np.abs(array_of(run()) - expected).max() / np.abs(expected).max()
            if gap > 1e-4:
                sys.exit(f"{name}: {p.line}: off by {gap:.1e} of the largest value")


def compare(p, part, engines, a):
    """Seconds by name, one a round."""
    runs = {e.name: e.prepare(p, part) for e in engines}
    runs = {name: r for name, r in runs.items() if r}
    if part == "forward":
        check_results(p, runs)
    for r in runs.values():
        best_of_round(r)
    seconds = {"tilewright": [], **{name: [] for name in runs}}
    for _ in range(a.rounds):
        seconds["tilewright"].append(ours(p.line_of(part), a))
        for name, r in runs.items():
            seconds[name].append(best_of_round(r))
    return seconds


def ratio(seconds):
    """How many times faster than the fastest other of each round."""
    others = [s for name, s in seconds.items() if name != "tilewright"]
    if not others:
        return None
    return median(min(round_) / own for own, *round_ in zip(seconds["tilewright"], *others))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--passes", default="forward,source,weights")
    parser.add_argument("--exact", default="stable")
    parser.add_argument("--json", type=Path)
    a = parser.parse_args()
    engines = present(a.threads)
    names = ["tilewright", *(e.name for e in engines)]
    rows, record, ratios = [], [], {}
    for line in problem_lines(a.files):
        p = Problem(line)
        for part in a.passes.split(","):
            seconds = compare(p, part, engines, a)
            times = [f"{1e3 * median(seconds[n]):.2f}" if n in seconds else "" for n in names]
            faster = ratio(seconds)
            rows.append([line, part, *times, "" if faster is None else f"{faster:.2f}"])
            record.append({"problem": line, "pass": part, "flop": p.flop(), "seconds": seconds})
            if faster is not None:
                ratios.setdefault(part, []).append(faster)
            print(" | ".join(rows[-1]), file=sys.stderr, flush=True)
    print(table(["problem", "pass", *names, "times faster"], rows))
    for part, values in ratios.items():
        mean = math.exp(sum(math.log(v) for v in values) / len(values))
        print(f"\n{part}: {mean:.2f} as geometric mean, {min(values):.2f} at least")
    if a.json:
        a.json.write_text(json.dumps(record, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
