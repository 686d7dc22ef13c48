#!/usr/bin/env python3
"""Lists inner loops of multiply-adds that keep vectors on the stack.

    tools/find_spills.py build/libtilewright.so [--clean PATTERN ...]

Disassembles LIBRARY (objdump; x86) and prints one line per innermost loop that contains at least
six fused multiply-adds and moves vector registers to or from the stack: function, multiply-adds,
moves. Such moves are easily overlooked and cost a third of a kernel's speed. Exit status: 1 if a
function that matches a PATTERN of --clean (a regular expression) has such a loop, or if none with
a loop of multiply-adds matches; else 0; 2 if LIBRARY cannot be read.
"""
import argparse
import re
import subprocess
import sys

FUNCTION = re.compile(r"^([0-9a-f]+) <(.*)>:$")
INSTRUCTION = re.compile(r"^\s+([0-9a-f]+):\s+(\S+)\s*(.*)$")
FUSED = re.compile(r"^vfn?m(add|sub)\d+[ps][sd]$")
VECTOR_ON_STACK = re.compile(r"(?=.*%[xyz]mm)(?=.*\(%rsp[,)])")
VECTOR_IN_FRAME = re.compile(r"(?=.*%[xyz]mm)(?=.*\(%r[sb]p[,)])")  # %rbp points to the stack
LEAST_FUSED = 6


def functions(listing):
    """(name, [(address, operation, operands)]) of each function."""
    found = []
    for line in listing:
        if m := FUNCTION.match(line):
            found.append((m[2], []))
        elif found and (m := INSTRUCTION.match(line)):
            found[-1][1].append((int(m[1], 16), m[2], m[3]))
    return found


def inner_loops(instructions):
    """The instructions of each loop, a jump back, that contains no other."""
    if not instructions:
        return []
    first = instructions[0][0]
    ends = {}  # of the loops, by where they begin
    for at, operation, operands in instructions:
        target = re.match(r"[0-9a-f]+", operands) if operation.startswith("j") else None
        if target and first <= int(target[0], 16) <= at:
            ends[int(target[0], 16)] = at  # addresses grow
    spans = set(ends.items())
    inner = [s for s in spans if not any(t != s and s[0] <= t[0] and t[1] <= s[1] for t in spans)]
    return [[i for i in instructions if begin <= i[0] <= end] for begin, end in sorted(inner)]


def tile_loops(listing):
    """(name, multiply-adds, moves) of each inner loop with enough multiply-adds."""
    found = []
    for name, instructions in functions(listing):
        framed = any(operation in ("mov", "lea") and re.search(r"%?\(?%rsp\)?,%rbp$", operands)
                     for _, operation, operands in instructions)
        on_stack = VECTOR_IN_FRAME if framed else VECTOR_ON_STACK
        for loop in inner_loops(instructions):
            fused = sum(bool(FUSED.match(operation)) for _, operation, _ in loop)
            moves = sum(bool(on_stack.match(operands)) for _, _, operands in loop)
            if fused >= LEAST_FUSED:
                found.append((name, fused, moves))
    return found


def disassembled(library):
    """The lines of objdump. OSError if it reads nothing."""
    command = ["objdump", "-d", "--no-show-raw-insn", "-C", str(library)]
    dump = subprocess.run(command, capture_output=True, text=True)
    if dump.returncode != 0:
        raise OSError(dump.stderr.strip())
    return dump.stdout.splitlines()


def lines(loops):
    return [f"{name}: {moves} moves beside {fused} multiply-adds"
            for name, fused, moves in loops if moves > 0]


def verdict(loops, patterns):
    """What is wrong, a line each."""
    wrong = []
    for pattern in patterns:
        matching = [loop for loop in loops if re.search(pattern, loop[0])]
        if not matching:
            wrong.append(f"no function with a loop of multiply-adds matches '{pattern}'")
        wrong += lines(matching)
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary", metavar="LIBRARY")
    parser.add_argument("--clean", nargs="+", default=[], metavar="PATTERN")
    options = parser.parse_args()
    try:
        loops = tile_loops(disassembled(options.binary))
    except OSError as error:
        print(f"find_spills: {error}", file=sys.stderr)
        return 2
    if not options.clean:
        for line in lines(loops):
            print(line)
        return 0
    wrong = verdict(loops, options.clean)
    for line in wrong:
        print(f"find_spills: {line}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
