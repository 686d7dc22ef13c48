"""Values of odd but legal problems, against numpy in float64, and against another tiling."""

import itertools
import unittest

import numpy as np

import support
from support import OK

NUMPY_MODE = {"zero": "constant", "reflect": "reflect", "replicate": "edge"}
MODES = (*NUMPY_MODE, "circular")


def pad(a, axis, before, after, mode):
    """numpy.pad along one axis; repeated by hand where older versions
    of numpy are wrong: circular padding wider than the image."""
    size = a.shape[axis]
    if mode == "circular":
        return np.take(a, np.arange(-before, size + after) % size, axis)
    widths = [(0, 0)] * a.ndim
    widths[axis] = (before, after)
    return np.pad(a, widths, NUMPY_MODE[mode])


def convolve(src, weights, padding=(0, 0, 0, 0), mode="zero", stride=(1, 1), dilation=(1, 1)):
    """[c,y,x] with [co,ci/g,ky,kx] in float64, one tap at a time."""
    top, bottom, left, right = padding
    a = pad(pad(src.astype(np.float64), 1, top, bottom, mode), 2, left, right, mode)
    co, per_group, ky, kx = weights.shape
    groups = a.shape[0] // per_group
    height = (a.shape[1] - (ky - 1) * dilation[0] - 1) // stride[0] + 1
    width = (a.shape[2] - (kx - 1) * dilation[1] - 1) // stride[1] + 1
    out = np.zeros((co, height, width))
    for o, i, y, x in itertools.product(range(co), range(per_group), range(ky), range(kx)):
        channel = o // (co // groups) * per_group + i
        part = a[channel, y * dilation[0]:, x * dilation[1]:][::stride[0], ::stride[1]]
        out[o] += np.float64(weights[o, i, y, x]) * part[:height, :width]
    return out


class Values(support.Case):
    def run_conv(self, src, weights, *words):
        np.save(self.path("a.npy"), src)
        np.save(self.path("w.npy"), weights)
        result = self.succeeds("conv", "a.npy", "out.npy", "--weights", "w.npy", "--overwrite",
                               *words)
        return np.load(self.path("out.npy")), result["hash"]

    def check(self, src, weights, padding=(0, 0, 0, 0), mode="zero", stride=(1, 1),
              dilation=(1, 1), groups=1, force="y=1,x=7"):
        words = ["--padding", ",".join(map(str, padding)), "--padding-mode", mode, "--stride",
                 "{},{}".format(*stride), "--dilation", "{},{}".format(*dilation), "--groups",
                 str(groups)]
        found, name = self.run_conv(src, weights, *words)
        expected = convolve(src, weights, padding, mode, stride, dilation)
        scale = convolve(abs(src), abs(weights), padding, mode, stride, dilation).max()
        np.testing.assert_allclose(found.reshape(expected.shape), expected, atol=1e-5 * scale,
                                   rtol=0, err_msg=str(words))
        again, other = self.run_conv(src, weights, *words, "--force", force)
        self.assertEqual(name, other, (words, force))
        np.testing.assert_array_equal(found, again)

    @staticmethod
    def noise(*shape, dtype=np.float32):
        return np.random.default_rng(sum(shape)).uniform(-50, 50, shape).astype(dtype)

    def test_rows_and_columns(self):
        for shape in ((1, 1, 200), (1, 200, 1), (1, 1, 1)):
            self.check(self.noise(*shape), self.noise(1, 1, 3, 5), (1, 1, 2, 2))
            self.check(self.noise(*shape), self.noise(2, 1, 1, 1))
        self.check(self.noise(1, 1, 200), self.noise(1, 1, 1, 99), mode="replicate",
                   padding=(0, 0, 49, 49))

    def test_kernel_larger_than_the_image(self):
        self.check(self.noise(2, 5, 4), self.noise(3, 2, 11, 9), (5, 5, 4, 4), force="y=2,x=1")
        self.check(self.noise(1, 3, 3), self.noise(1, 1, 20, 20), (30, 17, 18, 25), force="y=4")

    def test_halo_wider_than_the_piece(self):
        for mode in MODES:
            self.check(self.noise(1, 30, 31), self.noise(1, 1, 21, 19), (10, 10, 9, 9), mode,
                       force="tile=2x3")

    def test_padding_modes(self):
        weights = self.noise(2, 2, 3, 4)
        for mode in MODES:
            self.check(self.noise(2, 9, 10), weights, (1, 2, 3, 0), mode, force="tile=4x3")
            self.check(self.noise(2, 9, 10), weights, (8, 8, 9, 9), mode, stride=(2, 3))

    def test_padding_beyond_the_image(self):
        """A mode either does what numpy does or is refused by name; never wrong pixels."""
        src, weights = self.noise(1, 4, 5), self.noise(1, 1, 3, 3)
        for mode, padding in itertools.product(MODES, ((4, 4, 5, 5), (13, 9, 17, 30))):
            np.save(self.path("a.npy"), src[0])
            np.save(self.path("w.npy"), weights)
            done = self.run_program("conv", "a.npy", "out.npy", "--weights", "w.npy", "--padding",
                                    "{},{},{},{}".format(*padding), "--padding-mode", mode,
                                    "--overwrite")
            if done.returncode == OK:
                self.check(src, weights, padding, mode)
            else:
                self.assert_one_line(done, mode)
                self.assertIn(mode, done.stderr)

    def test_strides_beyond_the_kernel(self):
        self.check(self.noise(2, 23, 29), self.noise(2, 2, 2, 3), stride=(5, 7), force="y=2,x=2")
        self.check(self.noise(1, 9, 9), self.noise(1, 1, 3, 3), stride=(100, 100), force="y=1")

    def test_dilation_and_groups(self):
        self.check(self.noise(6, 20, 21), self.noise(6, 2, 3, 3), (4, 0, 0, 4), stride=(1, 2),
                   dilation=(4, 3), groups=3, force="co=1,ci=1,tile=3x4")
        self.check(self.noise(5, 12, 13), self.noise(10, 1, 2, 2), groups=5, force="g=2,x=5")

    def test_flip(self):
        src, weights = self.noise(1, 12, 13), self.noise(1, 1, 3, 4)
        found, _ = self.run_conv(src, weights, "--padding", "valid", "--flip")
        np.testing.assert_allclose(found[0], convolve(src, weights[:, :, ::-1, ::-1])[0],
                                   atol=0.05)

    def test_nan_and_infinity_in_the_data(self):
        src = self.noise(1, 40, 41)
        src[0, 7, 9], src[0, 20, 20], src[0, 30, 3] = np.nan, np.inf, -np.inf
        weights = self.noise(1, 1, 3, 3)
        found, name = self.run_conv(src, weights)
        with np.errstate(invalid="ignore"):
            expected = convolve(src, weights, (1, 1, 1, 1))
        np.testing.assert_array_equal(np.isnan(found[0]), np.isnan(expected[0]))
        np.testing.assert_array_equal(np.isinf(found[0]), np.isinf(expected[0]))
        _, other = self.run_conv(src, weights, "--force", "tile=4x8")
        self.assertEqual(name, other)

    def test_padding_does_not_touch_infinity(self):
        # Outside the image there is zero, and zero times an infinite tap is not a number.
        found, _ = self.run_conv(np.ones((1, 3, 3), np.float32),
                                 np.array([[[[np.inf, 0], [0, 0]]]], np.float32), "--padding",
                                 "1,0,1,0")
        np.testing.assert_array_equal(np.isnan(found[0]), [[1, 1, 1], [1, 0, 0], [1, 0, 0]])


