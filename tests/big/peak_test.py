"""The peak that a plan predicts is the growth of resident memory that is measured."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))
import json

from measure import Checks, tilewright

# Each as the plan wants it, and in pieces.
PROBLEMS = (("conv2d ci64 y512 x512 co64 k3x3 p1,1,1,1", "flight=2,y=100"),
            ("conv2d ci1 y4096 x4096 co1 k31x31 p15,15,15,15", "flight=2,y=1000"),
            ("conv2d ci8 y2048 x2048 co8 k3x3 p1,1,1,1 g8 f64", "flight=2,y=300"))


def main():
    checks = Checks()
    for line, cut in PROBLEMS:
        for force in ("", cut):
            done = tilewright("bench", line, "--repeat", "1", "--force", force, "--json",
                              "--memory", "2GiB")
            report = json.loads(done.out)
            off = report["peak_bytes"] / report["predicted_peak_bytes"] - 1
            checks.that(abs(off) <= 0.05, f"{line} '{force}': the peak is {100 * off:.1f} % off")
    checks.finish()


main()
