"""Where a picture lies, what its bands are called and what means "no data" travel to the output."""

import json
import subprocess
import unittest

import numpy as np

import support
from support import have

TRANSFORM = (1000.0, 10.0, 0.0, 5000.0, 0.0, -10.0)


@unittest.skipUnless(have("gdal_translate", "gdalinfo"), "needs GDAL's command line tools")
class Georeference(support.Case):
    def setUp(self):
        super().setUp()
        values = np.random.default_rng(4).integers(1, 200, (2, 40, 60)).astype(np.int16)
        self.picture("plain.tif", values, "-a_srs", "EPSG:32633", "-a_ullr", "1000", "5000",
                     "1600", "4600", "-a_nodata", "-7", "-mo", "TIFFTAG_XRESOLUTION=300", "-mo",
                     "TIFFTAG_YRESOLUTION=300", "-mo", "TIFFTAG_RESOLUTIONUNIT=2", "-mo",
                     "AUTHOR=somebody")
        text = subprocess.run(["gdal_translate", "-q", "-of", "VRT", "plain.tif", "/vsistdout/"],
                              cwd=self.folder, capture_output=True, check=True).stdout.decode()
        for band, name in ((1, "red edge"), (2, "near infrared")):
            head, tail = text.split(f'band="{band}"', 1)
            mark, rest = tail.split(">", 1)
            text = f'{head}band="{band}"{mark}><Description>{name}</Description>{rest}'
        self.path("named.vrt").write_text(text.replace('relativeToVRT="0"', 'relativeToVRT="1"'))
        subprocess.run(["gdal_translate", "-q", "named.vrt", "a.tif"], cwd=self.folder, check=True)

    def described(self, name):
        done = subprocess.run(["gdalinfo", "-json", name], cwd=self.folder, capture_output=True,
                              check=True)
        return json.loads(done.stdout)

    def convolve(self, *words):
        self.succeeds("conv", "a.tif", "out.tif", "--overwrite", *words)
        return self.described("out.tif")

    def test_same_size(self):
        source = self.described("a.tif")
        self.assertEqual(tuple(source["geoTransform"]), TRANSFORM)
        out = self.convolve("--kernel", "box:3")
        self.assertEqual(tuple(out["geoTransform"]), TRANSFORM)
        self.assertEqual(out["coordinateSystem"]["wkt"], source["coordinateSystem"]["wkt"])
        self.assertEqual([b["description"] for b in out["bands"]], ["red edge", "near infrared"])
        self.assertEqual([b["noDataValue"] for b in out["bands"]], [-7, -7])
        items = out["metadata"][""]
        self.assertEqual(items["AUTHOR"], "somebody")
        self.assertEqual((items["TIFFTAG_XRESOLUTION"], items["TIFFTAG_YRESOLUTION"]),
                         ("300", "300"))

    def test_stride_two(self):
        # With "same" padding the first window of 3 at stride 2 begins at the first pixel.
        out = self.convolve("--kernel", "box:3", "--stride", "2", "--padding", "1,1,1,1")
        self.assertEqual(out["size"], [30, 20])
        self.assertEqual(tuple(out["geoTransform"]), (995, 20, 0, 5005, 0, -20))
        self.assertEqual(out["metadata"][""]["TIFFTAG_XRESOLUTION"], "150")

    def test_valid_padding_moves_the_corner(self):
        out = self.convolve("--kernel", "box:5", "--padding", "valid")
        self.assertEqual(out["size"], [56, 36])
        self.assertEqual(tuple(out["geoTransform"]), (1020, 10, 0, 4980, 0, -10))

    def test_even_kernels_lie_between_pixels(self):
        out = self.convolve("--kernel", "box:2", "--padding", "valid", "--stride", "2")
        self.assertEqual(tuple(out["geoTransform"]), (1000, 20, 0, 5000, 0, -20))

    def test_nodata_that_the_output_cannot_hold(self):
        out = self.convolve("--kernel", "box:3", "--dtype", "uint8")
        self.assertNotIn("noDataValue", out["bands"][0])

    def test_other_channels_have_no_names(self):
        np.save(self.path("w.npy"), np.ones((3, 2, 1, 1), np.float32))
        out = self.convolve("--weights", "w.npy")
        self.assertEqual(tuple(out["geoTransform"]), TRANSFORM)
        self.assertEqual(len(out["bands"]), 3)
        self.assertNotIn("description", out["bands"][0])

    def test_zarr_and_back(self):
        self.succeeds("conv", "a.tif", "out.zarr", "--kernel", "box:3")
        self.succeeds("conv", "out.zarr", "back.tif", "--kernel", "identity")
        self.assertEqual(tuple(self.described("back.tif")["geoTransform"]), TRANSFORM)


if __name__ == "__main__":
    support.main()
