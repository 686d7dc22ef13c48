"""The quickest register tiles of the library keep their sums in registers."""
import os
import platform
import shutil
import sys
from pathlib import Path

sys.path.insert(0, os.environ["TILEWRIGHT_SOURCE"] + "/tools")
from find_spills import disassembled, tile_loops, verdict  # noqa: E402

# Other tiles are seldom taken: their few moves are known.
CLEAN = ["product_tile<", r"N_AVX2::tile<.*, 2, 6, "]


def lacks(build):
    """Why nothing can be said of this build, or None."""
    if platform.machine() != "x86_64" or not shutil.which("objdump"):
        return "needs x86 and objdump"
    settings = (build / "CMakeCache.txt").read_text().splitlines()
    if not {"CMAKE_BUILD_TYPE:STRING=Release", "TILEWRIGHT_SANITIZE:STRING=",
            "CMAKE_CXX_FLAGS:STRING="} <= set(settings):
        return "needs an optimised build without sanitizers and other flags"
    if not any("GNU" in f.read_text() for f in build.glob("CMakeFiles/*/CMakeCXXCompiler.cmake")):
        return "needs GCC: registers are the compiler's"
    return None


def main():
    build = Path(os.environ["TILEWRIGHT_BUILD"])
    if reason := lacks(build):
        print(f"skipped: {reason}")
        return 77
    wrong = verdict(tile_loops(disassembled(build / "libtilewright.so")), CLEAN)
    print("\n".join(wrong) or "no tile keeps sums on the stack")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
