#!/usr/bin/env python3
"""Runs what the documents show: every ```sh block of the README and the quick reference, and the
README's C++ blocks as one program, which must compile against the library (and run, unless that
has a sanitizer). The folder they run in holds slide.tif, in.npy and w.npy."""
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(os.environ["TILEWRIGHT_SOURCE"])
BUILD = Path(os.environ["TILEWRIGHT_BUILD"])
PROGRAM = os.environ["TILEWRIGHT"]
INPUTS = """
tilewright synth slide.tif --size 3x300x400 --dtype uint8 --quiet
tilewright synth in.npy --size 3x60x80 --quiet
tilewright synth w.npy --size 4x3x3x3 --quiet
"""


def blocks(document, language):
    text = (SOURCE / document).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def run(name, command, folder):
    path = f"{folder}/bin:{os.environ['PATH']}"
    done = subprocess.run(command, cwd=folder, env={**os.environ, "PATH": path}, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        print(f"{name}: exit {done.returncode}\n{done.stdout}")
    return done.returncode == 0


def cache(key):
    text = (BUILD / "CMakeCache.txt").read_text(encoding="utf-8")
    match = re.search(rf"^{key}:\w+=(.*)$", text, re.MULTILINE)
    return match.group(1) if match else ""


def program_text(block):
    """Includes and namespaces stay outside of main."""
    outside = re.compile(r"^(#include|namespace|using)")
    lines = block.splitlines()
    top = [line for line in lines if outside.match(line)]
    body = [line for line in lines if not outside.match(line)]
    return "\n".join(["#include <cstdio>", *top, "int main() {", *body,
                      "return trace.pieces > 0 ? 0 : 1;", "}"])


def compile_and_run(block, folder):
    (Path(folder) / "readme.cpp").write_text(program_text(block), encoding="utf-8")
    compiler = [cache("CMAKE_CXX_COMPILER"), "-std=c++20", f"-I{SOURCE}", "readme.cpp"]
    if cache("TILEWRIGHT_SANITIZE"):
        return run("README C++", [*compiler, "-fsyntax-only"], folder)
    link = [f"-L{BUILD}", f"-Wl,-rpath,{BUILD}", "-ltilewright", "-o", "readme"]
    return run("README C++", [*compiler, *link], folder) and run("README C++", ["./readme"], folder)


def main():
    good = True
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(f"{folder}/bin")
        os.symlink(PROGRAM, f"{folder}/bin/tilewright")
        good &= run("inputs", ["bash", "-ec", INPUTS], folder)
        ran = 0
        for document in ["README.md", "docs/quick-reference.md"]:
            for block in blocks(document, "sh"):
                good &= run(document, ["bash", "-exc", block], folder)
                ran += 1
        code = blocks("README.md", "cpp")
        good &= compile_and_run("".join(code), folder)  # each goes on where the last one ends
        if ran < 2 or not code:
            print(f"only {ran} command blocks and {len(code)} C++ blocks were found")
            good = False
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
