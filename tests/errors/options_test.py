"""Words and numbers on the command line and in problem lines that cannot be meant."""

import unittest

import numpy as np

import support
from support import FILE, OK, UNSUPPORTED, USAGE

BIG = str(2**63)
HUGE = "1" + "0" * 30


class Options(support.Case):
    def setUp(self):
        super().setUp()
        self.array("a.npy", (2, 16, 17))
        self.weights("w.npy", (4, 2, 3, 3))

    def refuse(self, *words, code=USAGE, says=()):
        says = [says] if isinstance(says, str) else says
        self.fails(code, "conv", "a.npy", "out.npy", "--weights", "w.npy", *words, says=says)

    def refuse_values(self, option, values, code=USAGE):
        for value in values:
            self.refuse(f"{option}={value}", code=code, says=[option.lstrip("-"), value])

    def test_options_that_a_problem_line_says_itself(self):
        line = "conv2d ci1 y8 x8 co1 k3x3"
        for command in ("plan", "verify"):
            for option in (["--stride", "2"], ["--weights", "w.npy"], ["--dtype", "uint8"],
                           ["--plan", "p.json"], ["--flip"]):
                self.fails(USAGE, command, line, *option, says=option[0])

    def test_exactness_asked_for_beside_a_saved_plan(self):
        self.array("s.npy", (4, 40, 40))
        self.array("w.npy", (4, 4, 5, 5))
        job = ["s.npy", "o.npy", "--weights", "w.npy"]
        self.succeeds("plan", *job, "--force", "ky=2", "--exact", "bound", "--save", "p.json")
        self.fails(USAGE, "conv", *job, "--plan", "p.json", "--exact", "bits", says="bound")
        self.assertEqual(self.succeeds("conv", *job, "--plan", "p.json")["exact"], "bound")

    def test_stride_and_dilation(self):
        values = ("0", "-1", "1,0", "1,2,3", "x", "1.5", "1e3", BIG, HUGE, "1,,2", ",", " 1")
        self.refuse_values("--stride", values)
        self.refuse_values("--dilation", values)
        self.refuse("--stride=", says="stride")
        for option in ("--stride", "--dilation"):
            self.refuse(option, "2x2", says=[option, "'2x2'", "Y,X", "2,2"])
        self.refuse("--dilation", str(2**62), says=["overflow", str(2**62)])

    def test_padding(self):
        self.refuse_values("--padding", ("-1,0,0,0", "0,0,0", "0,0,0,0,0", "full", "a,b,c,d",
                                         f"{BIG},0,0,0", f"0,0,0,{HUGE}", "-1", "1,1", ",,,"))
        for word in ("full", "Same", "1 1 1 1"):
            self.refuse(f"--padding={word}", says=f"'{word}': must be same, valid, N")
        self.refuse("--padding", f"{2**62},{2**62},0,0", says=str(2**62))
        self.refuse("--padding", f"{2**61},0,{2**61},0", says=";")
        for mode in ("wrap", "Zero", "zero,reflect"):
            self.refuse("--padding-mode", mode, says=[f"'{mode}'", "circular"])

    def test_one_padding_for_all_sides(self):
        for name, padding in (("one.npy", "1"), ("four.npy", "1,1,1,1")):
            self.succeeds("conv", "a.npy", name, "--weights", "w.npy", "--padding", padding)
        np.testing.assert_array_equal(np.load(self.path("one.npy")), np.load(self.path("four.npy")))
        line = "conv2d ci1 y8 x8 co1 k3x3 p"
        self.assertEqual(*(self.succeeds("plan", line + p, "--json")["problem"]
                           for p in ("2", "2,2,2,2")))

    def test_words_that_are_nearly_right(self):
        self.fails(USAGE, "convv", says=["'convv'", "did you mean conv?", "tune"])
        self.refuse("--memroy", "3", says=["'--memroy'", "did you mean --memory?", "conv --help"])
        self.refuse("--stripe=2", says="did you mean --stride?")
        self.refuse("--xyzzy", says=["no option '--xyzzy'; see tilewright conv --help"])
        self.refuse("b.npy", says=["'b.npy' is one word too many", "conv --help"])
        self.refuse("--memory", says=["--memory", "SIZE missing", "conv --help"])
        self.fails(USAGE, "conv", "--kernel", "box", "--", "a.npy", says="DST is required")
        self.fails(USAGE, "info", "--", "a.npy", "extra", says="'extra' is one word too many")
        self.fails(USAGE, "--verison", says="did you mean --version?")

    def test_padding_that_a_mode_does_not_define(self):
        # Reflections of reflections, and of a single row, either work or are refused by name.
        for mode in ("reflect", "replicate", "circular"):
            done = self.run_program("conv", "a.npy", "out.npy", "--weights", "w.npy",
                                    "--padding", "100,100,100,100", "--padding-mode", mode,
                                    "--overwrite")
            self.assertIn(done.returncode, (OK, UNSUPPORTED, USAGE), done.stderr)
            if done.returncode != OK:
                self.assert_one_line(done, done.stderr)
                self.assertIn(mode, done.stderr)

    def test_memory(self):
        self.refuse_values("--memory", ("0", "-1", "lots", "1.2.3GiB", "5XB", "1e9", "nan", "inf",
                                        HUGE, BIG, "MiB", "-5MiB", "0MiB", "9999999999TiB",
                                        "1 2", "0x10", "."))
        self.refuse("--memory=", says="memory")

    def test_threads(self):
        self.refuse_values("--threads", ("0", "-1", "abc", "1e9", "1000000000", "1.5", HUGE, BIG))

    def test_names(self):
        for name in ("gpu", "cpu:fast", "cpu:", "x:y:z"):
            self.refuse("--kernel-impl", name, code=UNSUPPORTED, says=[f"'{name}'", "offers"])
        self.refuse_values("--exact", ("almost", "BITS", "0"))
        for name in ("complex64", "float", "f99", "uint7"):
            self.refuse("--dtype", name, says=[f"'{name}'", "float32"])
        self.refuse_values("--progress", ("fancy", "1"))
        self.refuse("--exact=", says="exact")

    def test_force(self):
        # What else is refused is tested beside the reader of cuts.
        for force in ("tile=8", "co=x", f"y={HUGE}", "y=4,y=5", "y=4+4", "y=3,n="):
            self.refuse("--force", force, says=["force", force.split(",")[-1]])
        self.refuse("--force", "y=4,,x=4", says="''")

    def test_force_that_reassociates(self):
        self.refuse("--force", "ky=1,ci=2", "--exact", "bits", says=["ky=1", "--exact bound"])
        # Which budget is given makes no difference.
        self.refuse("--force", "kx=2,ky=3", "--memory", "1", says=["kx=2", "--exact bound"])

        for cut in ("ky=1,ci=2", "kx=2,ci=2", "ky=1,kx=1,ci=2"):
            done = self.run_program("conv", "a.npy", "out.npy", "--weights", "w.npy", "--force",
                                    cut, "--exact", "bound", "--json", "--overwrite")
            self.assertEqual(done.returncode, OK, done.stderr)
            self.assertIn('"exact":"bound"', done.stdout)

    def test_kernel_that_is_not_exact_enough(self):
        for kernel in ("reference", "direct", "cpu:direct"):
            self.succeeds("conv", "a.npy", "out.npy", "--weights", "w.npy", "--exact", "bits",
                          "--kernel-impl", kernel, "--overwrite")

    def test_words(self):
        for words, said in ((["conv"], "SRC"), (["conv", "a.npy"], "DST"), ([], "subcommand"),
                            (["convolve", "a.npy", "b.npy"], "convolve"),
                            (["conv", "a.npy", "b.npy", "c.npy", "--kernel", "box:3"], "c.npy"),
                            (["conv", "a.npy", "b.npy", "--kernel"], "--kernel"),
                            (["conv", "a.npy", "b.npy", "--nonsense", "3"], "--nonsense"),
                            (["info"], "PATH"), (["synth", "a.tif"], "--size"),
                            (["bench"], "PROBLEM"), (["verify"], "SRC"), (["plan"], "SRC"),
                            (["devices", "extra"], "extra"), (["--nonsense"], "--nonsense"),
                            (["plan", "a.npy", "--kernel", "box:3", "--show", "all"], "all"),
                            (["plan", "a.npy", "--kernel", "box:3", "--format", "xml"], "xml"),
                            (["plan", "a.npy", "--kernel", "box:3", "--format", "dot"], "graph"),
                            (["conv", "a.npy", "b.npy", "--json=perhaps"], "perhaps"),
                            (["conv", "a.npy", "b.npy", "--kernel", "box:3", "--kernel", "box:5"],
                             "kernel")):
            self.fails(USAGE, *words, says=said)

    def test_help(self):
        for words in (["--help"], ["conv", "--help"], ["--version"], ["--help-all"]):
            done = self.run_program(*words)
            self.assertEqual((done.returncode, done.stderr), (OK, ""))
            self.assertIn("tilewright", done.stdout)

    def test_other_numbers(self):
        for words, said in ((["plan", "a.npy", "--weights", "w.npy", "--limit", "-1"], "-1"),
                            (["plan", "a.npy", "--weights", "w.npy", "--limit", HUGE], HUGE),
                            (["verify", "a.npy", "w.npy", "--weights", "w.npy", "--samples", "0"],
                             "0"),
                            (["verify", "a.npy", "w.npy", "--weights", "w.npy", "--samples", "x"],
                             "x"),
                            (["verify", "a.npy", "w.npy", "--weights", "w.npy", "--seed", "-1"],
                             "-1"),
                            (["bench", "conv2d ci1 y8 x8 co1", "--repeat", "0"], "0"),
                            (["bench", "conv2d ci1 y8 x8 co1", "--repeat", HUGE], HUGE)):
            self.fails(USAGE, *words, says=said)

    def test_synth(self):
        for size in ("8", "8x", "x8", "0x8", "-8x8", "1x1x1x1x1", "axb", "8,8", f"{BIG}x1",
                     f"{2**62}x{2**62}", f"{2**40}x{2**40}"):
            self.fails(USAGE, "synth", "out.npy", f"--size={size}", says=size.split("x", 1)[0])
        for words in (("--pattern", "plaid"), ("--dtype", "complex"), ("--seed", "-1"),
                      ("--seed", HUGE), ("--memory", "0"), ("--pattern", "noise,c=9")):
            self.fails(USAGE, "synth", "out.npy", "--size", "8x8", *words, says=words[1])


