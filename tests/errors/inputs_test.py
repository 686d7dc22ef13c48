"""Sources, weights or biases that are missing, unreadable, of the wrong kind or shape."""

import os
import unittest

import numpy as np

import support
from support import FILE, UNSUPPORTED, USAGE


class Source(support.Case):
    def refuse(self, name, says, code=FILE):
        says = [says] if isinstance(says, str) else says
        for command in (["conv", name, "out.npy", "--kernel", "box:3"], ["info", name]):
            self.fails(code, *command, says=[name, *says])

    def test_every_command_that_reads(self):
        self.path("note.txt").write_text("hello\n")
        for command in (["plan"], ["verify"], ["conv", "--dry-run"]):
            for name, said in (("absent.tif", "No such file"), ("note.txt", ";")):
                self.fails(FILE, *command, name, "out.npy", "--kernel", "box:3", says=[name, said])

    def test_missing(self):
        for name in ("absent.npy", "absent.tif", "absent.zarr", "absent/a.npy", "absent"):
            self.refuse(name, "No such file")

    def test_folder(self):
        for name in ("folder", "folder.npy", "folder.tif", "folder.zarr"):
            self.path(name).mkdir()
            self.refuse(name, ";")

    def test_below_a_file(self):
        self.array("a.npy")
        self.refuse("a.npy/b.npy", "Not a directory")

    @unittest.skipIf(os.geteuid() == 0, "the superuser may read everything")
    def test_unreadable(self):
        for name in ("a.npy", "a.tif"):
            self.array("a.npy")
            self.path("a.npy").rename(self.path(name))
            self.path(name).chmod(0)
            self.refuse(name, ["ermission", ";"])

    def test_empty(self):
        for ending in ("npy", "tif", "png", "jpg", "fits", "svs", "vrt", "bin", "zarr"):
            self.path(f"empty.{ending}").touch()
            self.refuse(f"empty.{ending}", ";")

    def test_noise(self):
        noise = np.random.default_rng(3).bytes(5000)
        for ending, start in (("tif", b""), ("npy", b""), ("png", b""), ("bin", b""),
                              ("npy2.npy", b"\x93NUMPY\x01\x00"), ("t2.tif", b"II*\0\x08\0\0\0"),
                              ("p2.png", b"\x89PNG\r\n\x1a\n"), ("j2.jpg", b"\xff\xd8\xff\xe0")):
            name = f"noise.{ending}"
            self.path(name).write_bytes(start + noise)
            self.refuse(name, ";")

    def test_text_and_names(self):
        self.path("note.txt").write_text("hello\n")
        self.refuse("note.txt", ";")
        self.fails(FILE, "conv", "", "out.npy", "--kernel", "box:3", says="name")
        self.array()
        self.fails(FILE, "conv", "a.npy", "", "--kernel", "box:3", says="name")

    def test_fifo_is_not_waited_for(self):
        os.mkfifo(self.path("pipe.npy"))
        os.mkfifo(self.path("pipe.tif"))
        for name in ("pipe.npy", "pipe.tif"):
            self.fails(FILE, "conv", name, "out.npy", "--kernel", "box:3", says=name, timeout=10)

    def test_element_types(self):
        for dtype in (np.complex64, np.float16, object, "S4", np.int64, np.dtype(">f4"),
                      np.dtype([("a", "f4")])):
            np.save(self.path("a.npy"), np.zeros((4, 5), dtype), allow_pickle=True)
            self.refuse("a.npy", ";", UNSUPPORTED)

    def test_axes(self):
        for shape in ((), (1, 1, 1, 4, 4)):
            np.save(self.path("a.npy"), np.zeros(shape, np.float32))
            self.refuse("a.npy", "axes", UNSUPPORTED)
        for shape in ((0, 5), (3, 0, 5), (0, 0)):
            np.save(self.path("a.npy"), np.zeros(shape, np.float32))
            self.refuse("a.npy", "no elements")

    def test_impossible_shapes(self):
        for shape in ("(9223372036854775807, 9)", "(99999999999999999999, 9)", "(-4, 4)",
                      "(4294967296, 4294967296)", "(1000000, 1000000)", "(4, x)", "4", "(4, 4"):
            text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".ljust(117)
            head = b"\x93NUMPY\x01\x00" + (118).to_bytes(2, "little") + text.encode() + b"\n"
            self.path("a.npy").write_bytes(head + bytes(64))
            self.refuse("a.npy", ";")

    def test_synthetic_names(self):
        for name in ("synth:noise", "synth:unknown,y=4,x=4", "synth:noise,y=0,x=4",
                     "synth:noise,y=-1,x=4", "synth:noise,y=4,x=1e30", "synth:noise,y=4,x=4,q=1",
                     "synth:noise,y=4,x=4,dtype=float99", "synth:,y=4,x=4", "synth:noise,y=4,y=4",
                     "synth:noise,y=4611686018427387904,x=4611686018427387904"):
            with self.subTest(name):
                done = self.run_program("conv", name, "out.npy", "--kernel", "box:3")
                self.assertIn(done.returncode, (USAGE, FILE), (name, done.stderr))
                self.assert_one_line(done, name)
                self.assertFalse(self.listing())


