"""Tilewright beside other libraries, on the same problems, in turn, within one run.

  bench/peers/peers.py FILE... [--rounds 5] [--threads 2] [--passes forward,source,weights]
      [--engines onednn,pytorch,openvino,onnxruntime,ncnn,scipy,vips] [--exact stable]
      [--memory 8GiB] [--peer-memory 8GiB] [--json OUT.json] [--svg OUT.svg] [--markdown OUT.md]

FILE holds problem lines; --passes asks for those passes of each instead of its own. Every library
has a process of its own and a limit of memory; a refusal, a crash and a result that differs from
Tilewright's (all passes are checked) are recorded as such. What takes more than --slow seconds is
timed once. Times are of one call in memory: Tilewright's of a plan made before, with packing of the
weights, the others' of what they do per call, the best of their layouts. README.md says what to
install.
"""
import argparse
import json
import os
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import numpy as np

from engines import ENGINES
from measure import GIB, problem_lines, scratch, tilewright
from peer import Peer
from problem import Problem
from render import markdown, svg

LEAST_SECONDS = 0.1  # of repetitions in a round
REST_SECONDS = 0.05  # before each turn, so that the threads of the one before have gone to sleep
MOST_REPEAT = 2000


class Ours:
    """Tilewright, by its command line."""

    def __init__(self, a):
        self.common = ["--threads", a.threads, "--memory", a.memory, "--exact", a.exact]
        self.repeat, self.report = 1, None

    def time(self, line):
        """Seconds of the fastest repetition, in a process of its own."""
        self.report = tilewright("bench", line, "--repeat", self.repeat, *self.common,
                                 "--json").json()
        best = min(self.report.pop("seconds_each"))
        self.repeat = min(MOST_REPEAT, max(1, round(LEAST_SECONDS / max(best, 1e-7))))
        return best

    def compute(self, p, folder):
        """Writes the operands and what Tilewright makes of them, from file to file."""
        tensors = p.tensors()
        for name in tensors:
            np.save(folder / f"{name}.npy", tensors[name])
        pair = lambda values: ",".join(map(str, values))
        layer = [f"--stride={pair(p.stride)}", f"--dilation={pair(p.dilation)}",
                 f"--padding={pair(p.pads)}", f"--groups={p.groups}", "--weights",
                 folder / "w.npy", "--quiet", "--overwrite", *self.common]
        out = folder / "expected.npy"
        if p.part == "forward":
            tilewright("conv", folder / "x.npy", out, *layer)
        else:
            tilewright("grad", folder / "x.npy", folder / "g.npy", f"--out-{name_of(p.part)}", out,
                       *layer)


def name_of(part):
    return {"source": "src", "weights": "weights"}[part]


def verdict(answer, slow):
    """What `prepare` answered: a state, words for the record, and the seconds of a slow one."""
    for state in ("unfit", "refused", "failed"):
        if state in answer:
            return state, answer[state], None
    right = [v for v in answer["variants"] if v["right"]]
    if not right:
        gaps = [v["gap"] for v in answer["variants"]]
        return "wrong", f"off by {gaps} of the largest value", None
    best = min(right, key=lambda v: v["seconds"])
    return "right", best["name"], best["seconds"] if best["seconds"] > slow else None


def prepare(p, peers, folder, a):
    """Notes of every library, those that take part, and the times of slow ones."""
    notes, ready, seconds = {}, [], {}
    for peer in peers:
        answer = peer.ask("prepare", a.limit, problem=p.line(), folder=str(folder),
                          operands=p.operands())
        state, words, once = verdict(answer, a.slow)
        gaps = [v["gap"] for v in answer.get("variants", []) if v["right"]]
        notes[peer.name] = {"state": state, "words": words, "gap": max(gaps, default=None)}
        if state == "right" and once is None:
            ready.append(peer)
            seconds[peer.name] = []
        else:
            peer.ask("drop", a.limit)
            if once is not None:
                seconds[peer.name] = [once]
    return notes, ready, seconds


