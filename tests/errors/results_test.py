"""What the program answers when all is well: JSON, progress, graphs, and answers nobody reads."""

import json
import os
import re
import subprocess
import unittest

import numpy as np

import support
from support import BUDGET, DIFFERS, FILE, OK, PROGRAM, USAGE

CONV_KEYS = {"seconds", "peak_bytes", "budget_bytes", "bytes_read", "bytes_written",
             "lower_bound_bytes", "pieces", "exact", "bound", "kernel", "hash"}


class Json(support.Case):
    def test_conv(self):
        self.array("a.npy", (50, 60))
        result = self.succeeds("conv", "a.npy", "out.npy", "--kernel", "box:3", "--memory", "8MiB")
        self.assertLessEqual(CONV_KEYS, set(result))
        self.assertEqual(result["budget_bytes"], 8 << 20)
        self.assertLessEqual(result["peak_bytes"], result["budget_bytes"])
        self.assertEqual(result["bytes_written"], 50 * 60 * 4)
        self.assertGreaterEqual(result["bytes_read"], 50 * 60 * 4)
        self.assertIn(result["exact"], ("bits", "stable", "bound"))
        self.assertRegex(result["hash"], "^[0-9a-f]{16}$")

    def test_plan(self):
        line = "conv2d n1 ci1024 y1024 x1024 co1024 k3x3 s1x1 d1x1 p1,1,1,1 g1 f32"
        result = self.succeeds("plan", line, "--force", "tile=128x128,co=128,ci=128",
                               "--memory", "512MiB")
        self.assertEqual((result["counts"]["tiles"], result["counts"]["channel_blocks"],
                          result["counts"]["elemental_convolutions"]), (64, 64, 4096))
        self.assertLessEqual({"counts", "peak_bytes", "seconds", "smallest_budget_bytes"},
                             set(result))
        self.assertLessEqual(result["smallest_budget_bytes"], 512 << 20)

    def test_dry_run_is_the_plan_and_writes_nothing(self):
        self.array("a.npy", (50, 60))
        before = self.listing()
        dry = self.succeeds("conv", "a.npy", "out.npy", "--kernel", "box:3", "--dry-run")
        planned = self.succeeds("plan", "a.npy", "out.npy", "--kernel", "box:3")
        self.assertEqual(dry["counts"], planned["counts"])
        self.assertEqual(self.listing(), before)

    def test_the_others(self):
        self.array("a.npy", (2, 50, 60))
        info = self.succeeds("info", "a.npy")
        self.assertEqual((info["shape"], info["dtype"]), ([1, 2, 50, 60], "float32"))
        self.assertIn("hash", self.succeeds("synth", "s.tif", "--size", "20x30"))
        self.assertIn("kernels", self.succeeds("devices"))
        self.succeeds("conv", "a.npy", "out.npy", "--kernel", "box:3")
        self.assertTrue(self.succeeds("verify", "a.npy", "out.npy", "--kernel", "box:3")["equal"])
        self.assertIn("hash", self.succeeds("bench", "conv2d ci1 y64 x64 co1 k3x3",
                                            "--repeat", "1"))

    def test_errors(self):
        self.array("a.npy", (50, 60))
        conv = ["conv", "a.npy", "out.npy", "--json"]
        for words, code in (([*conv, "--kernel", "box:3", "--memory", "1"], BUDGET),
                            ([*conv, "--kernel", "circle"], USAGE), ([*conv, "--oops"], USAGE),
                            (["info", "absent\n\udcff.npy", "--json"], FILE),
                            (["plan", "conv2d", "--format", "json"], FILE)):
            done = self.run_program(*words)
            self.assertEqual(done.returncode, code, (words, done.stderr))
            self.assert_one_line(done, words)
            self.assertEqual(done.stdout.count("\n"), 1, words)
            answer = json.loads(done.stdout)
            self.assertEqual(answer["exit_code"], code)
            self.assertEqual(f"tilewright: {answer['error']}\n", done.stderr)
            self.assertEqual("smallest_budget_bytes" in answer, code == BUDGET)
            if code == BUDGET:
                self.assertIn(f"{answer['smallest_budget_bytes']} bytes", answer["error"])

    def test_counts_alone(self):
        line = "conv2d ci4 y20 x30 co4 k3x3 p1,1,1,1"
        counts = self.succeeds("plan", line, "--force", "tile=10x10,co=2", "--show", "counts")
        self.assertEqual((counts["tiles"], counts["pieces"]), (6, 12))
        self.assertNotIn("counts", counts)

    def test_two_forms_at_once(self):
        line = "conv2d ci4 y20 x30 co4 k3x3 p1,1,1,1"
        for words in (["--show", "graph", "--json"], ["--json"], []):
            done = self.run_program("plan", line, "--format", "dot", "--save", "p.json", *words)
            self.assertEqual(done.returncode, USAGE, done.stderr)
            self.assertIn("--json" if words else "--show graph", done.stderr)
            self.assertFalse(self.listing())

    def test_names_that_json_must_escape(self):
        for name in ('qu"ote.npy', "back\\slash.npy", "new\nline.npy", "byte\udcff.npy", "ü.npy"):
            self.array(name, (6, 7))
            info = self.run_program("info", name, "--json")
            self.assertEqual(info.returncode, OK, (name, info.stderr))
            json.loads(info.stdout)
            self.assertEqual(self.run_program("conv", name, "out.npy", "--kernel", "box:3",
                                              "--overwrite").returncode, OK)
            done = self.run_program("conv", "not" + name, "new.npy", "--kernel", "box:3")
            self.assertEqual(done.returncode, FILE)
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)


