"""bench/peers with engines of the tests instead of other libraries: results of all passes are
checked, every way of going wrong is recorded, and table and chart are well-formed."""
import json
import re
import subprocess
import sys
import xml.etree.ElementTree as xml
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "bench"), str(ROOT / "bench" / "peers")]
from measure import Checks, cli, scratch
from problem import Problem
from render import LETTER, faster, summary, svg

LINES = ["conv2d ci4 y12 x13 co6 k3x5 s2x1 d1x2 p1,0,2,3 g2",
         "conv2d_transpose ci6 y6 x10 co4 o12x13 k3x5 s2x1 d1x2 p1,0,2,3 g2",
         "conv2d_weights n2 ci3 y9 x8 co5 k2x3 p0,1,1,1",
         "conv2d ci1 y5 x5 co1 k9x9 p4,4,4,4", "conv2d ci3 y8 x8 co3 k1x1 src:u8"]
STATES = {"Right": "right", "Wrong": "wrong", "NotANumber": "wrong", "Small": "wrong",
          "Hungry": "refused", "Crashing": "failed"}


def peers(folder, engines, *more, lines=LINES):
    """The results, and the finished process."""
    (folder / "problems.txt").write_text("\n".join(lines) + "\n", encoding="ascii")
    names = ",".join(f"{HERE / 'engines_for_tests.py'}:{name}" for name in engines)
    done = subprocess.run(
        [sys.executable, ROOT / "bench" / "peers" / "peers.py", folder / "problems.txt",
         "--engines", names, "--rounds", "2", "--threads", "1", "--memory", "64MiB",
         "--peer-memory", "2", "--json", folder / "out.json", "--svg", folder / "out.svg",
         "--markdown", folder / "out.md", *more], capture_output=True, text=True, timeout=500)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return json.loads((folder / "out.json").read_text(encoding="utf-8")), done


def check_states(checks, folder):
    results, done = peers(folder, STATES)
    checks.that("src:u8" in done.stderr, f"a line of bytes is not left out: {done.stderr}")
    checks.that(len(results["records"]) == 4, f"{len(results['records'])} records")
    for record in results["records"]:
        found = {name: note["state"] for name, note in record["notes"].items()}
        checks.that(found == STATES, f"{record['problem']}: {record['notes']}")
        checks.that(set(record["seconds"]) == {"tilewright", "Right"}, f"{record['seconds']}")
        checks.that(all(len(s) == 2 for s in record["seconds"].values()), "not two rounds")
    table = (folder / "out.md").read_text(encoding="utf-8")
    checks.that("SIGSEGV" in table and "refused" in table and "off by" in table, table)


def check_slow(checks, folder):
    results, _ = peers(folder, ["Slow", "Hanging", "Choosy", "Absent"], "--slow", "0.5", "--limit",
                       "5", lines=LINES[1:2] + LINES[3:4])
    source, forward = results["records"]
    checks.that(len(forward["seconds"]["Slow"]) == 1, "a slow library is timed more than once")
    checks.that("5 s" in forward["notes"]["Hanging"]["words"], f"{forward['notes']}")
    checks.that(source["notes"]["Choosy"]["state"] == "unfit", f"{source['notes']}")
    checks.that(len(forward["seconds"]["Choosy"]) == 2, "one layout is right, and not timed")
    checks.that(results["libraries"] == ["Slow", "Hanging", "Choosy"], f"{results['libraries']}")


def check_lines(checks):
    """A line of any pass, taken apart and put together, is the same."""
    for line in LINES[:4]:
        checks.that(Problem(line).line() == line, f"{line} becomes {Problem(line).line()}")
    forward = Problem(LINES[0])
    for part in ("source", "weights"):
        back = Problem(Problem(forward.line(part)).line("forward"))
        checks.that(back.line() == LINES[0], f"{part} leads back to {back.line()}")


def record(title, part, **seconds):
    return {"title": title, "pass": part, "flop": 123.4, "seconds": seconds, "notes": {},
            "tilewright": {"peak_gflops": 100}}


def check_numbers(checks):
    """By hand: the best other by round, and means."""
    one = record("a", "forward", tilewright=[1.0, 2.0, 1.0], x=[3.0, 3.0, 3.0], y=[4.0, 2.0, 4.0])
    two = record("b", "forward", tilewright=[1.0, 1.0, 1.0], x=[0.75])
    checks.that(faster(one) == ("x", 3.0), f"{faster(one)}")
    checks.that(faster(two) == ("x", 0.75), f"{faster(two)}")
    checks.that(faster(record("c", "forward", tilewright=[1.0])) is None, "compared with nothing")
    rows = summary([one, two])
    checks.that(rows[0][0] == "Forward" and abs(rows[0][1] - 1.5) < 1e-12 and
                rows[0][2:] == (0.75, "b", 2), f"{rows}")


def boxes(chart):
    """Left, right and baseline of every text."""
    for word in xml.fromstring(chart).iter("{http://www.w3.org/2000/svg}text"):
        width = LETTER * len(word.text or "")
        start = {"start": 0, "middle": width / 2, "end": width}[word.get("text-anchor")]
        x = float(word.get("x")) - start
        yield x, x + width, float(word.get("y")), word.text


def check_chart(checks):
    names = [f"a library with a long name {i}" for i in range(9)]
    records = [record(f"depthwise 1024 101x101 s2 @ {i}²", part, tilewright=[1.0],
                      **{n: [2.0**(3 * (k - 3))] for k, n in enumerate(names)})
               for i in range(3) for part in ("forward", "weights")]
    chart = svg([{"libraries": names, "records": records, "threads": 2, "processor": "<P> & Q"}])
    found = sorted(boxes(chart), key=lambda b: (b[2], b[0]))
    for one, other in zip(found, found[1:]):
        checks.that(one[2] != other[2] or one[1] <= other[0], f"{one[3]} runs into {other[3]}")
    checks.that(all(0 <= b[0] and b[1] <= 940 for b in found), "text outside of the chart")
    checks.that("prefers-color-scheme:dark" in chart, "no dark form")
    beyond = all(f">{sign} " in chart for sign in "≤≥")
    checks.that(beyond, "the edge does not say that marks there lie beyond it")
    checks.that(len(re.findall('class="mark', chart)) == 9 + 6 * 9, "marks are missing")


def main():
    cli()
    checks = Checks()
    check_lines(checks)
    check_numbers(checks)
    check_chart(checks)
    with scratch() as folder:
        check_states(checks, folder)
        check_slow(checks, folder)
    checks.finish()


main()
