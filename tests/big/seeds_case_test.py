"""The reduced form of the case that the project began with: the same 64 tiles, 64 channel blocks
and 4096 elemental convolutions by smaller blocks, file to file, and the automatic plan."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))
from measure import MIB, Checks, scratch
from seeds import (Case, check_channel_sums, check_plans, check_reports, check_samples,
                   moved_ratio)


def main():
    checks = Checks()
    with scratch() as folder:
        case = Case(folder, 128, 512, "tile=64x64,co=16,ci=16", 32 * MIB)
        case.make()
        check_plans(checks, case)
        for name in case.dst:
            report = case.run(name)
            print(f"{name}: {report['seconds']:.2f} s, {moved_ratio(report):.2f} x lower bound")
        check_reports(checks, case)
        check_channel_sums(checks, case)
        print(f"largest sampled error: {check_samples(checks, case):.3f} of the bound")
    checks.finish()


main()
