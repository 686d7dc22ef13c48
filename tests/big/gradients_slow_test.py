"""Gradients of the first case in reduced form, and of 64 -> 64 channels of 8192 x 8192 (16 GiB of
source and of gradient) within 512 MiB: five budgets, one and two threads, 20 budgets.
"""
from gradient_problems import NAMES, Case, check_adjoint, check_budgets, check_invariance
from measure import GIB, MIB, Checks, need_disk, scratch


def main():
    checks = Checks()
    with scratch() as folder:
        need_disk(folder, 70 * GIB)
        for channels, side, budgets in (
                (256, 512, [32 * MIB, 64 * MIB, 128 * MIB, 256 * MIB, 512 * MIB]),
                (64, 8192, [48 * MIB, 96 * MIB, 192 * MIB, 384 * MIB, 512 * MIB])):
            print(f"{channels} channels of {side} x {side}", flush=True)
            case = Case(folder, channels, side)
            check_invariance(checks, case, budgets)
            check_adjoint(checks, case)
            if side < 1000:
                for name in NAMES:
                    check_budgets(checks, case, name, 20, 4 * GIB)
    checks.finish()


main()
