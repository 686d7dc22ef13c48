"""Budgets that are too small: exit 5 with the smallest that works, and that one does work."""

import re
import unittest

import numpy as np

import support
from support import BUDGET, OK, have


class Budget(support.Case):
    def smallest(self, command):
        done = self.fails(BUDGET, *command, "--memory", "1", says="smallest budget")
        number = int(re.search(r"smallest budget that works is (\d+) bytes", done.stderr)[1])
        # Buffers are rounded up, so that other cuts may need some bytes less.
        self.fails(BUDGET, *command, "--memory", str(int(number * 0.99)), says=str(number))
        return number

    def check(self, *words, dst=("out.npy", "out.tif", "out.zarr")):
        """The printed number works for every kind of output, with the result of a large budget."""
        for name in dst:
            command = ["conv", *words[:1], name, *words[1:]]
            number = self.smallest(command)
            tight = self.succeeds(*command, "--memory", str(number))
            self.assertLessEqual(tight["peak_bytes"], number, (command, number))
            self.assertEqual(tight["budget_bytes"], number)
            plan = self.succeeds("plan", words[0], name, *words[1:], "--memory", str(number))
            self.assertEqual(plan["smallest_budget_bytes"], number)
            large = self.succeeds(*command, "--memory", "256MiB", "--overwrite")
            self.assertEqual(tight["hash"], large["hash"], (command, number))

    def test_one_band(self):
        self.array("a.npy", (150, 170))
        self.check("a.npy", "--kernel", "box:31")
        self.check("a.npy", "--kernel", "gauss:sigma=2", "--stride", "3,2", dst=["b.npy"])
        self.check("a.npy", "--kernel", "laplace", "--padding", "90,80,70,60", "--padding-mode",
                   "circular", dst=["c.npy"])

    def test_many_channels(self):
        self.array("a.npy", (24, 30, 40))
        self.weights("w.npy", (40, 24, 3, 3))
        self.weights("g.npy", (24, 6, 3, 5))
        self.check("a.npy", "--weights", "w.npy", dst=["out.npy", "out.tif"])
        self.check("a.npy", "--weights", "g.npy", "--groups", "4", "--dilation", "2", dst=["d.npy"])
        self.check("a.npy", "--weights", "w.npy", "--exact", "bound", dst=["e.npy"])
        self.check("a.npy", "--weights", "w.npy", "--exact", "bits", dst=["f.npy"])

    def test_batches_and_types(self):
        self.array("a.npy", (3, 2, 30, 40), np.int32)
        self.weights("w.npy", (2, 2, 3, 3))
        np.save(self.path("b.npy"), np.ones(2, np.float32))
        self.check("a.npy", "--weights", "w.npy", "--bias", "b.npy", dst=["out.npy", "out.zarr"])
        self.check("a.npy", "--weights", "w.npy", "--dtype", "same", "--flip", dst=["c.npy"])

    @unittest.skipUnless(have("gdal_translate"), "needs gdal_translate")
    def test_sources_that_need_a_cache(self):
        noise = np.random.default_rng(2).integers(0, 255, (3, 120, 200)).astype(np.uint8)
        self.picture("a.png", noise, "-of", "PNG")
        self.picture("a.tif", noise, "-co", "TILED=YES", "-co", "COMPRESS=LZW", "-co",
                     "BLOCKXSIZE=64", "-co", "BLOCKYSIZE=64")
        for source in ("a.png", "a.tif"):
            self.check(source, "--kernel", "box:5", dst=["out.npy", "out.tif"])
            for name in ("out.npy", "out.tif"):
                self.path(name).unlink()

    def test_forced_cuts(self):
        self.array("a.npy", (4, 60, 70))
        self.weights("w.npy", (8, 4, 3, 3))
        for n, force in enumerate(("tile=20x70", "co=4,ci=2,y=7,order=rows", "flight=2,tile=60x16",
                                   "weights=kept", "y=1+2+57,x=30+40")):
            self.check("a.npy", "--weights", "w.npy", "--force", force, dst=[f"{n}.npy"])

    def test_problem_lines(self):
        for line in ("conv2d n1 ci1024 y1024 x1024 co1024 k3x3 p1,1,1,1",
                     "conv2d n1 ci1 y1000000 x1000000 co1 k101x101 p50,50,50,50",
                     "conv2d n8 ci64 y7 x7 co64 k7x7 g64 f64 bias m:reflect p3,3,3,3"):
            number = self.smallest(["plan", line])
            done = self.run_program("plan", line, "--memory", str(number))
            self.assertEqual(done.returncode, OK, (line, done.stderr))

    def test_saved_plan(self):
        self.array("a.npy", (50, 60))
        number = self.smallest(["conv", "a.npy", "out.npy", "--kernel", "box:9"])
        self.run_program("plan", "a.npy", "out.npy", "--kernel", "box:9", "--memory", str(number),
                         "--save", "p.json")
        result = self.succeeds("conv", "a.npy", "out.npy", "--kernel", "box:9", "--plan", "p.json")
        self.assertEqual(result["budget_bytes"], number)


if __name__ == "__main__":
    support.main()
