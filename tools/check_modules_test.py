#!/usr/bin/env python3
"""check_modules.py finds each kind of violation in a small tree made for it."""
import tempfile
import unittest
from pathlib import Path

from check_modules import check_tree

SOUND = {
    "tilewright/tilewright.h": "base/error.h network/problem.h layer/conv2d/conv2d.h",
    "tilewright/base/error.h": "<string>",
    "tilewright/layer/layer.h": "base/error.h <vector>",
    "tilewright/layer/table.cpp": "layer/conv2d/conv2d.h",
    "tilewright/layer/conv2d/conv2d.h": "layer/layer.h",
    "tilewright/network/problem.h": "layer/conv2d/conv2d.h",
    "tilewright/network/problem.cpp": "network/problem.h <fmt/format.h>",
    "tilewright/device/device.h": "layer/layer.h",
    "tilewright/device/conformance.h": "device/device.h layer/conv2d/conv2d.h <gtest/gtest.h>",
    "tilewright/device/table.cpp": "device/cpu/cpu_device.h",
    "tilewright/device/cpu/cpu_device.h": "device/device.h",
    "tilewright/device/cpu/cpu_device.cpp": "device/cpu/kernels/direct.h",
    "tilewright/device/cpu/kernels/direct.h": "device/cpu/cpu_device.h",
    "tilewright/device/cpu/kernel.cpp": "<hwy/highway.h> device/cpu/cpu_device.h",
    "tilewright/device/cpu/cpu_test.cpp": "device/conformance.h <rapidcheck.h>",
    "tilewright/plan/plan.h": "network/problem.h machine/machine.h",
    "tilewright/plan/planner.cpp": "plan/plan.h plan/strategy/strategy.h",
    "tilewright/plan/strategy/strategy.h": "plan/plan.h",
    "tilewright/plan/strategy/table.cpp": "plan/strategy/rows.h",
    "tilewright/plan/strategy/rows.h": "plan/strategy/strategy.h",
    "tilewright/machine/machine.h": "layer/layer.h",
    "tilewright/run/run.cpp": "device/device.h plan/plan.h <tbb/task_group.h>",
    "tilewright/cli/main.cpp": "tilewright.h cli/options.h <CLI/CLI.hpp>",
    "tilewright/cli/options.h": "<string>",
    "tilewright/testkit/testkit.h": "testkit/subject.h",
    "tilewright/testkit/subject.h": "tilewright.h <memory>",
    "tilewright/testkit/report.cpp": "testkit/testkit.h <nlohmann/json.hpp> <fmt/format.h>",
    "examples/01_first.cpp": "tilewright.h testkit/testkit.h",
    "tests/property/plans_test.cpp": "tilewright.h device/conformance.h <gtest/gtest.h>",
}

# What is added to a sound file, and a part of the message it must cause.
WRONG = [
    ("tilewright/base/error.h", "layer/layer.h", "base must not see layer"),
    ("tilewright/device/device.h", "plan/plan.h", "device must not see plan"),
    ("tilewright/device/cpu/kernel.cpp", "store/store.h", "device must not see store"),
    ("tilewright/plan/planner.cpp", "device/device.h", "plan must not see device"),
    ("tilewright/run/run.cpp", "device/cpu/cpu_device.h", "only by its port's table.cpp"),
    ("tilewright/plan/planner.cpp", "layer/conv2d/conv2d.h", "only by its port's table.cpp"),
    ("tilewright/plan/planner.cpp", "plan/strategy/rows.h", "only by its port's table.cpp"),
    ("tilewright/device/device.h", "device/conformance.h", "conformance suites are for tests"),
    ("tilewright/cli/main.cpp", "plan/plan.h", "cli sees tilewright/tilewright.h only"),
    ("tilewright/testkit/subject.h", "plan/plan.h", "testkit sees tilewright/tilewright.h only"),
    ("tilewright/testkit/testkit.h", "<fmt/format.h>", "fmt may be used only in *.cpp"),
    ("tilewright/testkit/testkit.h", "<unistd.h>", "need the standard library only"),
    ("examples/01_first.cpp", "testkit/subject.h", "examples sees tilewright/tilewright.h only"),
    ("tilewright/run/run.cpp", "testkit/testkit.h", "run must not see testkit"),
    ("examples/01_first.cpp", "plan/plan.h", "examples sees tilewright/tilewright.h only"),
    ("tests/property/plans_test.cpp", "plan/plan.h", "tests sees tilewright/tilewright.h only"),
    ("tilewright/run/run.cpp", "tilewright.h", "for users of the library"),
    ("tilewright/plan/planner.cpp", "<hwy/highway.h>", "hwy may be used only in device/cpu"),
    ("tilewright/run/run.cpp", "<gdal_priv.h>", "gdal may be used only in store/gdal"),
    ("tilewright/run/run.cpp", "<CLI/CLI.hpp>", "CLI11 may be used only in cli"),
    ("tilewright/plan/planner.cpp", "<tbb/task_group.h>", "tbb may be used only in"),
    ("tilewright/network/problem.cpp", "<nlohmann/json.hpp>", "nlohmann may be used only in"),
    ("tilewright/network/problem.cpp", '"problem.h"', "write the full path"),
    ("tilewright/network/problem.h", "<unistd.h>", "need the standard library only"),
    ("tilewright/network/problem.h", "<fmt/format.h>", "fmt may be used only in *.cpp"),
    ("tilewright/base/error.h", "base/missing.h", "base/missing.h does not exist"),
    ("tilewright/odd/odd.h", "<string>", "the folder is not in the table"),
]


def lines(words):
    """Include lines for "base/error.h <string> "problem.h"" in the short form used above."""
    paths = [w if w[0] in '<"' else f'"tilewright/{w}"' for w in words.split()]
    return "".join(f"#include {p}\n" for p in paths)


def violations(tree):
    with tempfile.TemporaryDirectory() as folder:
        for name, words in tree.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(lines(words), encoding="utf-8")
        return check_tree(Path(folder))


class CheckModules(unittest.TestCase):
    def test_a_sound_tree_has_no_violation(self):
        self.assertEqual(violations(SOUND), [])

    def test_each_wrong_include_is_named(self):
        for name, added, message in WRONG:
            tree = dict(SOUND)
            tree[name] = tree.get(name, "") + " " + added
            found = violations(tree)
            with self.subTest(name=name, added=added):
                self.assertTrue(any(name in v and message in v for v in found), found)

    def test_a_circle_of_folders_is_found(self):
        tree = dict(SOUND)
        tree["tilewright/base/error.h"] += " layer/layer.h"

        found = violations(tree)

        self.assertTrue(any("include each other" in v for v in found), found)


if __name__ == "__main__":
    unittest.main()
