#!/usr/bin/env python3
"""check_size.py finds functions in awkward code and what passes the limits."""
import contextlib
import io
import tempfile
import unittest
from pathlib import Path

from check_size import check_tree, cpp_functions

AWKWARD = r"""// void commented() {
#define MACRO(x) \
  void x() {}
namespace a::b {
struct S : Base<int> {
  S(int v) : v_{v}, w_(v) {
    call([&](int i) { return i; });
  }
  int get() const noexcept { return v_; }
  int v_ = 0, w_{1};
  std::array<int, 2> list_{{1, 2}};
};
const Table kTable = {{"if (x) {", '{'}, {f(1)}};
enum class E { kA, kB };
template <class T>
requires std::is_integral_v<T>
auto twice(T t) -> decltype(t + t) {
  if (t) {
    return t;
  }
  return t + t;
}
bool operator==(const S& a, const S& b) {
  return true;
}
TEST(Group, Name) {
  const char* text = R"(} { ")";
}
}  // namespace a::b
"""


def long_function(lines):
    return "void f() {\n" + "  g();\n" * (lines - 2) + "}\n"


def violations(name, text):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        with contextlib.redirect_stdout(io.StringIO()):
            return check_tree(Path(folder))


class CheckSize(unittest.TestCase):
    def test_functions_are_found_in_awkward_code(self):
        found = [(name, length) for name, _, length in cpp_functions(AWKWARD)]

        self.assertEqual(found, [("S", 3), ("get", 1), ("twice", 8), ("operator==", 3),
                                 ("TEST", 3)])

    def test_long_functions_are_refused(self):
        few = "void g() {}\n" * 40

        self.assertEqual(violations("tilewright/a.cpp", few + long_function(80)), [])
        self.assertIn("81 lines", violations("tilewright/a.cpp", few + long_function(81))[0])

    def test_kernels_may_be_longer(self):
        few = "void g() {}\n" * 40
        name = "tilewright/device/cpu/kernels/k.cpp"

        self.assertEqual(violations(name, few + long_function(120)), [])
        self.assertIn("121 lines", violations(name, few + long_function(121))[0])

    def test_many_functions_of_middling_length_are_refused(self):
        self.assertIn("95 %", violations("tilewright/a.cpp", long_function(41))[0])

    def test_long_files_and_lines_are_refused(self):
        found = violations("tilewright/a.h", "int i;\n" * 601)
        self.assertIn("601 lines", found[0])

        self.assertEqual(violations("tilewright/a.h", "//" + "x" * 98), [])
        self.assertIn("101 columns", violations("tilewright/a.h", "//" + "x" * 99)[0])


if __name__ == "__main__":
    unittest.main()
