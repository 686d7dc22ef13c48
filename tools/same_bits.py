#!/usr/bin/env python3
"""Runs small problems by two builds of the program and compares their results bit for bit.

    tools/same_bits.py PROGRAM OTHER [--only TEXT] [--verbose]
    tools/same_bits.py build/tilewright "qemu-aarch64 -L build-arm64-sysroot build-arm64/tilewright"

Every kernel of the two, all three passes, both compute types; windows, strides, dilations, groups,
paddings and stored types that take ways of their own. Data have full mantissas, so that the order
of a sum and each rounding in it show. Prints a line for each result that differs or that a build
refuses, then how many were equal by which kernel. Exit status: 1 if there is such a line, else 0.
"""
import argparse
import json
import shlex
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

# Source [n,c,y,x], weights [co,ci,ky,kx], options; then the kernels to force, of the passes named
# before a colon: c(onvolution), gradient of the s(ource), of the w(eights).
CASES = [
    ("1,12,29,37 13,12,3,3 --padding 1", "winograd fft w:dot"),
    ("2,5,9,11 4,5,3,3 --padding 1", "winograd fft w:dot"),
    ("1,140,13,14 8,140,3,3", "winograd"),
    ("1,17,30,33 20,17,3,3 --stride 2,2 --padding 1", "cs:winograd_stride w:dot"),
    ("1,70,19,40 7,70,3,3 --stride 2,2", "cs:winograd_stride"),
    ("1,6,40,41 7,6,3,3 --dilation 2,2 --padding 2", "winograd w:dot"),
    ("1,6,40,60 7,6,3,3 --dilation 3,5 --padding 3,3,5,5", "winograd"),
    ("1,33,14,15 65,33,1,1", "fft w:dot"),
    ("1,9,31,33 6,9,1,1 --stride 2,2", "w:dot"),
    ("1,6,21,43 6,6,5,5 --padding 2", "fft cs:winograd w:dot"),
    ("1,6,21,43 6,6,4,5 --padding 2", "fft cs:winograd"),
    ("1,19,20,22 19,1,3,3 --groups 19 --padding 1", "winograd fft w:dot"),
    ("1,10,24,26 30,1,3,3 --groups 10 --stride 2,2 --padding 1", "cs:winograd_stride w:dot"),
    ("1,12,24,26 8,3,3,3 --groups 4 --padding 1", "winograd w:dot"),
    ("1,1,70,150 1,1,3,3 --padding 1", "winograd fft w:dot"),
    ("1,1,33,131 1,1,1,2", "w:dot"),
    ("1,2,50,61 2,1,31,31 --groups 2 --padding 15", "fft w:dot"),
    ("1,3,60,64 8,3,7,7 --stride 2,2 --padding 3", "w:dot"),
    ("1,4,40,50 4,4,3,7 --stride 3,1 --dilation 1,2 --padding 1,1,6,6", "w:dot"),
    ("1,8,3,5 8,8,3,3 --padding 1", "winograd"),
    ("1,4,17,18 5,4,3,3 --padding 2 --padding-mode reflect", "cw:winograd"),
    ("1,4,17,18 5,4,5,3 --padding 2 --padding-mode circular", ""),
    ("1,4,17,18 5,4,3,3 --padding 2 --padding-mode replicate --flip", "cw:winograd"),
    ("1,3,12,90 2,3,1,60", "fft"),
    ("1,2,9,260 2,2,1,150", "fft"),
    ("1,2,9,460 2,2,2,300", "fft"),
    ("1,1,9,800 2,1,1,600", "fft"),
]
ALWAYS = ["", "reference", "direct"]  # no force, and those that know f64
# Convolutions of these element types that give the same, by these filters and by weights and bias.
STORED = ["uint8", "int16", "float32", "float64"]
FILTERS = ["gauss:sigma=1", "gauss:sigma=3", "gauss:sigma=7.3", "box:9", "sobel-x", "laplace"]
LIMITS = ["--json", "--quiet", "--no-tune", "--memory", "1GiB", "--threads", "2", "--overwrite"]


def noise(shape, dtype, seed):
    sizes = ",".join(f"{axis}={size}" for axis, size in zip("ncyx", shape))
    return f"synth:noise,{sizes},dtype={dtype},seed={seed}"


