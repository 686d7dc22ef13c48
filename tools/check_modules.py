#!/usr/bin/env python3
"""Checks who includes whom (docs/how-it-works.md, "Folders").

Reads the #include lines of every C++ file, compares them with the tables below and prints one
line per violation. Exit status: 0 if there is none, 1 otherwise. Nothing is inferred: to allow
something new, add it to a table, where everybody sees it.
"""
import re
import sys
from pathlib import Path

VOCABULARY = {"base", "geometry", "tensor"}
WORLD = VOCABULARY | {"layer"}
PLANNING = WORLD | {"network", "machine", "plan"}

# Folder of tilewright/ -> other folders of tilewright/ whose doors it may include.
SEES = {
    "base": set(),
    "geometry": {"base"},
    "tensor": {"base", "geometry"},
    "layer": VOCABULARY,
    "network": WORLD,
    "machine": WORLD,
    "plan": PLANNING - {"plan"},
    "graph": PLANNING,
    "device": WORLD,
    "store": WORLD,
    "run": PLANNING | {"graph", "device", "store"},
    "api": PLANNING | {"graph", "device", "store", "run"},
    "cli": set(),
    "testkit": set(),
}

# These see tilewright/tilewright.h and their own headers only.
FACE = {"cli", "testkit", "bench", "examples", "tests", "python"}
PUBLIC = "tilewright/tilewright.h"
# The test kit is public too, for examples and tests; it stands on the library as a user does.
KIT = "tilewright/testkit/testkit.h"
INSIDE = {"cli", "testkit"}  # of FACE: those that lie in tilewright/

# Folders whose sub-folders are implementations, entered only by the folder's table.cpp.
PORTS = {"layer", "device", "store", "plan/strategy"}
# Ports inside a folder: the rest of the folder may include these doors of theirs.
INNER_DOORS = {"plan/strategy/strategy.h", "plan/strategy/table.h"}

# Implementation headers that others may include all the same: includer (folder or file) -> headers.
ALLOWED = {
    "network/problem.h": {"layer/conv2d/conv2d.h"},
    "network/gradient.cpp": {"layer/conv2d/conv2d_transpose.h", "layer/conv2d/conv2d_weights.h"},
    "api": {"layer/conv2d/conv2d.h", "layer/conv2d/conv2d_transpose.h",
            "layer/conv2d/conv2d_weights.h", "store/memory/memory_store.h",
            "device/reference/conv2d_gradients_reference.h",
            "device/reference/conv2d_reference.h"},
    "run": {"store/memory/memory_store.h", "device/reference/conv2d_reference.h"},
    "tilewright.h": {"layer/conv2d/conv2d.h", "store/memory/memory_store.h"},
    "tests": {"device/reference/conv2d_reference.h"},
    # Measures one kernel alone, which the public surface does not offer.
    "bench/kernel_bench.cpp": {"device/cpu/cpu_device.h", "layer/conv2d/conv2d.h"},
    "bench/kiss_fft_transforms.cpp": {"device/cpu/kernels/conv2d_fft_ops.h"},
}

# Third-party headers (by pattern) -> places that may include them, besides tests.
THIRD_PARTY = [
    ("hwy", r"hwy/", ["device/cpu", "tensor"]),
    ("gdal", r"(gdal|cpl_|ogr|vrtdataset)", ["store/gdal"]),
    ("CLI11", r"CLI/", ["cli"]),
    ("tbb", r"(tbb|oneapi)/", ["device/cpu", "run"]),
    ("nlohmann", r"nlohmann/", ["plan", "graph", "run", "api", "cli", "bench", "store",
                                "testkit"]),
    ("fmt", r"fmt/", ["*.cpp", "cli", "bench"]),
    ("GoogleTest", r"(gtest|gmock)/", ["conformance.h", "tests"]),
    ("RapidCheck", r"rapidcheck", ["conformance.h", "tests"]),
    ("benchmark", r"benchmark/", ["bench"]),
]

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


class File:
    """One source file: its path inside the library (or the project) and its includes."""

    def __init__(self, root, path):
        self.path = path.relative_to(root).as_posix()
        inside = self.path.startswith("tilewright/")
        # "store/npy/npy.cpp" for the library, "tests/big/x_test.cpp" for the rest.
        self.place = self.path[len("tilewright/"):] if inside else self.path
        self.folder = self.place.split("/")[0] if "/" in self.place else ""
        self.name = path.name
        self.is_test = (self.name.endswith("_test.cpp") or self.name.endswith("conformance.h") or
                        self.folder == "tests")
        self.includes = []
        text = path.read_text(encoding="utf-8", errors="replace")
        for number, line in enumerate(text.splitlines(), 1):
            match = INCLUDE.match(line)
            if match:
                self.includes.append((number, match.group(1), match.group(2)))

    def is_in(self, place):
        """Whether this file is `place`, lies in it, or has that name ("*.cpp": that ending)."""
        if place.startswith("*"):
            return self.name.endswith(place[1:])
        return self.place == place or self.place.startswith(place + "/") or self.name == place


