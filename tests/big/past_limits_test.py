"""The cases of limit_cases.py reduced: the same paths in seconds."""
from limit_cases import deep_image, large_kernel, thin_images, wide_halo, wide_picture
from measure import MIB, Checks, scratch


def main():
    checks = Checks()
    with scratch() as folder:
        deep_image(checks, folder, 820, 2 * MIB)
        wide_picture(checks, folder, 4096, 512, 4 * MIB)
        thin_images(checks, folder, 10**6, 2 * MIB)
        large_kernel(checks, folder, 30, 51, 2 * MIB)
        wide_halo(checks, folder, 100, 21, 4 * MIB)
    checks.finish()


main()
