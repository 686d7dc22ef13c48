#!/usr/bin/env python3
"""same_bits finds a program equal to itself, and unlike one that flips windows or does not run."""
import os
import subprocess
import sys
import tempfile
from pathlib import Path

TOOL = Path(__file__).resolve().parent / "same_bits.py"
PROGRAM = os.environ["TILEWRIGHT"]
ONE_CASE = ["--only", "n=2,c=5,y=9,x=11,dtype=float32"]


def compare(other):
    done = subprocess.run([sys.executable, TOOL, PROGRAM, other, *ONE_CASE], capture_output=True,
                          text=True)
    return done.returncode, done.stdout.splitlines()


def main():
    status, lines = compare(PROGRAM)
    assert status == 0 and lines[-1] == "16 equal, 0 different", lines
    assert any(line.endswith("equal by cpu:conv2d/winograd") for line in lines), lines

    with tempfile.TemporaryDirectory() as folder:
        flips = Path(folder) / "flips"
        flips.write_text(f'#!/bin/sh\nexec "{PROGRAM}" "$@" --flip\n')
        flips.chmod(0o755)
        status, lines = compare(f"env {flips}")
        assert status == 1 and lines[0].startswith("DIFFERENT: conv "), lines

    status, lines = compare("false")
    assert status == 1 and lines[-1] == "0 equal, 16 different", lines


if __name__ == "__main__":
    main()
