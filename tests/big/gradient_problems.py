"""Gradients from files to files: one result for every budget and thread count, within the budget,
and sums that tie the gradients to the forward pass.
"""
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))
import numpy as np

from measure import MIB, OUTSIDE_BUDGET, geometric, remove, tilewright, write_weights

NAMES = ("src", "weights", "bias")


class Case:
    """64 -> 64 and the like: `channels` in and out, side x side, 3x3, padding 1."""

    exact = "bits"

    def __init__(self, folder, channels, side):
        self.folder = folder
        self.src, self.gradient = folder / "src.npy", folder / "gradient.npy"
        self.weights = folder / "weights.npy"
        for path, seed in ((self.src, 1), (self.gradient, 2)):
            tilewright("synth", path, "--size", f"{channels}x{side}x{side}", "--seed", seed,
                       "--overwrite", "--quiet", "--memory", "256MiB")
        write_weights(self.weights, (channels, channels, 3, 3))

    def out(self, name):
        return self.folder / f"out-{name}.npy"

    def run(self, names, *options, code=0):
        outs = [word for name in names for word in (f"--out-{name}", self.out(name))]
        return tilewright("grad", self.src, self.gradient, "--weights", self.weights, "--padding",
                          "1,1,1,1", "--exact", self.exact, *outs, *options, code=code)

    def reports(self, names, memory, *options):
        done = self.run(names, "--memory", memory, "--json", "--quiet", "--overwrite", *options)
        return done.json(), done.peak_rss_bytes

    def smallest(self, name):
        """The smallest budget for one gradient, as an error names it."""
        done = self.run([name], "--memory", 1000, "--quiet", code=5)
        return int(re.findall(r"(\d+) bytes", done.err)[-1])


def check_invariance(checks, case, budgets):
    """All three gradients within each budget, by one thread and by two: the same hashes."""
    hashes = {name: set() for name in NAMES}
    for memory in budgets:
        for threads in (1, 2):
            reports, resident = case.reports(NAMES, memory, "--threads", threads)
            for name, r in reports.items():
                hashes[name].add(r["hash"])
                checks.that(r["exact"] == "bits", f"{name} within {memory}: {r['exact']}")
                print(f"  {memory:>10} {threads} threads {name:8} {r['seconds']:8.2f} s "
                      f"{r['flop_per_second'] / 1e9:6.0f} GFLOP/s {r['steps']:>6} steps",
                      flush=True)
            checks.that(resident <= memory + OUTSIDE_BUDGET,
                        f"{memory}, {threads} threads: {resident} resident")
    for name, found in hashes.items():
        checks.that(len(found) == 1, f"gradient of {name}: results differ: {found}")


def check_budgets(checks, case, name, count, largest):
    """`count` budgets from the smallest on."""
    hashes = set()
    for memory in geometric(case.smallest(name), largest, count):
        reports, resident = case.reports([name], memory)
        hashes.add(reports[name]["hash"])
        checks.that(resident <= memory + OUTSIDE_BUDGET, f"{name} within {memory}: {resident}")
        print(f"  {memory:>11} {name:8} resident - budget {(resident - memory) / MIB:8.1f} MiB",
              flush=True)
    checks.that(len(hashes) == 1, f"gradient of {name}: results differ: {hashes}")


def check_adjoint(checks, case):
    """<conv(x, w), g> = <x, gradient of x> = <w, gradient of w>, in f64 over the stored results."""
    dst = case.folder / "forward.npy"
    tilewright("conv", case.src, dst, "--weights", case.weights, "--padding", "1,1,1,1", "--quiet",
               "--memory", "256MiB", "--overwrite")

    def dot(a, b):
        """The product, and that of the magnitudes; a channel at a time, for there are many."""
        product, size = 0.0, 0.0
        for p, q in zip(np.load(a, mmap_mode="r"), np.load(b, mmap_mode="r")):
            products = np.multiply(p, q, dtype=np.float64)
            product += products.sum()
            size += np.abs(products).sum()
        return product, size

    forward, size = dot(dst, case.gradient)
    for name, of in (("src", case.src), ("weights", case.weights)):
        found, other = dot(of, case.out(name))
        gap = abs(found - forward) / max(size, other)
        checks.that(gap < 1e-6, f"gradient of {name}: adjoint identity off by {gap:.2e}")
    total = sum(np.load(case.gradient, mmap_mode="r").sum(axis=(1, 2), dtype=np.float64))
    found = np.load(case.out("bias")).sum(dtype=np.float64)
    checks.that(abs(found - total) <= 1e-4 * max(1.0, abs(total)), f"bias: {found} is not {total}")
    remove(dst)
