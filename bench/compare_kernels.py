"""Two kernels on the same problems, in turn: medians of the ratios of their times.

  bench/compare_kernels.py KERNEL BASE FILE... [--rounds 5] [--repeat 3] [--memory 4GiB]

KERNEL and BASE as for --kernel-impl; FILE holds problem lines. "end" is a whole run in memory,
"kernel" leaves out the copies of the operands into their tiles.
"""
import argparse
from statistics import median

from measure import problem_lines, tilewright


def timed(line, kernel, a):
    return tilewright("bench", line, "--repeat", a.repeat, "--memory", a.memory, "--kernel-impl",
                      kernel, "--exact", "bound", "--json").json()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("kernel")
    parser.add_argument("base")
    parser.add_argument("files", nargs="+")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--memory", default="4GiB")
    a = parser.parse_args()
    print(f"{a.kernel} against {a.base}: how many times faster, and GFLOP/s of a direct sum")
    for line in problem_lines(a.files):
        rounds = [(timed(line, a.base, a), timed(line, a.kernel, a)) for _ in range(a.rounds)]
        end, kernel = (median(b[key] / k[key] for b, k in rounds)
                       for key in ("seconds", "compute_seconds"))
        rate = median(k["gflop_per_second"] for _, k in rounds)
        share = median(k["fraction_of_peak"] for _, k in rounds)
        print(f"  end {end:5.2f}  kernel {kernel:5.2f}  {rate:6.0f} GFLOP/s, "
              f"{100 * share:4.0f} % of the multiply-add peak  {line}", flush=True)


if __name__ == "__main__":
    main()
