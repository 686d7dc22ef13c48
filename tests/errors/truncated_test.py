"""Sources cut short at random places: an error, or, where only trailing bytes are gone, exactly the
output of the whole file.

The tests of the formats cut each kind of file at 100 places without starting a program; here the
program's answer is looked at."""

import os
import random
import tempfile
import unittest

import numpy as np

import support
from support import DATA, FILE, OK, have

CUTS = 24


class Truncated(support.Case):
    def cuts(self, path):
        """Random places, and those next to both ends, where headers and trailers are."""
        size = path.stat().st_size
        draw = random.Random(path.name)
        places = {draw.randrange(size) for _ in range(CUTS - 8)}
        return sorted(places | {p for p in (1, 4, 7, 8, 11, size - 9, size - 2, size - 1) if p > 0})

    def run_cut(self, path, place, whole):
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            cut = os.path.join(folder, path.name)
            with open(path, "rb") as source, open(cut, "wb") as target:
                target.write(source.read(place))
            done = self.run_program("conv", cut, os.path.join(folder, "out.npy"), "--kernel",
                                    "laplace", "--threads", "1", "--json")
            about = (path.name, place, done.returncode, done.stderr)
            if done.returncode == OK:
                self.assertIn(f'"hash":"{whole}"', done.stdout, about)
                return True
            self.assertEqual(done.returncode, FILE, about)
            self.assert_one_line(done, about)
            self.assertIn(cut, done.stderr, about)
            self.assertEqual(os.listdir(folder), [path.name], about)
            return False

    def check(self, path):
        whole = self.succeeds("conv", path, "whole.npy", "--kernel", "laplace", "--overwrite")
        survived = support.parallel(lambda p: self.run_cut(path, p, whole["hash"]), self.cuts(path))
        # Most of a file is pixels; if most cuts went unnoticed, something is not looked at.
        self.assertLess(sum(survived), CUTS / 2, path.name)

    def noise(self, dtype, shape=(3, 70, 90)):
        return np.random.default_rng(5).integers(0, 255, shape).astype(dtype)

    def test_npy(self):
        self.array("a.npy", (3, 40, 50))
        self.check(self.path("a.npy"))

    @unittest.skipUnless(have("gdal_translate"), "needs gdal_translate")
    def test_strip_tiff(self):
        self.check(self.picture("a.tif", self.noise(np.uint16)))

    @unittest.skipUnless(have("gdal_translate"), "needs gdal_translate")
    def test_tiled_tiff(self):
        tiled = ("-co", "TILED=YES", "-co", "BLOCKXSIZE=32", "-co", "BLOCKYSIZE=32")
        self.check(self.picture("a.tif", self.noise(np.float32), *tiled))
        self.check(self.picture("b.tif", self.noise(np.uint8), *tiled, "-co", "COMPRESS=DEFLATE"))

    def test_our_own_tiff(self):
        self.succeeds("synth", "a.tif", "--size", "80x90")
        self.check(self.path("a.tif"))

    @unittest.skipUnless(have("gdal_translate"), "needs gdal_translate")
    def test_png(self):
        self.check(self.picture("a.png", self.noise(np.uint8), "-of", "PNG"))

    @unittest.skipUnless(have("gdal_translate"), "needs gdal_translate")
    def test_jpeg(self):
        self.check(self.picture("a.jpg", self.noise(np.uint8), "-of", "JPEG"))

    def test_fits(self):
        real = DATA / "WFPC2u5780205r_c0fx.fits"
        if not real.exists() and not have("gdal_translate"):
            self.skipTest("needs gdal_translate")
        # The padding to full blocks of 2880 bytes is no part of the pixels.
        made = real if real.exists() else self.picture(
            "a.fits", self.noise(np.float32, (90, 95)), "-of", "FITS")
        self.check(made)

    @unittest.skipUnless((DATA / "CMU-1-Small-Region.svs").exists(), "needs the real picture")
    def test_svs(self):
        self.check(DATA / "CMU-1-Small-Region.svs")

    def test_weights(self):
        self.array("a.npy", (20, 20))
        self.weights("w.npy", (2, 1, 3, 3))
        data = self.path("w.npy").read_bytes()
        for place in range(0, len(data), 17):
            self.path("cut.npy").write_bytes(data[:place])
            self.fails(FILE, "conv", "a.npy", "out.npy", "--weights", "cut.npy", says="cut.npy")


if __name__ == "__main__":
    support.main()
