"""What the scripts of bench/ and tests/big share: runs of programs with time and peak memory,
generated arrays, the definition in f64, tables. Needs numpy; leaves deciding to its callers.
"""
import contextlib
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SKIPPED = 77


def skip(why):
    print("SKIPPED:", why)
    sys.exit(SKIPPED)


try:
    import numpy as np
except ImportError:
    skip(f"{sys.executable} has no numpy")

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
MIB, GIB = 1 << 20, 1 << 30
OUTSIDE_BUDGET = 64 * MIB  # code, libraries and fixed tables


def cli():
    """The program under test."""
    path = os.environ.get("TILEWRIGHT") or str(ROOT / "build" / "tilewright")
    if not os.access(path, os.X_OK):
        skip(f"{path} is not built")
    return path


class Run:
    """What a command did: code, out, err, seconds, peak_rss_bytes."""

    def __init__(self, command, **more):
        small = [sys.executable, "-I", "-S", str(HERE / "peak_of.py")]
        begin = time.monotonic()
        done = subprocess.run(small + [str(c) for c in command], capture_output=True, text=True,
                              **more)
        self.seconds = time.monotonic() - begin
        self.out = done.stdout
        self.err, _, last = done.stderr.rstrip("\n").rpartition("\n")
        report = json.loads(last)
        self.code = report["status"]
        self.peak_rss_bytes = report["peak_rss_bytes"]

    def json(self):
        return json.loads(self.out)


def run(*command, code=0):
    """Runs a command that must end with `code`."""
    done = Run(command)
    if done.code != code:
        raise AssertionError(f"{' '.join(map(str, command))}: exit {done.code}, not {code}\n"
                             f"{done.out}{done.err}")
    return done


def tilewright(*arguments, code=0):
    return run(cli(), *arguments, code=code)


def conv(src, dst, *arguments, memory=None):
    """Runs conv; the JSON report with peak_rss_bytes added."""
    budget = [] if memory is None else ["--memory", memory]
    done = tilewright("conv", src, dst, *arguments, *budget, "--json", "--quiet", "--overwrite")
    report = done.json()
    report["peak_rss_bytes"] = done.peak_rss_bytes
    report["wall_seconds"] = done.seconds
    return report


def plan(src, dst, *arguments, memory="4GiB"):
    return tilewright("plan", src, dst, *arguments, "--memory", memory, "--json").json()


@contextlib.contextmanager
def scratch():
    """A folder that is removed afterwards; TILEWRIGHT_SCRATCH names its parent."""
    parent = os.environ.get("TILEWRIGHT_SCRATCH")
    with tempfile.TemporaryDirectory(prefix="tilewright-", dir=parent) as folder:
        yield Path(folder)


def need_disk(folder, size):
    free = shutil.disk_usage(folder).free
    if free < size:
        skip(f"needs {size / GIB:.1f} GiB of disk, {folder} has {free / GIB:.1f}")


def remove(path):
    shutil.rmtree(path) if Path(path).is_dir() else Path(path).unlink(missing_ok=True)


def write_weights(path, shape, seed=1, integers=False):
    """Random weights in a .npy file, returned as well."""
    random = np.random.default_rng(seed)
    values = random.integers(-4, 5, shape) if integers else random.uniform(-1, 1, shape)
    values = values.astype(np.float32)
    np.save(path, values)
    return values


def padded_window(src, y, x, rows, columns):
    """src[..., y:y+rows, x:x+columns] in f64, zero where that lies outside the image."""
    height, width = src.shape[-2:]
    result = np.zeros(src.shape[:-2] + (rows, columns))
    y0, y1 = max(y, 0), min(y + rows, height)
    x0, x1 = max(x, 0), min(x + columns, width)
    if y0 < y1 and x0 < x1:
        result[..., y0 - y:y1 - y, x0 - x:x1 - x] = src[..., y0:y1, x0:x1]
    return result


def correlate(window, kernel):
    """Valid correlation of one plane in f64."""
    ky, kx = kernel.shape
    rows, columns = window.shape[0] - ky + 1, window.shape[1] - kx + 1
    result = np.zeros((rows, columns))
    for i in range(ky):
        for j in range(kx):
            result += float(kernel[i, j]) * window[i:i + rows, j:j + columns]
    return result


def geometric(first, last, count):
    """`count` whole numbers from `first` to `last` in equal ratios."""
    ratio = math.log(last / first) / (count - 1)
    return [first, *(int(first * math.exp(ratio * i)) for i in range(1, count - 1)), last]


def problem_lines(paths):
    """The problem lines of files, without comments."""
    for path in paths:
        for line in Path(path).read_text(encoding="ascii").splitlines():
            if line and not line.startswith("#"):
                yield line


def table(head, rows):
    """A markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(str(c) for c in row) + " |" for row in rows]
    return "\n".join(lines)


class Checks:
    """Counts checks, prints the failing ones, exits with 1 if there are any."""

    def __init__(self):
        self.count = self.failed = 0

    def that(self, holds, message):
        self.count += 1
        if not holds:
            self.failed += 1
            print("FAILED:", message, flush=True)

    def finish(self):
        print(f"{self.count} checks, {self.failed} failed")
        sys.exit(1 if self.failed else 0)