class Types(support.Case):
    def test_rounding_and_clamping(self):
        """Half to even, clamped to the range; NaN becomes 0 in integers."""
        values = np.array([[-1000, -1, -0.51, -0.5, 0.5, 1.5, 2.5, 2.51, 254.5, 255.4, 255.5, 1e9,
                            -1e9, 127.5, 32767.6, 65535.4, 65536, np.nan, np.inf, -np.inf]])
        np.save(self.path("a.npy"), values.astype(np.float64))
        for dtype in ("uint8", "int8", "uint16", "int16"):
            limits = np.iinfo(dtype)
            self.succeeds("conv", "a.npy", "out.npy", "--kernel", "identity", "--dtype", dtype,
                          "--overwrite")
            expected = np.nan_to_num(np.clip(np.rint(values), limits.min, limits.max)).astype(dtype)
            np.testing.assert_array_equal(np.load(self.path("out.npy")), expected)

    def test_same(self):
        draw = np.random.default_rng(9)
        for dtype in ("uint8", "uint16", "int16", "int32"):
            limits = np.iinfo(dtype)
            src = draw.integers(limits.min, limits.max, (30, 31), dtype, endpoint=True)
            np.save(self.path("a.npy"), src)
            self.succeeds("conv", "a.npy", "out.npy", "--kernel", "[[1,-1],[0.5,0.75]]",
                          "--padding", "valid", "--dtype", "same", "--overwrite")
            a = src.astype(np.float64)
            exact = a[:-1, :-1] - a[:-1, 1:] + 0.5 * a[1:, :-1] + 0.75 * a[1:, 1:]
            expected = np.clip(np.rint(exact), limits.min, limits.max).astype(dtype)
            np.testing.assert_array_equal(np.load(self.path("out.npy")), expected)

    def test_default_types(self):
        for dtype, expected in (("uint8", "float32"), ("int16", "float32"), ("int32", "float64"),
                                ("float32", "float32"), ("float64", "float64")):
            self.array("a.npy", (8, 9), dtype)
            self.succeeds("conv", "a.npy", "out.npy", "--kernel", "box:3", "--overwrite")
            self.assertEqual(np.load(self.path("out.npy")).dtype, expected)

    def test_ranks_travel(self):
        for shape in ((8, 9), (1, 8, 9), (2, 8, 9), (1, 1, 8, 9), (3, 2, 8, 9)):
            self.array("a.npy", shape)
            self.succeeds("conv", "a.npy", "out.npy", "--kernel", "box:3", "--overwrite")
            self.assertEqual(np.load(self.path("out.npy")).shape, shape)


if __name__ == "__main__":
    support.main()
