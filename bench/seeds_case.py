"""The case that the project began with, in full: 1024 channels of 1024 x 1024 to as many, 3x3,
4 GiB in, 4 GiB out, within 256 MiB; forced into 4096 elemental convolutions, automatic, and by the
quickest kernel (Winograd); and the same in memory, which the streamed rates are compared with.

  bench/seeds_case.py [--memory 256MiB] [--channels 1024] [--side 1024] [--repeat 1]
                      [--in-memory 6GiB | --in-memory none]

Needs 17 GiB of disk below TILEWRIGHT_SCRATCH or the temporary folder, and 15 GiB of memory for the
comparison in memory. Prints a markdown table.
"""
import argparse
from statistics import median

from measure import GIB, MIB, Checks, need_disk, scratch, table
from seeds import (Case, check_channel_sums, check_plans, check_reports, check_samples,
                   moved_ratio)

LEAST_OF_IN_MEMORY = 0.90  # of the rate of the same kernel that streaming must reach
MOST_OF_BOUND = 1.10  # bytes moved by the automatic plans


def rows(case, times, in_memory):
    for name, r in case.reports.items():
        counts = case.plan(name)["counts"]
        moved = r["bytes_read"] + r["bytes_written"]
        rate = case.flop() / median(times[name]) / 1e9
        share = f"{rate / in_memory[r['kernel']]:.2f}" if r["kernel"] in in_memory else ""
        yield (name, r["kernel"], counts["elemental_convolutions"],
               " / ".join(f"{t:.1f}" for t in times[name]), f"{rate:.0f}", share,
               f"{moved / 1e9:.2f}", f"{moved_ratio(r):.2f}", f"{r['peak_bytes'] / MIB:.0f}",
               f"{r['peak_rss_bytes'] / MIB:.0f}", f"`{r['hash']}`")


def measure(case, a):
    """Seconds of every run file to file, and GFLOP/s in memory by kernel, in turn."""
    times = {name: [] for name in case.dst}
    rates = {}
    for _ in range(a.repeat):
        for name in times:
            times[name].append(case.run(name)["seconds"])
            print(f"{name}: {times[name][-1]:.1f} s", flush=True)
        for exact in ("bits", "stable") if a.in_memory != "none" else ():
            report = case.in_memory(exact, a.in_memory)
            rates.setdefault(report["kernel"], []).append(report["gflop_per_second"])
            print(f"in memory, {exact}: {report['seconds']:.1f} s", flush=True)
    return times, {kernel: median(r) for kernel, r in rates.items()}


def check_speed(checks, case, times, in_memory):
    checks.that(min(times["automatic"]) <= min(times["forced"]) * 1.02,
                f"the automatic plan takes longer: {times}")
    for name in ("automatic", "quickest"):
        moved, kernel = moved_ratio(case.reports[name]), case.reports[name]["kernel"]
        checks.that(moved <= MOST_OF_BOUND, f"{name}: moves {moved:.3f} x the lower bound")
        if kernel in in_memory:
            share = case.flop() / median(times[name]) / 1e9 / in_memory[kernel]
            checks.that(share >= LEAST_OF_IN_MEMORY,
                        f"{name}: {share:.2f} of the rate in memory, {LEAST_OF_IN_MEMORY} wanted")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--memory", default="256MiB")
    parser.add_argument("--channels", type=int, default=1024)
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--in-memory", default="6GiB")
    a = parser.parse_args()
    tile, block = a.side // 8, a.channels // 8
    force = f"tile={tile}x{tile},co={block},ci={block}"
    checks = Checks()
    with scratch() as folder:
        need_disk(folder, 4.2 * 4 * a.channels * a.side**2 + GIB // 16)
        case = Case(folder, a.channels, a.side, force, a.memory, quickest=True)
        case.make()
        check_plans(checks, case)
        times, in_memory = measure(case, a)
        check_reports(checks, case)
        check_speed(checks, case, times, in_memory)
        check_channel_sums(checks, case)
        worst = {name: check_samples(checks, case, name=name) for name in ("automatic", "quickest")}
        print(table(["plan", "kernel", "elemental convolutions", "seconds", "GFLOP/s",
                     "of the rate in memory", "GB moved", "x lower bound", "peak MiB",
                     "resident MiB", "hash"], rows(case, times, in_memory)))
    for kernel, rate in in_memory.items():
        print(f"\nIn memory, {kernel}: {rate:.0f} GFLOP/s.")
    print("\nLargest of 1000 sampled errors: " + ", ".join(
        f"{error:.3f} ({name})" for name, error in worst.items()) + " of the stated bound.")
    checks.finish()


main()