class Weights(support.Case):
    def setUp(self):
        super().setUp()
        self.array("a.npy", (2, 12, 13))

    def refuse(self, code, *words, says):
        self.fails(code, "conv", "a.npy", "out.npy", *words, says=says)

    def refuse_array(self, code, values, *says):
        np.save(self.path("w.npy"), values, allow_pickle=True)
        self.refuse(code, "--weights", "w.npy", says=says)

    def test_neither_or_both(self):
        self.weights()
        self.refuse(USAGE, says=["--weights", "--kernel"])
        self.refuse(USAGE, "--weights", "w.npy", "--kernel", "box:3",
                    says=["--weights", "--kernel", "both"])

    def test_files(self):
        self.path("empty.npy").touch()
        self.path("folder.npy").mkdir()
        for name in ("absent.npy", "empty.npy", "folder.npy"):
            self.refuse(FILE, "--weights", name, says=name)

    def test_shapes(self):
        self.refuse_array(USAGE, np.ones(3, np.float32), "1x1x1x3", "channels")
        self.refuse_array(UNSUPPORTED, np.ones((1, 1, 2, 3, 3), np.float32), "w.npy", "axes")
        self.refuse_array(USAGE, np.ones((4, 3, 3, 3), np.float32), "4x3x3x3", "channels")
        self.refuse_array(USAGE, np.ones((3, 3), np.float32), "w.npy", "1x1x3x3", "--kernel",
                          "[2,1,ky,kx]", "--groups 2", "[co,2,ky,kx]")
        for shape in ((0, 2, 3, 3), (4, 2, 0, 3), (4, 0, 3, 3)):
            self.refuse_array(FILE, np.ones(shape, np.float32), "w.npy", "no elements")

    def test_element_types(self):
        for dtype in (np.complex64, np.complex128, object, np.float16):
            self.refuse_array(UNSUPPORTED, np.ones((1, 2, 3, 3), dtype), "w.npy", "type")

    def test_groups(self):
        self.weights(shape=(4, 1, 3, 3))
        for groups, said in (("0", "0"), ("-1", "-1"), ("3", "3"), ("9" * 30, "9999"),
                             ("x", "x"), ("9223372036854775807", "9223372036854775807")):
            self.refuse(USAGE, "--weights", "w.npy", "--groups", groups, says=["groups", said])

    def test_kernel_larger_than_the_image(self):
        self.weights(shape=(1, 2, 40, 3))
        self.refuse(USAGE, "--weights", "w.npy", "--padding", "valid", says=["40", "12"])

    def test_bias(self):
        self.weights(shape=(3, 2, 3, 3))
        for shape in ((1, 4), (2, 3), (1, 1)):
            np.save(self.path("b.npy"), np.ones(shape, np.float32))
            self.refuse(USAGE, "--weights", "w.npy", "--bias", "b.npy",
                        says=["b.npy", "elements", "3"])
        for values, code in ((np.ones(4, np.float32), USAGE), (np.ones(3, complex), UNSUPPORTED)):
            np.save(self.path("b.npy"), values)
            self.refuse(code, "--weights", "w.npy", "--bias", "b.npy", says=["b.npy"])
        self.refuse(FILE, "--weights", "w.npy", "--bias", "absent.npy", says=["absent.npy"])

    def test_a_bias_of_one_axis(self):
        weights = self.weights(shape=(3, 2, 1, 1))
        bias = np.array([1, 2, 3], np.float32)
        np.save(self.path("b.npy"), bias)
        src = np.load(self.path("a.npy"))

        self.succeeds("conv", "a.npy", "out.npy", "--weights", "w.npy", "--bias", "b.npy")

        expected = np.einsum("oc,cyx->oyx", weights[:, :, 0, 0], src) + bias[:, None, None]
        np.testing.assert_allclose(np.load(self.path("out.npy")), expected, atol=1e-4)

    def test_nan_and_infinity_are_legal(self):
        self.array("one.npy", (9, 9))
        for value in (np.nan, np.inf, -np.inf):
            np.save(self.path("w.npy"), np.array([[0, value], [1, 0]], np.float32))
            self.succeeds("conv", "one.npy", "out.npy", "--weights", "w.npy", "--padding",
                          "valid", "--overwrite")
            expected = value * np.load(self.path("one.npy"))[:-1, 1:]
            np.testing.assert_array_equal(np.load(self.path("out.npy")), expected)


if __name__ == "__main__":
    support.main()