def implementation(place):
    """The implementation folder that `place` lies in ("store/npy"), or None."""
    for port in sorted(PORTS, key=len, reverse=True):
        rest = place[len(port) + 1:] if place.startswith(port + "/") else ""
        if "/" in rest:
            return port + "/" + rest.split("/")[0]
    if place.startswith("plan/strategy/") and place not in INNER_DOORS:
        return "plan/strategy"
    return None


def allowed(file, target):
    for place, headers in ALLOWED.items():
        for header in headers:
            if file.is_in(place) and (target == header or
                                      header.endswith("/") and target.startswith(header)):
                return True
    return False


def check_own(file, target):
    """Why `file` may not include tilewright/`target`, or None."""
    folder = target.split("/")[0] if "/" in target else ""
    if allowed(file, target):
        return None
    if target.endswith("conformance.h") and file.is_test:
        return None
    if file.folder in FACE:
        if "tilewright/" + target == PUBLIC or folder == file.folder and folder in INSIDE:
            return None
        if "tilewright/" + target == KIT and file.folder in {"examples", "tests"}:
            return None
        return f"{file.folder} sees {PUBLIC} only"
    if target == "tilewright.h":
        return f"{PUBLIC} is for users of the library"
    if file.place != "tilewright.h" and folder != file.folder:
        if folder not in SEES.get(file.folder, set()):
            return f"{file.folder} must not see {folder}"
    if target.endswith("conformance.h"):
        return "conformance suites are for tests"
    entered = implementation(target)
    if entered is None or file.place.startswith(entered + "/"):
        return None
    if file.place == entered.rsplit("/", 1)[0] + "/table.cpp" or file.is_test:
        return None
    return f"{entered} is entered only by its port's table.cpp"


def check_foreign(file, target, quoted):
    for name, pattern, places in THIRD_PARTY:
        if not re.match(pattern, target):
            continue
        if file.is_test and name in ("fmt", "nlohmann", "GoogleTest", "RapidCheck"):
            return None
        if any(file.is_in(place) for place in places):
            return None
        return f"{name} may be used only in {', '.join(places)}"
    if quoted and file.folder not in FACE - INSIDE:
        return "write the full path, beginning with tilewright/"
    return None


def public_violations(files):
    """What tilewright.h and testkit.h reach must need nothing but the standard library."""
    by_path = {f.path: f for f in files}
    reached, queue, found = {PUBLIC, KIT}, [PUBLIC, KIT], []
    while queue:
        file = by_path.get(queue.pop())
        for number, quote, target in file.includes if file else []:
            if target.startswith("tilewright/"):
                if target not in by_path:
                    found.append(f"{file.path}:{number}: {target} does not exist")
                elif target not in reached:
                    reached.add(target)
                    queue.append(target)
            elif quote == '"' or "/" in target or "." in target:
                found.append(f"{file.path}:{number}: includes {target}: "
                             "public headers need the standard library only")
    return found


def cycle(files):
    """Folders that include each other in a circle. Tables and tests are the exceptions: a table
    knows its implementations, which know their port. An implementation and its own sub-folders
    (device/cpu/kernels) are one."""
    def unit(place):
        return implementation(place) or (place.rsplit("/", 1)[0] if "/" in place else ".")

    graph = {}
    for file in files:
        if not file.path.startswith("tilewright/") or file.is_test or file.name == "table.cpp":
            continue
        here = unit(file.place)
        for _, _, target in file.includes:
            if target.startswith("tilewright/") and target.count("/") > 1:
                there = unit(target[len("tilewright/"):])
                # A folder's own files may use its nested port, which sees the folder's types.
                if there != here and not any(d.startswith(there + "/") for d in INNER_DOORS):
                    graph.setdefault(here, set()).add(there)
    done = set()

    def visit(node, trail):
        if node in trail:
            return trail[trail.index(node):] + [node]
        if node in done:
            return None
        for following in sorted(graph.get(node, ())):
            found = visit(following, trail + [node])
            if found:
                return found
        done.add(node)
        return None

    for node in sorted(graph):
        found = visit(node, [])
        if found:
            return [f"folders include each other: {' -> '.join(found)}"]
    return []


def check_tree(root):
    """All violations below `root`, one line each."""
    files = [File(root, path)
             for top in ["tilewright"] + sorted(FACE - INSIDE)
             for path in sorted((root / top).rglob("*")) if path.suffix in (".h", ".cpp")]
    found = []
    for file in files:
        if file.path.startswith("tilewright/") and file.folder not in SEES and (
                file.path != PUBLIC):
            found.append(f"{file.path}: the folder is not in the table of {Path(__file__).name}")
            continue
        for number, quote, target in file.includes:
            if target.startswith("tilewright/"):
                reason = check_own(file, target[len("tilewright/"):])
            else:
                reason = check_foreign(file, target, quote == '"')
            if reason:
                found.append(f"{file.path}:{number}: includes {target}: {reason}")
    return found + public_violations(files) + cycle(files)


def main():
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent
    found = check_tree(root)
    for line in found:
        print(line)
    if not found:
        print("check_modules: every include is allowed")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
