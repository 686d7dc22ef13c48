"""One library in a process of its own, so that libraries do not disturb each other's threads and
memory: reads requests as JSON lines, answers each with one.

  worker.py ENGINE THREADS BYTES

ENGINE is a name of engines.ENGINES, or FILE.py:CLASS. BYTES is what the process may map beyond what
it holds once the library is loaded; a library that asks for more is refused by the system.
"""
import importlib.util
import json
import math
import os
import re
import resource
import sys
import time
from pathlib import Path

import numpy as np

from engines import ENGINES, Unfit
from problem import Problem

BLOCK = 1 << 24  # elements that are compared at a time
MOST_COPIED = 1 << 30
MOST_TIMES = 4  # slower than the quickest layout by so much at first, and it is not timed again
TOLERANCE = {"forward": 2e-4, "source": 2e-4, "weights": 1e-3}


def load(name):
    if ":" not in name:
        return ENGINES[name]
    path, _, kind = name.rpartition(":")
    spec = importlib.util.spec_from_file_location(Path(path).stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, kind)


def limit_memory(size):
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    limit = pages * resource.getpagesize() + size
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def once(run):
    begin = time.perf_counter()
    result = run()
    return time.perf_counter() - begin, result


def difference(result, expected, scale):
    """The largest difference by `scale`, a block at a time; infinite for another size."""
    values = np.asarray(result, np.float32).reshape(-1)
    if values.shape != expected.shape:
        return math.inf
    gaps = [np.abs(values[i:i + BLOCK] - expected[i:i + BLOCK]).max()
            for i in range(0, values.size, BLOCK)]
    return float(np.max(gaps)) / scale  # np.max, unlike max, lets no NaN pass


def largest(values):
    return max(float(np.abs(values[i:i + BLOCK]).max()) for i in range(0, values.size, BLOCK))


def tensor(path):
    """An array of its own, or for a very large one what the page cache holds of the file."""
    large = path.stat().st_size > MOST_COPIED
    return np.load(path, mmap_mode="c" if large else None)


class Worker:
    """Holds the functions of the problem that was prepared last."""

    def __init__(self, engine):
        self.engine, self.runs = engine, []

    def prepare(self, request):
        """Makes the functions and checks what each of them computes: its first seconds, gap (the
        largest difference by the largest value) and name."""
        self.runs = []
        folder, p = Path(request["folder"]), Problem(request["problem"])
        tensors = {k: tensor(folder / f"{k}.npy") for k in request["operands"]}
        expected = np.load(folder / "expected.npy", mmap_mode="r").reshape(-1)
        scale = max(largest(expected), 1e-30)
        answer = {"variants": []}
        try:
            for name, run, convert in self.engine.prepare(p, tensors):
                seconds, result = once(run)
                gap = difference(convert(result), expected, scale)
                right = gap <= TOLERANCE[p.part]  # false for NaN
                answer["variants"].append({"name": name, "seconds": seconds, "right": right,
                                           "gap": gap if math.isfinite(gap) else None})
                if right:
                    self.runs.append((seconds, name, run))
                del result
        except Exception as e:  # pylint: disable=broad-except
            if not answer["variants"]:
                raise
            answer["note"] = first_line(e)
        return answer

    def time(self, request):
        """The fastest of the layouts that are right, each repeated for a while."""
        best = math.inf, ""
        quickest = min(seconds for seconds, _, _ in self.runs)
        for first, name, run in self.runs:
            total = 0
            while total < request["least_seconds"] and first < MOST_TIMES * quickest:
                seconds, _ = once(run)
                best, total = min(best, (seconds, name)), total + seconds
        return {"seconds": best[0], "variant": best[1]}

    def drop(self, _):
        self.runs = []
        self.engine.drop()
        return {}


def first_line(error):
    lines = [line for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else ''}"[:300]


def is_refusal(error):
    """Whether it is memory that was not to be had."""
    return isinstance(error, MemoryError) or re.search("alloc|memory", str(error), re.I) is not None


def main():
    # Libraries print to the standard output, which would end up between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)
    say = lambda answer: (answers.write(json.dumps(answer) + "\n"), answers.flush())
    try:
        worker = Worker(load(sys.argv[1])(int(sys.argv[2])))
    except (ImportError, OSError) as e:
        return say({"missing": first_line(e)})
    limit_memory(int(sys.argv[3]))
    say({"name": worker.engine.name})
    rested = time.process_time()
    for line in sys.stdin:
        request = json.loads(line)
        idle = time.process_time() - rested
        try:
            say({**getattr(worker, request["do"])(request), "idle_cpu_seconds": idle})
        except Unfit as e:
            say({"unfit": str(e)})
        except Exception as e:  # pylint: disable=broad-except
            worker.runs = []
            say({"refused" if is_refusal(e) else "failed": first_line(e)})
        rested = time.process_time()
    return None


if __name__ == "__main__":
    main()
