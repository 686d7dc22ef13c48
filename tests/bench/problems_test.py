"""The problem sets of bench/problems: tiny and degenerate ones run through the driver, every line
of the others can be planned, and wrong files are refused with the line at fault."""
import json
import math
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))
from measure import Checks, problem_lines, tilewright

SETS = ROOT / "bench" / "problems"
USAGE, FILE = 2, 3
KEYS = ("problem kernel exact threads seconds predicted_seconds flop gflop_per_second peak_gflops "
        "fraction_of_peak flop_per_byte memory_limit_gflops limit_gflops bound_by "
        "fraction_of_limit bytes_moved lower_bound_bytes bytes_over_bound hash").split()


def check_row(checks, row):
    checks.that(all(k in row for k in KEYS), f"keys missing: {set(KEYS) - set(row)}")
    numbers = {k: v for k, v in row.items() if isinstance(v, (int, float))}
    checks.that(all(math.isfinite(v) and v >= 0 for v in numbers.values()), f"{row}")
    rate = row["flop"] / row["seconds"] / 1e9
    checks.that(math.isclose(rate, row["gflop_per_second"], rel_tol=1e-6), f"rate of {row}")
    checks.that(row["limit_gflops"] <= row["peak_gflops"], f"limit above the peak: {row}")
    checks.that(row["bytes_over_bound"] >= 1 - 1e-9, f"moves less than the bound: {row}")


def check_runs(checks, name):
    """Two cuts of every problem give one hash, where a cut of rows is possible."""
    done = tilewright("bench", "--problems", SETS / f"{name}.txt", "--repeat", "1", "--exact",
                      "bits", "--json", "--memory", "1GiB", "--force", "flight=1",
                      "--against-automatic")
    rows = [json.loads(line) for line in done.out.splitlines()]
    lines = list(problem_lines([SETS / f"{name}.txt"]))
    checks.that(len(rows) == 2 * len(lines), f"{name}: {len(rows)} rows of {len(lines)} lines")
    for one, other in zip(rows[::2], rows[1::2]):
        check_row(checks, one)
        checks.that(one["hash"] == other["hash"], f"{one['problem']}: two results")


def check_orders(checks):
    """The data tell orders of sums apart: otherwise equal hashes would say nothing."""
    hashes = {}
    for exact, cuts in (("bits", "flight=1"), ("bits", "y=7,x=20,co=5"), ("bits", "ci=16"),
                        ("bits", "ky=1,ci=1"), ("bound", "ky=1,ci=8"), ("bound", "kx=1,ci=8")):
        row = tilewright("bench", "conv2d ci64 y60 x61 co64 k3x3 p1,1,1,1", "--exact", exact,
                         "--kernel-impl", "direct", "--force", cuts, "--repeat", "1",
                         "--json").json()
        hashes.setdefault(exact, []).append(row["hash"])
    checks.that(len(set(hashes["bits"])) == 1, f"cuts of class bits: {hashes}")
    checks.that(len({hashes["bits"][0], *hashes["bound"]}) == 3, f"orders look alike: {hashes}")


def check_plans(checks):
    for path in sorted(SETS.glob("*.txt")):
        lines = list(problem_lines([path]))
        checks.that(lines, f"{path.name} is empty")
        for line in lines:
            plan = tilewright("plan", line, "--memory", "4GiB", "--json").json()
            checks.that(plan["seconds"] > 0, f"{path.name}: {line}")


def check_headline(checks):
    lines = list(problem_lines([SETS / "headline.txt"]))
    passes = [line.split()[0] for line in lines]
    checks.that(len(lines) == 39, f"headline has {len(lines)} lines")
    for name in ("conv2d", "conv2d_transpose", "conv2d_weights"):
        checks.that(passes.count(name) == 13, f"headline has {passes.count(name)} {name}")


def check_refusals(checks):
    """One line on standard error that names file and line; nothing runs."""
    cases = {b"conv2d ci1 y8 x8 co1\n# fine\nconv2d oops\n": "list:3:",
             b"conv2d ci1 y8 x8 co1\n\0\1\2\n": "list:2:",
             b"\xff\xfe\xfd conv2d\n": "list:1:", b"conv2d ci1\r\nco1": "list:1:",
             b"conv2d ci1 y8 x8 co1 # \xff\r\n  \t\nconv2d \xc3\xa4": "list:3:",
             b"conv2d ci1 y99999999999 x99999999999 co1": "list:1:",
             b"conv2d ci1 y8 x8 co1 ci1": "list:1:", b"# nothing\n\n": "list:",
             b"conv2d ci1 y8 x8 co1 " + b"z" * 200000: "list:1:"}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "list"
        for content, says in cases.items():
            path.write_bytes(content)
            done = tilewright("bench", "--problems", path, "--repeat", "1", code=USAGE)
            error = done.err.strip()
            checks.that(says in error and "\n" not in error and not done.out and len(error) < 1000,
                        f"{content[:40]}: {error[:200]}")
        tilewright("bench", "--problems", Path(folder) / "absent", code=FILE)
        tilewright("bench", "--problems", folder, code=FILE)
    tilewright("bench", code=USAGE)
    done = tilewright("bench", "conv2d ci1 y8388608 x1048576 co1", code=USAGE)
    checks.that("free" in done.err, f"no word about memory: {done.err}")


def main():
    checks = Checks()
    for name in ("tiny", "degenerate"):
        check_runs(checks, name)
    check_orders(checks)
    check_plans(checks)
    check_headline(checks)
    check_refusals(checks)
    checks.finish()


main()
