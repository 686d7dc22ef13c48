"""What the tests of wrong and odd use share: running the program as a person would, in a folder of
its own, and the promises that hold for every error."""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import numpy as np

PROGRAM = os.environ.get("TILEWRIGHT", "tilewright")
DATA = pathlib.Path(os.environ.get("TILEWRIGHT_SOURCE", ".")).resolve().parent / "shared" / "data"

OK, FAILED, USAGE, FILE, UNSUPPORTED, BUDGET, DIFFERS, INTERRUPTED = 0, 1, 2, 3, 4, 5, 6, 130


def parallel(function, items):
    """function of every item, two at a time; the results in order."""
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return list(pool.map(function, items))


def fingerprint(path):
    """What must not change about a file, folder or link."""
    if path.is_symlink():
        return "link to " + os.readlink(path)
    if path.is_dir():
        return "folder"
    if not path.is_file():
        return "special"
    return hashlib.sha256(path.read_bytes()).hexdigest() if os.access(path, os.R_OK) else "?"


class Case(unittest.TestCase):
    """A folder for each test, and the program run in it."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tilewright_errors_"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def path(self, name):
        return self.folder / name

    def run_program(self, *words, timeout=60, **kwargs):
        """The finished process; its text decoded. A hang fails the test."""
        command = [PROGRAM, *(str(w) for w in words)]
        kwargs.setdefault("stdout", subprocess.PIPE)
        done = subprocess.run(command, cwd=self.folder, stderr=subprocess.PIPE, timeout=timeout,
                              stdin=subprocess.DEVNULL, **kwargs)
        done.stderr = done.stderr.decode("utf-8", "replace")
        done.stdout = (done.stdout or b"").decode("utf-8", "replace")
        done.line = done.stderr.rstrip("\n")
        return done

    def succeeds(self, *words, **kwargs):
        """The result as JSON of a command that must work."""
        done = self.run_program(*words, "--json", **kwargs)
        self.assertEqual(done.returncode, OK, (words, done.stderr))
        return json.loads(done.stdout)

    def listing(self):
        return {p: fingerprint(p) for p in sorted(self.folder.rglob("*"))}

    def fails(self, code, *words, says=(), env=None, run=None, **kwargs):
        """A command that must be refused with `code`: in one line of stderr that holds every word
        of `says`, with nothing on stdout and no file made, changed or lost."""
        before = self.listing()
        done = (run or self.run_program)(*words, env=env, **kwargs)
        about = (words if len(str(words)) < 500 else str(words)[:500], done.returncode,
                 done.stderr[:2000])
        self.assertEqual(done.returncode, code, about)
        self.assert_one_line(done, about)
        self.assertEqual(done.stdout, "", about)
        for word in [says] if isinstance(says, str) else says:
            self.assertIn(str(word), done.stderr, about)
        self.assertEqual(self.listing(), before, about)
        return done

    def assert_one_line(self, done, about):
        self.assertTrue(done.stderr.startswith("tilewright: "), about)
        self.assertTrue(done.stderr.endswith("\n"), about)
        self.assertEqual(done.stderr.count("\n"), 1, about)
        self.assertLess(len(done.stderr), 1000, about)
        for internal in ("std::", "[json.exception", "basic_string", "vector::", "bad_alloc"):
            self.assertNotIn(internal, done.stderr, about)

    def array(self, name="a.npy", shape=(24, 31), dtype=np.float32, seed=1):
        """Saves an array of noise and returns it."""
        values = np.random.default_rng(seed).uniform(0, 100, shape).astype(dtype)
        np.save(self.path(name), values)
        return values

    def weights(self, name="w.npy", shape=(2, 1, 3, 3)):
        """Saves weights and returns them."""
        values = np.random.default_rng(7).uniform(-1, 1, shape).astype(np.float32)
        np.save(self.path(name), values)
        return values

    def picture(self, name, values, *options):
        """A raster in any format that gdal_translate writes, made from an array [y,x] or [c,y,x].

        The detour is a raw file with a VRT, which GDAL reads without any other library."""
        bands = values.reshape((-1,) + values.shape[-2:])
        kinds = {"uint8": "Byte", "uint16": "UInt16", "int16": "Int16", "float32": "Float32"}
        size = values.dtype.itemsize
        raw = self.path(name + ".raw")
        raw.write_bytes(bands.tobytes())
        count, height, width = bands.shape
        text = f'<VRTDataset rasterXSize="{width}" rasterYSize="{height}">'
        for b in range(count):
            text += (f'<VRTRasterBand dataType="{kinds[values.dtype.name]}" band="{b + 1}" '
                     f'subClass="VRTRawRasterBand"><SourceFilename relativeToVRT="1">{raw.name}'
                     f'</SourceFilename><ImageOffset>{b * height * width * size}</ImageOffset>'
                     f'<PixelOffset>{size}</PixelOffset><LineOffset>{width * size}</LineOffset>'
                     f'<ByteOrder>LSB</ByteOrder></VRTRasterBand>')
        vrt = self.path(name + ".vrt")
        vrt.write_text(text + "</VRTDataset>")
        done = subprocess.run(["gdal_translate", "-q", *options, vrt, self.path(name)],
                              cwd=self.folder, capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        for spare in (raw, vrt, self.path(name + ".aux.xml")):
            spare.unlink(missing_ok=True)
        return self.path(name)


def have(*programs):
    return all(shutil.which(p) for p in programs)


def main():
    if not os.access(PROGRAM, os.X_OK) and shutil.which(PROGRAM) is None:
        sys.exit(f"{PROGRAM} is not a program; set TILEWRIGHT")
    unittest.main(verbosity=1)
