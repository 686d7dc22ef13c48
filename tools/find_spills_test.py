#!/usr/bin/env python3
"""find_spills.py finds vectors that inner loops keep on the stack, and nothing else."""
import unittest

from find_spills import lines, tile_loops, verdict


def body(address, middle):
    fused = [(address + 4 * i, f"vfmadd231ps %ymm{i},%ymm8,%ymm9") for i in range(6)]
    last = address + 4 * 6
    ends = [(last, middle), (last + 4, f"jne    {address:x} <f+0x10>")]
    return [f"  {at:x}:\t{text}" for at, text in fused + ends]


def listing(name, before, middle):
    return [f"0000000000001000 <{name}>:", f"  1000:\t{before}", *body(0x1010, middle),
            "  1100:\tret"]


def spilled(before, middle):
    return lines(tile_loops(listing("tile", before, middle)))


KEPT = "vmovaps %ymm3,0x40(%rsp)"


class FindSpills(unittest.TestCase):
    def test_a_loop_that_stores_a_vector_is_found(self):
        self.assertEqual(tile_loops(listing("tile<2, 6>", "nop", KEPT)), [("tile<2, 6>", 6, 1)])
        self.assertEqual(len(spilled("nop", "vmovaps 0x40(%rsp,%rax,1),%ymm3")), 1)

    def test_what_is_stored_before_the_loop_is_not(self):
        self.assertEqual(spilled(KEPT, "nop"), [])

    def test_nor_other_registers_and_other_memory(self):
        for middle in ("mov    %rax,0x8(%rsp)", "vmovups %ymm3,0x40(%rdi)"):
            self.assertEqual(spilled("nop", middle), [], middle)

    def test_rbp_counts_where_it_points_to_the_stack(self):
        self.assertEqual(spilled("nop", "vmovups (%rbp),%ymm3"), [])
        self.assertEqual(len(spilled("mov    %rsp,%rbp", "vmovups -0x20(%rbp),%ymm3")), 1)

    def test_the_loop_around_a_loop_does_not_count(self):
        outer = ["0000000000001000 <tile>:", f"  1000:\t{KEPT}", *body(0x1010, "nop"),
                 "  1100:\tjne    1000 <tile>"]
        self.assertEqual(lines(tile_loops(outer)), [])

    def test_a_loop_ends_with_the_last_jump_to_its_head(self):
        two = [*listing("tile", "nop", "nop")[:-1], f"  1040:\t{KEPT}",
               "  1048:\tjne    1010 <tile>"]
        self.assertEqual(len(lines(tile_loops(two))), 1)

    def test_patterns_must_match_loops_and_these_must_be_clean(self):
        loops = tile_loops(listing("tile<2, 6>", "nop", KEPT))
        self.assertEqual(len(verdict(loops, ["tile<2"])), 1)
        self.assertEqual(verdict(loops + [("other", 6, 0)], ["other"]), [])
        self.assertIn("no function", verdict(loops, ["product"])[0])


if __name__ == "__main__":
    unittest.main()
