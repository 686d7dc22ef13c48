"""Saved plans that are damaged, foreign or absurd. Every cut, key and type is tested beside the
reader of plans; here it is the program's answer."""

import json
import random
import unittest

import support
from support import BUDGET, FILE, OK, UNSUPPORTED, USAGE


class PlanFile(support.Case):
    def setUp(self):
        super().setUp()
        self.array("a.npy", (2, 40, 50))
        done = self.run_program("plan", "a.npy", "out.npy", "--kernel", "box:5", "--force",
                                "tile=16x20", "--memory", "64MiB", "--threads", "2", "--save",
                                "good.json")
        self.assertEqual(done.returncode, OK, done.stderr)
        self.good = self.path("good.json").read_text()

    def test_what_a_plan_fixes_cannot_be_asked_for_as_well(self):
        for words in (["--memory", "1MiB"], ["--threads", "1"], ["--force", "y=4"],
                      ["--kernel-impl", "reference"]):
            self.fails(USAGE, *self.conv("good.json", *words), says=["good.json", "--plan"])

    def conv(self, plan, *words):
        return ["conv", "a.npy", "out.npy", "--kernel", "box:5", "--plan", plan, *words]

    def refuse(self, text, *says, code=USAGE):
        self.path("bad.json").write_bytes(text if isinstance(text, bytes) else text.encode())
        file = ["bad.json"] if code == USAGE else []
        self.fails(code, *self.conv("bad.json"), says=[*file, *says])

    def changed(self, **changes):
        plan = json.loads(self.good)
        for key, value in changes.items():
            if value is None:
                del plan[key]
            else:
                plan[key] = value
        return json.dumps(plan)

    def test_the_good_one_works(self):
        result = self.succeeds(*self.conv("good.json"))

        self.assertEqual(result["pieces"] % 9, 0)
        self.assertEqual(result["budget_bytes"], 64 << 20)
        self.assertEqual(result["threads"], 2)

    def test_not_a_plan(self):
        for text in ("", "[]", "{\"a\": 1}", "\0" * 100, b"\xff\xfe\x00", self.good + "x",
                     "[" * 100000):
            self.refuse(text, "plan")

    def test_files(self):
        self.path("folder").mkdir()
        self.path("large").write_bytes(b" " * (10 << 20))
        for name in ("absent", "folder", "large", "a.npy/plan"):
            self.fails(FILE, *self.conv(name), says=name)
        self.fails(USAGE, *self.conv("a.npy"), says="a.npy")

    def test_truncated(self):
        draw = random.Random(11)
        for place in draw.sample(range(len(self.good.rstrip())), 8):
            self.refuse(self.good[:place], "plan")

    def test_missing_keys(self):
        for key in ("tilewright_plan", "force"):
            self.refuse(self.changed(**{key: None}), key)

    def test_versions(self):
        for version in (0, 2, -1, 1 << 40):
            self.refuse(self.changed(tilewright_plan=version), "version")

    def test_types_and_numbers(self):
        for key, value in (("budget_bytes", "1"), ("threads", 1e300), ("problem", []),
                           ("kernel", False), ("budget_bytes", 0), ("threads", 10**30),
                           ("threads", (1 << 32) + 1)):
            self.refuse(self.changed(**{key: value}), key)

    def test_values(self):
        for key, value in (("problem", "conv2d oops"), ("problem", ""), ("force", "q=3"),
                           ("force", "y=0"), ("force", "y=16,y=16"), ("exact", "maybe"),
                           ("problem", "conv2d n1 ci2 y1000000000000 x5 co2 k1x1")):
            self.refuse(self.changed(**{key: value}))
        self.refuse(self.changed(kernel="cpu:magic"), "cpu:magic", code=UNSUPPORTED)
        self.refuse(self.changed(kernel=""), "kernel")
        self.refuse(self.changed(budget_bytes=1), "smallest", code=BUDGET)

    def test_another_problem(self):
        other = json.loads(self.good)["problem"].replace("y40", "y41")
        self.refuse(self.changed(problem=other), "y41", "y40")

    def test_saving(self):
        words = ["plan", "a.npy", "out.npy", "--kernel", "box:5"]
        for name in ("a.npy", "good.json"):
            self.fails(FILE, *words, "--save", name, says=[name, "--overwrite"])
        for name in ("absent/p.json", "a.npy/p.json"):
            self.fails(FILE, *words, "--save", name, says=name)
        for name in ("good.json", "new.json"):
            self.assertEqual(self.run_program(*words, "--save", name, "--overwrite").returncode, OK)


if __name__ == "__main__":
    support.main()
