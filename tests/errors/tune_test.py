"""tilewright tune end to end, in a cache folder of its own, and what plans make of its file."""

import json
import os
import signal
import subprocess
import time

import support
from support import FILE, INTERRUPTED, USAGE

LINE = "conv2d ci32 y200 x200 co32 k3x3 p1,1,1,1"


class Tune(support.Case):
    def setUp(self):
        super().setUp()
        os.environ.pop("TILEWRIGHT_TUNE", None)
        os.environ["XDG_CACHE_HOME"] = str(self.path("cache"))
        self.addCleanup(os.environ.update, {"TILEWRIGHT_TUNE": "none"})

    def stored(self):
        return sorted(self.path("cache").glob("tilewright/*"))

    def plan(self, *words):
        return self.run_program("plan", LINE, *words)

    def test_measures_keeps_and_uses_what_it_finds(self):
        self.assertIn("first guesses", self.plan().stdout)
        found = json.loads(self.run_program("tune", "--quick", "--json").stdout)
        self.assertGreater(found["runs"], 20)
        self.assertGreater(found["rates"]["read_bytes_per_second"], 0)
        self.assertEqual([k["kernel"] for k in found["rates"]["kernels"] if not k["problems"]], [])
        self.assertEqual([str(p) for p in self.stored()], [found["store"]])

        self.assertIn("rates: measured " + found["measured"], self.plan().stdout)
        self.assertIn("first guesses", self.plan("--no-tune").stdout)
        devices = json.loads(self.run_program("devices", "--json").stdout)
        self.assertEqual(devices["measured"], found["measured"])

        text = self.stored()[0].read_text()
        self.stored()[0].write_text(text[:len(text) // 2])
        broken = self.plan()
        self.assertEqual(broken.returncode, 0)
        self.assertIn("first guesses", broken.stdout)
        self.assertIn("not a JSON object", broken.line)
        self.assertNotIn("\n", broken.line)

    def test_no_other_file_is_replaced(self):
        picture = self.path("picture.pgm")
        picture.write_bytes(b"P5 1 1 255 \x07")
        run = self.run_program("tune", "--quick", "--store", str(picture))
        self.assertEqual(run.returncode, FILE)
        self.assertIn("holds no measurements", run.line)
        self.assertEqual(picture.read_bytes(), b"P5 1 1 255 \x07")

    def test_a_folder_that_is_not_there(self):
        run = self.run_program("tune", "--quick", "--folder", str(self.path("nowhere")))
        self.assertEqual(run.returncode, FILE)
        self.assertIn("nowhere: is no folder", run.line)
        self.assertEqual(self.stored(), [])

    def test_a_kernel_and_its_bits_do_not_depend_on_it(self):
        def run(*words):
            row = json.loads(self.run_program("bench", LINE, "--repeat", "1", "--json",
                                              *words).stdout)
            return row["hash"]
        before = run()
        self.run_program("tune", "--quick", "--quiet")
        text = self.stored()[0].read_text()
        slow = json.loads(text)
        for r in slow["runs"]:  # as if every kernel but the definition were very slow
            if not r["kernel"].startswith("reference"):
                r["compute_seconds"], r["seconds"] = 1000, 1001
        self.stored()[0].write_text(json.dumps(slow))
        self.assertEqual(run(), before)
        self.assertEqual(run("--exact", "bits"), run("--exact", "bits", "--no-tune"))

    def test_interrupt_leaves_nothing(self):
        job = subprocess.Popen([support.PROGRAM, "tune"], stderr=subprocess.PIPE,
                               stdout=subprocess.PIPE, cwd=self.folder)
        time.sleep(1)
        job.send_signal(signal.SIGINT)
        self.assertEqual(job.wait(timeout=20), INTERRUPTED)
        job.communicate()
        self.assertEqual(self.stored(), [])

    def test_refusals(self):
        self.fails(USAGE, "tune", "--threads", "0", says="--threads")
        self.fails(FILE, "tune", "--quick", "--store", "/proc/none/m.json", says="/proc/none")
        self.fails(FILE, "tune", "--quick", "--folder", "no/such/folder", says="no/such/folder")
        os.environ.pop("XDG_CACHE_HOME")
        home = os.environ.pop("HOME", "/")
        self.addCleanup(os.environ.update, {"HOME": home})
        self.fails(FILE, "tune", "--quick", says="--store")


if __name__ == "__main__":
    support.main()
