"""Outputs that cannot be made: nothing appears under the final name, nothing that exists is lost."""

import os
import resource
import subprocess
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

    def test_the_source_behind_a_vrt_or_a_partial_name(self):
        os.rename(self.path("a.npy"), self.path("out.npy.partial"))
        self.fails(USAGE, "conv", "out.npy.partial", "out.npy", "--kernel", "box:3",
                   says="out.npy.partial")

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
            self.fails(FILE, "synth", f"out.{ending}", "--size", "2000000x2000000x200",
                       "--dtype", "uint8", says=[f"out.{ending}", ";"])

    def test_small_file_system(self):
        mount = self.path("small")
        mount.mkdir()
        made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", mount],
                              capture_output=True, check=False)
        if made.returncode != 0:
            self.skipTest("file systems cannot be mounted here")
        self.addCleanup(subprocess.run, ["umount", mount], check=False)
        self.array("a.npy", (500, 700))
        for ending in ENDINGS:
            self.fails(FILE, "conv", "a.npy", f"small/out.{ending}", "--kernel", "box:3",
                       says=[f"small/out.{ending}", "free some space"])
        # Room when the run begins, and gone before it ends.
        self.fill_while_running(mount)

    def fill_while_running(self, mount):
        self.array("b.npy", (400, 500))
        for ending in ENDINGS:
            done = self.run_program("conv", "b.npy", f"small/out.{ending}", "--kernel", "box:3")
            self.assertEqual(done.returncode, OK, done.stderr)
            for left in list(mount.iterdir()):
                subprocess.run(["rm", "-r", left], check=True)
        (mount / "ballast").write_bytes(bytes(500 << 10))
        self.array("c.npy", (250, 500))
        for ending in ENDINGS:
            done = self.run_program("conv", "c.npy", f"small/out.{ending}", "--kernel", "box:3")
            self.assertIn(done.returncode, (OK, FILE), done.stderr)
            if done.returncode == FILE:
                self.assert_one_line(done, done.stderr)
                self.assertEqual([p.name for p in mount.iterdir()], ["ballast"])
            for left in mount.glob("out*"):
                subprocess.run(["rm", "-r", left], check=True)


if __name__ == "__main__":
    support.main()
