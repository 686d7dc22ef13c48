"""Ctrl-C and SIGTERM end every command that takes time within seconds and leave nothing behind."""

import pathlib
import signal
import subprocess
import time
import unittest

import support
from support import INTERRUPTED, OK

LIMIT_SECONDS = 3


def catches(pid, number):
    """Whether a process has come as far as to have its own answer to a signal."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt:"))
    return int(caught.split()[1], 16) >> (number - 1) & 1 == 1


class Interrupt(support.Case):
    def wait_for_start(self, command, pid, number):
        """Until the program is at work: signals are caught and an output, if any, is begun."""
        writes = command in ("conv", "grad", "synth")
        end = time.monotonic() + 10
        while time.monotonic() < end:
            if catches(pid, number) and (not writes or list(self.folder.glob("*.partial"))):
                break
            time.sleep(0.02)
        time.sleep(0.3)

    def interrupt(self, number, *words):
        command = [support.PROGRAM, *words]
        with subprocess.Popen(command, cwd=self.folder, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as running:
            try:
                self.wait_for_start(words[0], running.pid, number)
                self.assertIsNone(running.poll(), (words, "ended before it could be interrupted"))
                before = time.monotonic()
                running.send_signal(number)
                out, err = running.communicate(timeout=30)
                waited = time.monotonic() - before
            finally:
                running.kill()
        about = (words, running.returncode, err.decode())
        self.assertEqual(running.returncode, INTERRUPTED, about)
        self.assertLess(waited, LIMIT_SECONDS, about)
        last = err.decode().splitlines()[-1]
        self.assertTrue(last.startswith("tilewright: interrupted"), about)
        self.assertEqual(out, b"", about)

    def test_conv(self):
        self.array("a.npy", (1500, 1500))
        before = self.listing()
        words = ["conv", "a.npy", "--kernel", "box:301", "--exact", "bits"]
        for number, ending, more in ((signal.SIGINT, "npy", []),
                                     (signal.SIGTERM, "tif", ["--force", "tile=100x700"]),
                                     (signal.SIGINT, "zarr", ["--force", "tile=64x64"]),
                                     (signal.SIGINT, "npy", ["--kernel-impl", "reference"])):
            self.interrupt(number, *words, f"out.{ending}", *more)
            self.assertEqual(self.listing(), before)

    def test_one_long_row(self):
        # Rows cannot be sliced further: a kernel call over one of them must be short as well.
        self.succeeds("synth", "row.npy", "--size", "1x3000000")
        before = self.listing()
        self.interrupt(signal.SIGINT, "conv", "row.npy", "out.npy", "--kernel", "box:1x20001")
        self.assertEqual(self.listing(), before)

    def test_one_long_band_of_a_sum(self):
        # Rows of a gradient of weights are summed in eights: a band of them is cut into columns.
        image = "synth:noise,c=256,y=8,x=60000"
        before = self.listing()
        self.interrupt(signal.SIGINT, "grad", image, image, "--weights",
                       "synth:noise,n=256,c=256,y=5,x=5", "--out-weights", "out.npy",
                       "--force", "flight=1", "--kernel-impl", "reference")
        self.assertEqual(self.listing(), before)

    def test_a_bar_ends_before_the_message(self):
        self.array("a.npy", (1500, 1500))
        self.interrupt(signal.SIGINT, "conv", "a.npy", "out.npy", "--kernel", "box:301",
                       "--exact", "bits", "--progress", "bar", "--force", "tile=8x100")

    def test_a_rerun_works(self):
        self.array("a.npy", (1500, 1500))
        self.interrupt(signal.SIGINT, "conv", "a.npy", "out.npy", "--kernel", "box:301",
                       "--exact", "bits")
        self.succeeds("conv", "a.npy", "out.npy", "--kernel", "box:3")

    def test_an_old_output_survives(self):
        self.array("a.npy", (1500, 1500))
        self.path("out.npy").write_text("precious")
        before = self.listing()
        self.interrupt(signal.SIGINT, "conv", "a.npy", "out.npy", "--kernel", "box:301",
                       "--exact", "bits", "--overwrite")
        self.assertEqual(self.listing(), before)

    def test_other_commands(self):
        line = "conv2d ci16 y500 x500 co64 k15x15"
        self.interrupt(signal.SIGINT, "verify", line)
        self.interrupt(signal.SIGINT, "bench", line, "--repeat", "50")
        self.interrupt(signal.SIGTERM, "synth", "big.npy", "--size", "20000x20000")
        self.assertFalse(self.listing())

    def test_verify_of_a_file(self):
        self.array("a.npy", (700, 700))
        words = ["a.npy", "out.npy", "--kernel", "box:101"]
        self.assertEqual(self.run_program("conv", *words).returncode, OK)
        before = self.listing()
        self.interrupt(signal.SIGINT, "verify", *words, "--samples", "100000")
        self.interrupt(signal.SIGINT, "verify", *words, "--full", "--kernel-impl", "reference")
        self.assertEqual(self.listing(), before)


if __name__ == "__main__":
    support.main()