class Verify(support.Case):
    def test_one_flipped_byte(self):
        self.array("a.npy", (2, 60, 70))
        words = ["a.npy", "out.npy", "--kernel", "gauss:sigma=1", "--force", "tile=20x30"]
        self.succeeds("conv", *words)
        data = bytearray(self.path("out.npy").read_bytes())
        # Channel 1, row 33, column 44, the lowest byte of its mantissa.
        data[len(data) - 4 * 60 * 70 + 4 * (33 * 70 + 44)] ^= 1
        self.path("out.npy").write_bytes(data)

        done = self.run_program("verify", *words, "--full")
        self.assertEqual((done.returncode, done.stderr), (DIFFERS, ""))
        self.assertIn("1 of", done.stdout)
        self.assertIn("c1 y33 x44", done.stdout)
        answer = self.run_program("verify", *words, "--full", "--json")
        self.assertEqual(answer.returncode, DIFFERS)
        self.assertEqual(json.loads(answer.stdout)["differing"], 1)

    def test_windows_find_what_is_everywhere(self):
        self.array("a.npy", (60, 70))
        self.succeeds("conv", "a.npy", "out.npy", "--kernel", "box:3")
        done = self.run_program("verify", "a.npy", "out.npy", "--kernel", "box:5")
        self.assertEqual(done.returncode, DIFFERS, done.stderr)
        self.assertRegex(done.stdout, r"first n0 c0 y\d+ x\d+")

    def test_another_shape(self):
        self.array("a.npy", (60, 70))
        self.array("out.npy", (60, 71))
        self.fails(support.USAGE, "verify", "a.npy", "out.npy", "--kernel", "box:3",
                   says=["out.npy", "60x71", "60x70"])
        self.fails(FILE, "verify", "a.npy", "absent.npy", "--kernel", "box:3", says="absent.npy")