class Kernels(support.Case):
    def refuse(self, spec, *says):
        self.fails(USAGE, "conv", "a.npy", "out.npy", f"--kernel={spec}", says=says)

    # What else is refused, and by which name, is tested beside the reader of kernels.
    def test_names(self):
        self.array()
        for spec in ("gaus", "gauss:sigma=", "gauss:sigma=inf", "box:3.5", f"box:{HUGE}", ":"):
            with self.subTest(spec):
                self.refuse(spec, f"'{spec}'")

    def test_rows(self):
        self.array()
        for spec in ("[[1,2],[3]]", "[[1,\"x\"]]", "[" * 100000, "[[1e999]]"):
            with self.subTest(spec[:30]):
                self.refuse(spec, "rows of numbers")
        self.refuse("", "--kernel")

    def test_rows_that_are_right(self):
        values = self.array("a.npy", (9, 11))
        self.succeeds("conv", "a.npy", "out.npy", "--kernel", "[[0, 1], [2.5, -1e0] ]",
                      "--padding", "valid")
        a = values.astype(np.float64)
        expected = a[:-1, 1:] + 2.5 * a[1:, :-1] - a[1:, 1:]
        np.testing.assert_allclose(np.load(self.path("out.npy")), expected, rtol=1e-5, atol=1e-4)


