"""More than 2^31 elements, a picture of 2^32 pixels, images of one row or column, a kernel larger
than its image, halos wider than their pieces: size is never the reason for a wrong pixel."""
from limit_cases import deep_image, large_kernel, thin_images, wide_halo, wide_picture
from measure import GIB, MIB, Checks, need_disk, scratch


def main():
    checks = Checks()
    with scratch() as folder:
        need_disk(folder, 19 * GIB)
        deep_image(checks, folder, 32800, GIB)
        wide_picture(checks, folder, 65536, 2048, 256 * MIB)
        thin_images(checks, folder, 10**8, 256 * MIB)
        large_kernel(checks, folder, 300, 511, 64 * MIB)
        wide_halo(checks, folder, 400, 101, 64 * MIB)
    checks.finish()


main()