class Talk(support.Case):
    def talk(self, *words):
        self.array("a.npy", (200, 300))
        done = self.run_program("conv", "a.npy", "out.npy", "--kernel", "box:15", "--overwrite",
                                "--force", "tile=10x300", "--kernel-impl", "reference", *words)
        self.assertEqual(done.returncode, OK, done.stderr)
        return done

    def test_plain_where_there_is_no_terminal(self):
        for words in ((), ("--progress", "plain"), ("--progress", "auto")):
            done = self.talk(*words)
            self.assertNotIn("\x1b", done.stderr)
            self.assertNotIn("\r", done.stderr)
            self.assertIn("out.npy", done.stdout)

    def test_json_lines(self):
        lines = self.talk("--progress", "json").stderr.splitlines()
        self.assertTrue(lines)
        for line in lines:
            self.assertLessEqual({"pieces_done", "pieces", "bytes_used", "budget_bytes",
                                  "seconds_left"}, set(json.loads(line)))
        self.assertEqual(json.loads(lines[-1])["pieces_done"], 20)

    def test_bar_and_silence(self):
        self.assertIn("\x1b", self.talk("--progress", "bar").stderr)
        for words in (("--progress", "none"), ("--quiet",)):
            self.assertEqual(self.talk(*words).stderr, "")
        self.assertEqual(self.talk("--quiet").stdout, "")

    def test_an_error_after_a_bar_stands_on_its_own_line(self):
        self.array("a.npy", (200, 300))
        done = self.run_program("conv", "a.npy", "no/out.npy", "--kernel", "box:3", "--progress",
                                "bar")
        self.assertEqual(done.returncode, FILE)
        self.assert_one_line(done, done.stderr)

    def test_results_that_cannot_be_written(self):
        self.array("a.npy", (20, 30))
        with open("/dev/full", "wb") as full:
            for words in (["info", "a.npy"], ["plan", "a.npy", "--kernel", "box:3"],
                          ["devices"], ["info", "a.npy", "--json"]):
                done = self.run_program(*words, stdout=full)
                self.assertEqual(done.returncode, FILE, (words, done.stderr))
                self.assert_one_line(done, words)
                self.assertIn("standard output", done.stderr)

    def test_results_that_nobody_reads(self):
        self.array("a.npy", (200, 300))
        command = (f"{PROGRAM} plan a.npy --kernel box:3 --force tile=1x1 --show graph --limit 0 "
                   "| head -1")
        done = subprocess.run(["bash", "-c", command + "; exit ${PIPESTATUS[0]}"],
                              cwd=self.folder, capture_output=True, timeout=60, check=False)
        self.assertIn(done.returncode, (FILE, 128 + 13), done.stderr)
        self.assertLess(len(done.stderr.splitlines()), 2, done.stderr)

    def test_closed_standard_streams(self):
        self.array("a.npy", (20, 30))
        for closing in (">&-", "2>&-", "<&-", ">&- 2>&- <&-"):
            command = f"{PROGRAM} conv a.npy out.npy --kernel box:3 --overwrite {closing}"
            subprocess.run(["bash", "-c", command], cwd=self.folder, timeout=60, check=False,
                           capture_output=True)
            # No text went into the file in place of a stream.
            self.assertEqual(np.load(self.path("out.npy")).shape, (20, 30))
            self.assertEqual(os.path.getsize(self.path("out.npy")), 128 + 20 * 30 * 4)


class Graph(support.Case):
    WORDS = ["plan", "conv2d ci4 y20 x30 co4 k3x3 p1,1,1,1", "--force", "tile=10x10,co=2,ci=2",
             "--show", "graph"]

    def show(self, *words):
        done = self.run_program(*self.WORDS, *words)
        self.assertEqual((done.returncode, done.stderr), (OK, ""))
        return done.stdout

    def test_text(self):
        text = self.show("--format", "text")
        self.assertEqual(len(re.findall("^piece ", text, re.M)), 12)
        self.assertIn("24 elemental convolutions", text)
        self.assertIn("10 more pieces", self.show("--limit", "2"))

    def test_json(self):
        for words in (("--format", "json"), ("--json",), ("--json", "--limit", "1"),
                      ("--json", "--limit", "0")):
            graph = json.loads(self.show(*words))
            self.assertEqual(graph["counts"]["elemental_convolutions"], 24)
            self.assertEqual(len(graph["pieces"]), 1 if "1" in words else 12)

    def test_dot(self):
        text = self.show("--format", "dot")
        self.assertRegex(text, r"\A(strict )?(di)?graph \w* ?\{")
        without_text = re.sub(r'"(?:[^"\\]|\\.)*"', '""', text)
        self.assertEqual(without_text.count("{"), without_text.count("}"))
        self.assertEqual(without_text.count('"') % 2, 0)
        for line in without_text.splitlines()[1:-1]:
            self.assertRegex(line, r"[;{}]\s*$|^\s*(//.*)?$")


if __name__ == "__main__":
    support.main()
