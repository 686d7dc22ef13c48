"""The case that the project began with, at any size: forced into tiles and blocks and planned
automatically, both file to file, with the checks that their results must pass.
"""
import numpy as np

from measure import conv, padded_window, plan, tilewright


class Case:
    """conv2d with `channels` in and out on side x side, 3x3, padding 1; `quickest` adds a run by
    whatever kernel the planner finds quickest, beside those that are exact to the bit."""

    def __init__(self, folder, channels, side, force, memory, quickest=False):
        self.channels, self.side, self.force, self.memory = channels, side, force, memory
        self.src, self.weights = folder / "src.npy", folder / "weights.npy"
        names = ("forced", "automatic") + (("quickest",) if quickest else ())
        self.dst = {name: folder / f"{name}.npy" for name in names}
        self.reports = {}

    def arguments(self, name):
        cuts = ["--force", self.force] if name == "forced" else []
        exact = "stable" if name == "quickest" else "bits"
        return ["--weights", self.weights, "--padding", "1,1,1,1", "--exact", exact, *cuts]

    def make(self):
        tilewright("synth", self.src, "--size", f"{self.channels}x{self.side}x{self.side}",
                   "--quiet", "--memory", self.memory)
        values = np.random.default_rng(5).uniform(-1, 1, (self.channels, self.channels, 3, 3))
        np.save(self.weights, values.astype(np.float32))

    def run(self, name):
        self.reports[name] = conv(self.src, self.dst[name], *self.arguments(name),
                                  memory=self.memory)
        return self.reports[name]

    def plan(self, name):
        return plan(self.src, self.dst[name], *self.arguments(name), memory=self.memory)

    def flop(self):
        return 18.0 * self.channels**2 * self.side**2

    def in_memory(self, exact, memory):
        """What `bench` says of the same convolution with all tensors in memory."""
        line = (f"conv2d ci{self.channels} y{self.side} x{self.side} co{self.channels} k3x3 "
                "p1,1,1,1")
        return tilewright("bench", line, "--repeat", 1, "--exact", exact, "--memory", memory,
                          "--json").json()


def moved_ratio(report):
    return (report["bytes_read"] + report["bytes_written"]) / report["lower_bound_bytes"]


def check_plans(checks, case):
    counts = case.plan("forced")["counts"]
    for key, wanted in (("tiles", 64), ("channel_blocks", 64), ("elemental_convolutions", 4096)):
        checks.that(counts[key] == wanted, f"forced plan: {key} is {counts[key]}, not {wanted}")


def check_reports(checks, case):
    forced, automatic = case.reports["forced"], case.reports["automatic"]
    checks.that(forced["hash"] == automatic["hash"], "forced and automatic results differ")
    checks.that(forced["exact"] == automatic["exact"] == "bits", "not exact to the bit")
    ratio = moved_ratio(automatic)
    checks.that(ratio <= 1.25, f"automatic plan moves {ratio:.3f} x the lower bound")
    ratio = moved_ratio(forced)
    checks.that(ratio >= 3, f"forced plan moves only {ratio:.3f} x the lower bound")
    for name, report in case.reports.items():
        within = report["peak_rss_bytes"] <= report["budget_bytes"] + (64 << 20)
        checks.that(within, f"{name}: {report['peak_rss_bytes']} resident")


def check_channel_sums(checks, case, count=2):
    """The sum over output channels is one convolution with the sum of the kernels."""
    src, dst = np.load(case.src, mmap_mode="r"), np.load(case.dst["forced"], mmap_mode="r")
    weights = np.load(case.weights).astype(np.float64)
    kernel, sizes = weights.sum(axis=0), np.abs(weights).sum(axis=0)
    bound = case.reports["forced"]["bound"]
    random = np.random.default_rng(11)
    for _ in range(count):
        y, x = (int(v) for v in random.integers(0, case.side - 8, 2))
        window = padded_window(src, y - 1, x - 1, 10, 10)
        views = np.lib.stride_tricks.sliding_window_view(window, (8, 8), axis=(1, 2))
        truth = np.einsum("cklyx,ckl->yx", views, kernel)
        allowed = bound * np.einsum("cklyx,ckl->yx", np.abs(views), sizes)
        got = dst[:, y:y + 8, x:x + 8].astype(np.float64).sum(axis=0)
        checks.that(bool(np.all(np.abs(got - truth) <= allowed)),
                    f"channel sum at {y}, {x} differs by {np.abs(got - truth).max()}")


def check_samples(checks, case, count=1000, name="automatic"):
    """Single outputs against the truth in f64, within the bound that the run states."""
    src, dst = np.load(case.src, mmap_mode="r"), np.load(case.dst[name], mmap_mode="r")
    weights = np.load(case.weights, mmap_mode="r")
    bound = case.reports[name]["bound"]
    random = np.random.default_rng(13)
    worst = 0.0
    for _ in range(count):
        co = int(random.integers(case.channels))
        y, x = (int(v) for v in random.integers(0, case.side, 2))
        window = padded_window(src, y - 1, x - 1, 3, 3)
        kernel = weights[co].astype(np.float64)
        error = abs(float(dst[co, y, x]) - float((window * kernel).sum()))
        worst = max(worst, error / (bound * float(np.abs(window * kernel).sum())))
    checks.that(worst <= 1, f"a sampled output has {worst:.2f} x the error that is stated")
    return worst
