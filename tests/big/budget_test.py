"""The budget is kept at 20 budgets on three small problems, whatever the format of the output."""
from budget_problems import check_all
from measure import Checks, scratch


def main():
    checks = Checks()
    with scratch() as folder:
        check_all(checks, folder, (1024, 48, 1024))
    checks.finish()


main()
