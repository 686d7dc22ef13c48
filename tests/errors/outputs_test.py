"""Outputs that cannot be made: nothing appears under the final name, nothing is lost."""

import contextlib
import os
import resource
import subprocess
import time
import unittest

import support
from support import FILE, OK, UNSUPPORTED, USAGE

ENDINGS = ("npy", "tif", "zarr")


def limit_file_size(limit):
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))


class Output(support.Case):
    def setUp(self):
        super().setUp()
        self.array("a.npy", (60, 70))

    def refuse(self, code, dst, *words, says=(), **kwargs):
        says = [says] if isinstance(says, str) else list(says)
        self.fails(code, "conv", "a.npy", dst, "--kernel", "box:3", *words, says=says, **kwargs)

    def test_exists(self):
        for ending in ENDINGS:
            self.path(f"out.{ending}").write_text("precious")
            self.refuse(FILE, f"out.{ending}", says=[f"out.{ending}", "--overwrite"])
            self.fails(FILE, "synth", f"out.{ending}", "--size", "8x8", says="--overwrite")

    def test_overwrite_keeps_the_old_until_the_new_is_complete(self):
        for ending in ENDINGS:
            self.path(f"out.{ending}").write_text("precious")
            self.refuse(FILE, f"out.{ending}", "--overwrite", says=f"out.{ending}",
                        preexec_fn=limit_file_size(4096))
            self.succeeds("conv", "a.npy", f"out.{ending}", "--kernel", "box:3", "--overwrite")
            self.succeeds("conv", "a.npy", f"out.{ending}", "--kernel", "box:3", "--overwrite")
            self.assertNotIn(self.path(f"out.{ending}.partial"), self.listing())

    def test_folders(self):
        self.path("locked").mkdir()
        for ending in ENDINGS:
            self.refuse(FILE, f"absent/out.{ending}", says=["absent", ";"])
            self.refuse(FILE, f"a.npy/out.{ending}", says=["a.npy", ";"])
            self.path(f"folder.{ending}").mkdir()
            self.path(f"folder.{ending}/kept").touch()
            self.refuse(FILE, f"folder.{ending}", says="exists")

    def test_a_folder_that_is_no_array_is_never_replaced(self):
        for ending in ENDINGS:
            self.path(f"folder.{ending}").mkdir()
            self.path(f"folder.{ending}/kept").write_text("precious")
            self.refuse(FILE, f"folder.{ending}", "--overwrite", says=f"folder.{ending}")

    @unittest.skipIf(os.geteuid() == 0, "the superuser may write everywhere")
    def test_folder_without_permission(self):
        self.path("locked").mkdir(mode=0o555)
        for ending in ENDINGS:
            self.refuse(FILE, f"locked/out.{ending}", says=["locked", "ermission"])

    @unittest.skipUnless(os.path.isdir("/proc/self"), "needs a folder in which nobody writes")
    def test_folder_in_which_nobody_writes(self):
        for ending in ENDINGS:
            self.refuse(FILE, f"/proc/self/out.{ending}", says=f"/proc/self/out.{ending}")

    def test_endings(self):
        for name in ("out", "out.xyz", "out.npz", "out.", ".npy.gz", "out.png", "out.jpg",
                     "out.fits", "out.hdf5", "/dev/null"):
            self.refuse(UNSUPPORTED, name, says=[name, ".npy"])

    def test_the_source(self):
        os.symlink("a.npy", self.path("soft.npy"))
        os.link(self.path("a.npy"), self.path("hard.npy"))
        for name in ("a.npy", "./a.npy", "soft.npy", "hard.npy", self.path("a.npy")):
            for words in ((), ("--overwrite",)):
                self.refuse(USAGE, name, *words, says=[name, "another file"])
        self.weights("w.npy")
        self.fails(USAGE, "conv", "a.npy", "w.npy", "--weights", "w.npy", "--overwrite",
                   says="w.npy")

    def virtual(self, name, source):
        self.path(name).write_text(
            '<VRTDataset rasterXSize="20" rasterYSize="20"><VRTRasterBand dataType="Float32" '
            f'band="1"><SimpleSource><SourceFilename relativeToVRT="1">{source}</SourceFilename>'
            '<SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>')

    def test_a_file_behind_the_source(self):
        self.succeeds("synth", "b.tif", "--size", "20x20")
        self.virtual("one.vrt", "b.tif")
        self.virtual("two.vrt", "one.vrt")
        size = self.path("b.tif").stat().st_size
        for name in ("one.vrt", "two.vrt", "GTIFF_DIR:1:b.tif", "vrt://b.tif",
                     f"/vsisubfile/0_{size},b.tif"):
            self.fails(USAGE, "conv", name, "b.tif", "--kernel", "box:3", "--overwrite",
                       says=["output 'b.tif'", name, "another file"])
        self.fails(USAGE, "conv", "a.npy", "b.tif", "--weights", "one.vrt", "--overwrite",
                   says="one.vrt")
        self.succeeds("conv", "two.vrt", "c.tif", "--kernel", "box:3")

    def test_the_name_of_the_unfinished_output(self):
        self.succeeds("synth", "a.tif", "--size", "20x20")
        self.path("a.tif").rename(self.path("out.tif.partial"))
        self.fails(USAGE, "conv", "out.tif.partial", "out.tif", "--kernel", "box:3",
                   says=["out.tif.partial", "another"])

    def test_dangling_link(self):
        os.symlink("nowhere.npy", self.path("out.npy"))
        self.refuse(FILE, "out.npy", says="--overwrite")

    def test_a_stale_partial_file_is_replaced(self):
        for ending in ENDINGS:
            self.path(f"out.{ending}.partial").write_text("from a run that was killed")
            self.succeeds("conv", "a.npy", f"out.{ending}", "--kernel", "box:3")
            self.assertFalse(self.path(f"out.{ending}.partial").exists())

    def test_too_many_axes_for_a_tiff(self):
        self.array("four.npy", (2, 1, 8, 8))
        self.fails(UNSUPPORTED, "conv", "four.npy", "out.tif", "--kernel", "box:3",
                   says=["out.tif", ".npy"])


