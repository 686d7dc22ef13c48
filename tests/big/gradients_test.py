"""Gradients at small size: five budgets, one and two threads, 20 budgets each, identities."""
from gradient_problems import NAMES, Case, check_adjoint, check_budgets, check_invariance
from measure import GIB, MIB, Checks, scratch


def main():
    checks = Checks()
    with scratch() as folder:
        case = Case(folder, 24, 160)
        check_invariance(checks, case, [4 * MIB, 5 * MIB, 7 * MIB, 16 * MIB, GIB])
        check_adjoint(checks, case)
        for name in NAMES:
            check_budgets(checks, case, name, 20, 64 * MIB)
    checks.finish()


main()