def compare(p, peers, ours, a):
    """The record of one problem."""
    with scratch() as folder:
        ours.compute(p, folder)
        notes, ready, seconds = prepare(p, peers, folder, a)
    seconds = {"tilewright": [], **seconds}
    ours.repeat = 1
    ours.time(p.line())
    for number in range(a.rounds):
        turns = [None, *ready]
        for peer in turns if number % 2 == 0 else turns[::-1]:
            time.sleep(REST_SECONDS)
            if peer is None:
                seconds["tilewright"].append(ours.time(p.line()))
                continue
            answer = peer.ask("time", a.limit, least_seconds=LEAST_SECONDS)
            if "seconds" in answer:
                seconds[peer.name].append(answer["seconds"])
                notes[peer.name]["words"] = answer["variant"]
            else:
                ready = [r for r in ready if r is not peer]
                notes[peer.name] = {"state": "failed", "words": str(answer), "gap": None}
    for peer in ready:
        peer.ask("drop", a.limit)
    seconds = {name: s for name, s in seconds.items() if s}
    return {"problem": p.line(), "title": p.title(), "pass": p.part, "flop": p.flop(),
            "seconds": seconds, "notes": notes, "tilewright": ours.report}


def problems(a):
    for line in problem_lines(a.files):
        try:
            p = Problem(line)
            for part in a.passes.split(",") if a.passes else [p.part]:
                yield Problem(p.line(part))
        except (ValueError, KeyError) as e:
            print(f"left out: {e}", file=sys.stderr)


def started(a):
    """The libraries that are there; the processor count of all programs is a.threads."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:a.threads])
    peers = []
    for name in a.engines.split(","):
        if name not in ENGINES and ":" not in name:
            sys.exit(f"there is no engine '{name}'; choose from {', '.join(ENGINES)}, or name "
                     "FILE.py:CLASS")
        peer = Peer(name, a.threads, int(a.peer_memory * GIB))
        if peer.missing:
            print(f"left out: {name}: {peer.missing}", file=sys.stderr)
        else:
            peers.append(peer)
    return peers


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--passes", default="")
    parser.add_argument("--engines", default=",".join(ENGINES))
    parser.add_argument("--exact", default="stable")
    parser.add_argument("--memory", default="8GiB")
    parser.add_argument("--peer-memory", type=lambda t: float(t.removesuffix("GiB")), default=8.0)
    parser.add_argument("--slow", type=float, default=30, help="seconds; slower is timed once")
    parser.add_argument("--limit", type=float, default=900, help="seconds that an answer may take")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--svg", type=Path)
    parser.add_argument("--markdown", type=Path)
    return parser.parse_args()


def write(results, a):
    for path, text in ((a.json, json.dumps(results, indent=1) + "\n"),
                       (a.svg, svg([results])), (a.markdown, markdown([results]))):
        if path:
            path.write_text(text, encoding="utf-8")


def processor():
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return "unknown"


def main():
    a = arguments()
    peers, ours = started(a), Ours(a)
    results = {"processor": processor(), "threads": a.threads, "rounds": a.rounds,
               "exact": a.exact, "libraries": [p.name for p in peers], "records": []}
    try:
        for p in problems(a):
            record = compare(p, peers, ours, a)
            results["records"].append(record)
            write(results, a)
            best = {n: f"{1e3 * min(s):.3f}" for n, s in record["seconds"].items()}
            states = {n: v for n, v in record["notes"].items() if v["state"] != "right"}
            print(p.title(), p.part, best, {n: f"{v['state']}: {v['words']}" for n, v in
                                            states.items() if v["state"] != "unfit"},
                  file=sys.stderr, flush=True)
    finally:
        for peer in peers:
            peer.stop()
    for peer in peers:
        if peer.idle > 0.5:
            print(f"note: {peer.name} used {peer.idle:.2f} s of processor while it waited",
                  file=sys.stderr)
    print(markdown([results]))


if __name__ == "__main__":
    main()