def result_shape(src, weights, words):
    """The shape of a convolution's result."""
    given = dict(zip(words, words[1:]))
    numbers = {name: [int(v) for v in text.split(",")] for name, text in given.items()
               if name in ("--stride", "--dilation", "--padding")}
    stride, dilation = numbers.get("--stride", [1, 1]), numbers.get("--dilation", [1, 1])
    pads = numbers.get("--padding", [0])
    pads = pads * 4 if len(pads) == 1 else pads
    sizes = [(src[2 + i] + pads[2 * i] + pads[2 * i + 1] - dilation[i] * (weights[2 + i] - 1) - 1)
             // stride[i] + 1 for i in range(2)]
    return [src[0], weights[0]] + sizes


def runs_of(case, kernels, dtype):
    """The arguments of all runs of a case."""
    sizes, taps, *words = case.split()
    src, weights = ([int(v) for v in text.split(",")] for text in (sizes, taps))
    grad = noise(result_shape(src, weights, words), dtype, 3)
    if "--padding" not in words:
        words += ["--padding", "valid"]
    for word in ALWAYS + (kernels.split() if dtype == "float32" else []):
        passes, _, kernel = word.rpartition(":")
        more = ["--weights", noise(weights, dtype, 2)] + words
        more += ["--kernel-impl", kernel] if kernel else []
        for one, layer in (("c", ["conv"]), ("s", ["grad", "src"]), ("w", ["grad", "weights"])):
            if one not in (passes or "csw"):
                continue
            to = ["out.npy"] if one == "c" else [grad, f"--out-{layer[1]}", "out.npy"]
            yield layer[0:1] + [noise(src, dtype, 1)] + to + more


def runs():
    for case, kernels in CASES:
        for dtype in ("float32", "float64"):
            yield from runs_of(case, kernels, dtype)
    for dtype in STORED:
        compute = "float64" if dtype == "float64" else "float32"
        weights = ["--weights", noise([6, 7, 3, 3], compute, 2),
                   "--bias", noise([6, 1, 1, 1], compute, 3), "--kernel-impl"]
        for kernel in ["direct"] + ([] if dtype == "float64" else ["winograd"]):
            yield ["conv", noise([1, 7, 19, 23], dtype, 1), "out.npy", "--dtype", "same",
                   *weights, kernel]
        for spec in FILTERS:
            yield ["conv", noise([1, 2, 61, 75], dtype, 1), "out.npy", "--dtype", "same",
                   "--kernel", spec]


def outcome(program, arguments, folder):
    """(kernel, hash, bytes of the result) of a run, or what it says instead."""
    done = subprocess.run(program + arguments + LIMITS, cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        return ((done.stderr.strip() or f"status {done.returncode}").splitlines()[-1],)
    result = json.loads(done.stdout)
    row = result if arguments[0] == "conv" else next(r for r in result.values() if r)
    return row["kernel"], row["hash"], (Path(folder) / "out.npy").read_bytes()


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="a command, with options")
    parser.add_argument("other")
    parser.add_argument("--only", default="", metavar="TEXT", help="runs whose line contains TEXT")
    parser.add_argument("--verbose", action="store_true", help="a line for every run")
    args = parser.parse_args()
    programs = [[str(Path(w).resolve()) if Path(w).exists() else w for w in shlex.split(p)]
                for p in (args.program, args.other)]
    equal, differing = Counter(), 0
    with tempfile.TemporaryDirectory() as folder:
        for arguments in runs():
            line = " ".join(arguments)
            if args.only not in line:
                continue
            one, other = (outcome(p, arguments, folder) for p in programs)
            same = one == other and len(one) > 1
            if same:
                equal[one[0]] += 1
            else:
                differing += 1
            if args.verbose or not same:
                said = " | ".join(" ".join(o[:2]) for o in (one, other))
                print(f"{'equal' if same else 'DIFFERENT'}: {line}: {said}", flush=True)
    for kernel, count in sorted(equal.items()):
        print(f"{count:5} equal by {kernel}")
    print(f"{equal.total()} equal, {differing} different")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
