#!/usr/bin/env python3
"""Prints the sizes of files and functions and fails where they pass the limits (CONTRIBUTING.md).

Functions of C++ files are found by matching braces after comments and literals are blanked; what
opens a brace in a namespace or class and looks like a function header is a function.
"""
import ast
import re
import statistics
import sys
from pathlib import Path

FOLDERS = ["tilewright", "tests", "bench", "examples", "python", "tools"]
FILE_LINES, FILE_LINES_95 = 600, 400
FUNCTION_LINES, FUNCTION_LINES_95, KERNEL_LINES = 80, 40, 120
COLUMNS = 100

BLANKED = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<tag>[^(\s]*)\(.*?\)(?P=tag)"|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9a-zA-Z_])'(?:\\.|[^'\\\n])+'|^[ \t]*#(?:[^\n\\]|\\.|\\\n)*", re.S | re.M)
SCOPE = re.compile(r"^(\s|inline|export|typedef|template\s*<.*>|alignas\([^)]*\)|\[\[.*?\]\])*"
                   r"(namespace|class|struct|union|extern)\b", re.S)
TAIL = re.compile(r"\)(\s|const|noexcept(\([^()]*\))?|override|final|mutable|try|&&?|volatile"
                  r"|->[\w\s:<>,*&\[\]()]+|requires[\w\s:<>,*&()|]+"
                  r"|(?<![:]):(?![:]).*)*$", re.S)
NAME = re.compile(r"([\w:~]+|operator\s*\S{1,3}|operator\s*\(\s*\))\s*\(")
CONTROL = re.compile(r"\b(if|for|while|switch|catch|return|do|else)\b")


def blank(text):
    """`text` with comments, literals and preprocessor lines blanked, line by line."""
    return BLANKED.sub(lambda m: re.sub(r"[^\n]", " ", m.group(0)), text)


def opens(header, outer):
    """What a brace after `header` begins: a scope, a function, or something else."""
    if outer not in ("scope", "file"):
        return "other"
    if SCOPE.match(header) and not re.search(r"\)\s*(const|noexcept|override)?\s*$", header):
        return "scope"
    if "(" not in header or re.search(r"(?<![=!<>])=(?!=)\s*$", header):
        return "other"
    # A member initialised with braces: the function's own brace is still to come.
    if re.search(r"(?<!:):(?!:)[^;]*[\w>]\s*$", header) and not TAIL_WORD.search(header):
        return "initialiser"
    if TAIL.search(header) and NAME.search(header) and not CONTROL.match(header.strip()):
        return "function"
    return "other"


TAIL_WORD = re.compile(r"\)\s*(const|noexcept|override|final|try|mutable|\s)+$")


def cpp_functions(text):
    """(name, first line, number of lines) of each function."""
    text = blank(text)
    stack, found, header, start, line = [], [], "", 0, 1
    for char in text:
        if char == "\n":
            line += 1
        if char == "{":
            outer = stack[-1][0] if stack else "file"
            kind = opens(header, outer)
            stack.append((kind, header, start))
            if kind != "initialiser":
                header, start = "", 0
        elif char == "}":
            kind, opened, first = stack.pop() if stack else ("other", "", 0)
            if kind == "function":
                name = NAME.search(opened)
                found.append((name.group(1) if name else "?", first, line - first + 1))
            if kind == "initialiser":
                header += "()"
            else:
                header, start = "", 0
        elif char == ";" and header.count("(") <= header.count(")"):
            header, start = "", 0
        else:
            if not start and not char.isspace():
                start = line
            header += char
            if re.search(r"\b(public|private|protected)\s*:$", header):
                header, start = "", 0
    return found


def python_functions(text):
    return [(node.name, node.lineno, node.end_lineno - node.lineno + 1)
            for node in ast.walk(ast.parse(text))
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


def percentile95(values):
    return sorted(values)[max(0, -(-95 * len(values) // 100) - 1)] if values else 0


def measure(root):
    """Sizes of files and functions below `root`, and the violations among them."""
    files, functions, found = [], [], []
    for path in sorted(p for top in FOLDERS for p in (root / top).rglob("*")):
        if path.suffix not in (".h", ".cpp", ".py") or "__pycache__" in path.parts:
            continue
        name = path.relative_to(root).as_posix()
        text = path.read_text(encoding="utf-8")
        lines = text.splitlines()
        files.append(len(lines))
        if len(lines) > FILE_LINES:
            found.append(f"{name}: {len(lines)} lines, at most {FILE_LINES}")
        for number, line in enumerate(lines, 1):
            if len(line) > COLUMNS:
                found.append(f"{name}:{number}: {len(line)} columns, at most {COLUMNS}")
        limit = KERNEL_LINES if re.search(r"device/\w+/kernels/", name) else FUNCTION_LINES
        found_here = python_functions(text) if path.suffix == ".py" else cpp_functions(text)
        for function, first, length in found_here:
            functions.append(length)
            if length > limit:
                found.append(f"{name}:{first}: {function} has {length} lines, at most {limit}")
    return files, functions, found


def check_tree(root):
    """Prints the table and returns the violations below `root`, one line each."""
    files, functions, found = measure(root)
    print(f"{'lines of':<12}{'number':>8}{'median':>8}{'95 %':>8}{'max':>8}")
    for name, values, limit in (("files", files, FILE_LINES_95),
                                ("functions", functions, FUNCTION_LINES_95)):
        if not values:
            continue
        high = percentile95(values)
        print(f"{name:<12}{len(values):>8}{statistics.median(values):>8.0f}{high:>8}"
              f"{max(values):>8}")
        if high > limit:
            found.append(f"95 % of the {name} have up to {high} lines, at most {limit} wanted")
    return found


def main():
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent
    found = check_tree(root)
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