class FullDisk(support.Case):
    def test_limited_file_size(self):
        self.array("a.npy", (300, 400))
        for ending in ("npy", "tif"):
            for limit in (0, 1, 1000, 70000, 400000):
                self.fails(FILE, "conv", "a.npy", f"out.{ending}", "--kernel", "box:3",
                           says=[f"out.{ending}", ";"], preexec_fn=limit_file_size(limit))
                self.fails(FILE, "synth", f"out.{ending}", "--size", "300x400",
                           says=[f"out.{ending}", ";"], preexec_fn=limit_file_size(limit))
        for limit in (0, 10, 1000, 20000):
            self.fails(FILE, "conv", "a.npy", "out.zarr", "--kernel", "box:3",
                       says=["out.zarr", ";"], preexec_fn=limit_file_size(limit))

    def test_more_than_any_disk_has(self):
        for ending in ENDINGS:
            self.fails(FILE, "synth", f"out.{ending}", "--size", "200x2000000x2000000",
                       "--dtype", "uint8", says=[f"out.{ending}", ";"])

    def mount(self, size):
        """A small file system; skips where none can be mounted."""
        mount = self.path("small")
        mount.mkdir()
        made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", mount],
                              capture_output=True, check=False)
        if made.returncode != 0:
            self.skipTest("file systems cannot be mounted here")
        self.addCleanup(subprocess.run, ["umount", mount], check=False)
        return mount

    def test_disk_too_small(self):
        self.mount("1m")
        self.array("a.npy", (500, 700))
        for ending in ENDINGS:
            self.fails(FILE, "conv", "a.npy", f"small/out.{ending}", "--kernel", "box:3",
                       says=[f"small/out.{ending}", "free some space"])

    def test_disk_that_fills_while_writing(self):
        mount = self.mount("8m")
        self.array("a.npy", (1000, 1000))
        for ending in ENDINGS:
            command = [support.PROGRAM, "conv", "a.npy", f"small/out.{ending}", "--kernel",
                       "box:61", "--force", "tile=64x256", "--kernel-impl", "reference"]
            with subprocess.Popen(command, cwd=self.folder, stderr=subprocess.PIPE) as running:
                while running.poll() is None and not list(mount.glob("out.*")):
                    time.sleep(0.01)
                self.fill(mount)
                said = running.communicate(timeout=60)[1].decode()
            about = (ending, running.returncode, said)
            if running.returncode == FILE:
                self.assertRegex(said, f"(?m)^tilewright: small/out.{ending}.*free some space")
            else:  # all bytes were reserved before the ballast came
                self.assertEqual(running.returncode, OK, about)
            left = {p.name for p in mount.iterdir()} - {"ballast"}
            self.assertEqual(left, set() if running.returncode else {f"out.{ending}"}, about)
            subprocess.run(f"rm -r {mount}/*", shell=True, check=True)

    @staticmethod
    def fill(mount):
        with open(mount / "ballast", "wb", buffering=0) as ballast:
            for size in (1 << 16, 1 << 12):
                with contextlib.suppress(OSError):
                    while True:
                        ballast.write(bytes(size))


if __name__ == "__main__":
    support.main()