class ProblemLines(support.Case):
    def refuse(self, line, *says):
        self.fails(USAGE, "plan", line, says=says)

    def test_words(self):
        good = "conv2d n1 ci4 y8 x8 co4 k3x3 s1x1 d1x1 p1,1,1,1 g1 f32"
        self.assertEqual(self.run_program("plan", good).returncode, OK)
        for line, said in (("conv3d n1 ci4", "conv3d"), (" ", "empty"), ("conv2d ci4 y8 x8", "co"),
                           ("conv2d y8 x8 co4", "ci"), (good + " ci4", "ci4"),
                           (good + " z9", "z9"), (good + " m:mirror", "mirror"),
                           (good + " src:int7", "int7"), (good + " flip1", "flip"),
                           (good.replace("f32", "f16"), "f16"), (good.replace("f32", "u8"), "u8"),
                           (good + " dst:f64", "float64"), (good.replace("k3x3", "k3"), "3"),
                           (good.replace("p1,1,1,1", "p1,1"), "p"),
                           (good.replace("p1,1,1,1", "p-1,0,0,0"), "-1"),
                           (good.replace("g1", "g3"), "3 groups"),
                           (good.replace("p1,1,1,1", "p0,0,0,0").replace("k3", "k99"), "99")):
            with self.subTest(line):
                self.refuse(line, said)

    # What else is refused is tested beside the reader of problem lines.
    def test_numbers(self):
        for line in (f"conv2d n{2**31} ci{2**31} y8 x8 co1", f"conv2d ci1 y{2**40} x{2**40} co1",
                     f"conv2d ci{2**31} y8 x8 co{2**31} k8x8"):
            for command in ("plan", "verify"):
                self.fails(USAGE, command, line, says=["overflow", "smaller"])

    def test_file_of_lines(self):
        self.path("lines").write_text("# comment\nconv2d ci1 y8 x8 co1 k3x3\n\nconv2d oops\n")
        done = self.run_program("bench", "lines", "--repeat", "1")
        self.assertEqual(done.returncode, USAGE)
        self.assert_one_line(done, done.stderr)
        self.fails(FILE, "bench", "absent", says="absent")
        self.fails(FILE, "bench", self.folder, says=str(self.folder))
        self.fails(USAGE, "verify", "conv2d ci1 y8 x8 co1", "out.npy", says="DST")


if __name__ == "__main__":
    support.main()
