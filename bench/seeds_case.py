"""The case that the project began with, in full: 1024 channels of 1024 x 1024 to as many, 3x3,
4 GiB in, 4 GiB out, within 512 MiB; forced into 4096 elemental convolutions and automatic.

  bench/seeds_case.py [--memory 512MiB] [--channels 1024] [--side 1024] [--repeat 1]

Needs 13 GiB of disk below TILEWRIGHT_SCRATCH or the temporary folder. Prints a markdown table.
"""
import argparse

from measure import GIB, MIB, Checks, need_disk, scratch, table
from seeds import (Case, check_channel_sums, check_plans, check_reports, check_samples,
                   moved_ratio)


def rows(case, times):
    for name, r in case.reports.items():
        counts = case.plan(name)["counts"]
        moved = r["bytes_read"] + r["bytes_written"]
        yield (name, counts["elemental_convolutions"], " / ".join(f"{t:.1f}" for t in times[name]),
               f"{r['flop_per_second'] / 1e9:.0f}", f"{moved / 1e9:.2f}",
               f"{moved_ratio(r):.2f}", f"{r['peak_bytes'] / MIB:.0f}",
               f"{r['peak_rss_bytes'] / MIB:.0f}", f"`{r['hash']}`")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--memory", default="512MiB")
    parser.add_argument("--channels", type=int, default=1024)
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--repeat", type=int, default=1)
    a = parser.parse_args()
    tile, block = a.side // 8, a.channels // 8
    force = f"tile={tile}x{tile},co={block},ci={block}"
    checks, times = Checks(), {"automatic": [], "forced": []}
    with scratch() as folder:
        need_disk(folder, 3.2 * 4 * a.channels * a.side**2 + GIB // 16)
        case = Case(folder, a.channels, a.side, force, a.memory)
        case.make()
        check_plans(checks, case)
        for _ in range(a.repeat):
            for name in times:
                times[name].append(case.run(name)["seconds"])
        check_reports(checks, case)
        checks.that(min(times["automatic"]) <= min(times["forced"]) * 1.02,
                    f"the automatic plan takes longer: {times}")
        check_channel_sums(checks, case)
        worst = check_samples(checks, case)
        print(table(["plan", "elemental convolutions", "seconds", "GFLOP/s", "GB moved",
                     "x lower bound", "peak MiB", "resident MiB", "hash"], rows(case, times)))
    print(f"\nLargest of 1000 sampled errors: {worst:.3f} of the stated bound.")
    checks.finish()


main()
