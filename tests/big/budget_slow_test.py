"""The budget is kept at 20 budgets on three problems that need more than 1 GiB in one piece."""
from budget_problems import check_all
from measure import GIB, Checks, need_disk, scratch


def main():
    checks = Checks()
    with scratch() as folder:
        need_disk(folder, 6 * GIB)
        check_all(checks, folder, (17000, 800, 12000))
    checks.finish()


main()
