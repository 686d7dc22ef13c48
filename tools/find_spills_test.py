#!/usr/bin/env python3
"""find_spills.py finds vectors that inner loops keep on the stack, and nothing else."""
import os
import platform
import shutil
import unittest
from pathlib import Path

import find_spills
from find_spills import spills, verdict


def body(address, middle):
    fused = [(address + 4 * i, f"vfmadd231ps %ymm{i},%ymm8,%ymm9") for i in range(6)]
    last = address + 4 * 6
    lines = fused + [(last, middle), (last + 4, f"jne    {address:x} <f+0x10>")]
    return [f"  {at:x}:\t{text}" for at, text in lines]


def listing(name, before, middle):
    return [f"0000000000001000 <{name}>:", f"  1000:\t{before}", *body(0x1010, middle),
            "  1100:\tret"]


KEPT = "vmovaps %ymm3,0x40(%rsp)"


class FindSpills(unittest.TestCase):
    def test_a_loop_that_stores_a_vector_is_found(self):
        found, _ = spills(listing("tile<2, 6>", "nop", KEPT))
        self.assertEqual(found, [("tile<2, 6>", 6, 1)])

    def test_what_is_stored_before_the_loop_is_not(self):
        self.assertEqual(spills(listing("tile", KEPT, "nop"))[0], [])

    def test_nor_other_registers_and_other_memory(self):
        for middle in ("mov    %rax,0x8(%rsp)", "vmovups %ymm3,0x40(%rdi)"):
            self.assertEqual(spills(listing("tile", "nop", middle))[0], [], middle)

    def test_the_loop_around_a_loop_does_not_count(self):
        outer = ["0000000000001000 <tile>:", f"  1000:\t{KEPT}", *body(0x1010, "nop"),
                 "  1100:\tjne    1000 <tile>"]
        self.assertEqual(spills(outer)[0], [])

    def test_patterns_must_match_functions_and_these_must_be_clean(self):
        found, names = spills(listing("tile<2, 6>", "nop", KEPT))
        self.assertEqual(len(verdict(found, names, ["tile<2"])), 1)
        self.assertEqual(verdict(found, names + ["other"], ["other"]), [])
        self.assertIn("no function", verdict(found, names, ["product"])[0])

    def test_the_quickest_tiles_of_the_library_keep_their_sums_in_registers(self):
        build = Path(os.environ.get("TILEWRIGHT_BUILD", ""))
        cache = build / "CMakeCache.txt"
        if platform.machine() != "x86_64" or not shutil.which("objdump") or not cache.is_file():
            self.skipTest("needs x86, objdump and a build")
        settings = cache.read_text().splitlines()
        if not {"CMAKE_BUILD_TYPE:STRING=Release", "TILEWRIGHT_SANITIZE:STRING="} <= set(settings):
            self.skipTest("needs an optimised build without sanitizers")
        found, names = spills(find_spills.disassembled(build / "libtilewright.so"))
        self.assertEqual(verdict(found, names, ["product_tile<", r"::tile<.*, 2, 6, "]), [])


if __name__ == "__main__":
    unittest.main()
