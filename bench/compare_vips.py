"""Tilewright beside vips on one float32 raster, in alternating runs.

  bench/compare_vips.py [--size 16384] [--repeat 3] [--memory 32MiB] [--kernels 3,21] [--json FILE]

- `vips conv --precision float`, single-band TIFF in strips, which vips reads in one sequential
  pass, to .v, its own plain format and the fastest that it writes.
- `tilewright conv` of the same file to .tif within --memory.
- Copies in blocks of 8 MiB, from the same file to a new one: the same bytes read and written as the
  3x3 needs, by buffered calls, in blocks of half a MiB into a file whose place is claimed first, as
  Tilewright writes, past the page cache (O_DIRECT), and through mapped memory. `cp
  --reflink=never` would use copy_file_range, which does not pass through the memory of the process.
  The quickest of the four is what Tilewright is held to.

The page cache is warm for all alike; the direct copy does not use it. Every result is compared with
vips' on windows of its interior, because borders are defined differently. Needs 6 x 4 bytes a pixel
of disk.
"""
import argparse
import json
import shutil
import statistics
import sys
from pathlib import Path

import numpy as np

from copy_file import NO_SUCH_WAY
from measure import (HERE, MIB, Checks, conv, Run, need_disk, remove, run, scratch, skip, table,
                     tilewright)

COPIES = ("buffered", "reserved", "direct", "mapped")
OUTPUTS = {"vips": "vips.v", "tilewright": "tw.tif", **{way: f"{way}.tif" for way in COPIES}}


def kernel_values(side):
    """Integers, so that vips' mask file holds exactly what Tilewright's .npy holds."""
    values = np.random.default_rng(side).integers(1, 10, (side, side))
    return values.astype(np.float32)


def write_kernels(folder, side):
    values = kernel_values(side)
    np.save(folder / f"k{side}.npy", values[None, None])
    lines = [f"{side} {side} 1 0"] + [" ".join(str(int(v)) for v in row) for row in values]
    (folder / f"k{side}.mat").write_text("\n".join(lines) + "\n", encoding="ascii")


def write_source(folder, size):
    """A TIFF in strips, through gdal_translate if it is there, else tiled as synth makes it."""
    made, src = folder / "made.tif", folder / "src.tif"
    tilewright("synth", made, "--size", f"{size}x{size}", "--quiet", "--memory", "256MiB")
    if shutil.which("gdal_translate") is None:
        return made
    run("gdal_translate", "-q", "-co", "TILED=NO", "-co", "BIGTIFF=YES", "-co", "BLOCKYSIZE=16",
        made, src)
    remove(made)
    return src


def measured(done, seconds=None):
    return {"seconds": done.seconds if seconds is None else seconds,
            "peak_rss_bytes": done.peak_rss_bytes}


def run_vips(folder, src, side):
    return measured(run("vips", "conv", src, folder / "vips.v", folder / f"k{side}.mat",
                        "--precision", "float"))


def run_tilewright(folder, src, side, memory):
    report = conv(src, folder / "tw.tif", "--weights", folder / f"k{side}.npy", memory=memory)
    return {"seconds": report["wall_seconds"], "peak_rss_bytes": report["peak_rss_bytes"],
            "hash": report["hash"], "pieces": report["pieces"]}


def run_copy(folder, src, way):
    return measured(run(sys.executable, "-I", "-S", HERE / "copy_file.py", src,
                        folder / OUTPUTS[way], way))


def ways_that_work(folder, src):
    """Not every file system lets itself be read and written directly."""
    command = [sys.executable, "-I", "-S", HERE / "copy_file.py", src, folder / "try.tif", "direct"]
    code = Run(command).code
    remove(folder / "try.tif")
    if code not in (0, NO_SUCH_WAY):
        raise AssertionError(f"direct copy: exit {code}")
    return [way for way in COPIES if way != "direct" or code == 0]


def vips_window(path, size, y, x, side):
    """A window of a .v file of one float band: 64 bytes of header, then rows."""
    pixels = np.memmap(path, np.float32, "r", 64, (size, size))
    return np.array(pixels[y:y + side, x:x + side], dtype=np.float64)


def tiff_window(folder, path, y, x, side):
    """A window of a TIFF, by the identity kernel into an array."""
    crop = folder / "crop.tif"
    run("vips", "crop", path, f"{crop}[strip]", x, y, side, side)
    tilewright("conv", crop, folder / "crop.npy", "--kernel", "identity", "--overwrite", "--quiet")
    return np.load(folder / "crop.npy").astype(np.float64)


def check_same(checks, folder, size, side):
    """The interiors agree within the rounding of f32 sums."""
    for y, x in ((side, side), (size // 2 - 9, size // 2 + 5), (size - 90, size - 300)):
        a = vips_window(folder / "vips.v", size, y, x, 64)
        b = tiff_window(folder, folder / "tw.tif", y, x, 64)
        error = float((np.abs(a - b) / np.abs(b)).max())
        checks.that(error < 1e-5, f"{side}x{side} at {y}, {x}: vips differs by {error:.2e}")


def alternate(folder, src, side, repeat, memory):
    """Every program `repeat` times in turn, after one turn that is not counted."""
    programs = {"vips": lambda: run_vips(folder, src, side),
                "tilewright": lambda: run_tilewright(folder, src, side, memory),
                **{way: lambda way=way: run_copy(folder, src, way)
                   for way in ways_that_work(folder, src)}}
    results = {name: [] for name in programs}
    for turn in range(repeat + 1):
        for name, program in programs.items():
            remove(folder / OUTPUTS[name])
            result = program()
            print(f"{side}x{side} {name}: {result['seconds']:.2f} s", file=sys.stderr, flush=True)
            if turn > 0:
                results[name].append(result)
    return results


def ratio(results, a, b):
    """Median over turns, so that a disturbance of one turn does not decide."""
    return statistics.median(x["seconds"] / y["seconds"]
                             for x, y in zip(results[a], results[b]))


def quickest_copy(results):
    return min((w for w in COPIES if w in results),
               key=lambda w: statistics.median(x["seconds"] for x in results[w]))


def row(side, results):
    median = {n: statistics.median(x["seconds"] for x in r) for n, r in results.items()}
    peak = {n: max(x["peak_rss_bytes"] for x in r) / MIB for n, r in results.items()}
    best = quickest_copy(results)
    return [f"{side}x{side}", *(f"{median[n]:.2f}" if n in median else "none" for n in OUTPUTS),
            f"{ratio(results, 'vips', 'tilewright'):.2f}",
            f"{ratio(results, 'tilewright', best):.2f} ({best})",
            *(f"{peak[n]:.0f}" for n in ("vips", "tilewright"))]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", type=int, default=16384)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--memory", default="32MiB")
    parser.add_argument("--kernels", default="3,21")
    parser.add_argument("--json", type=Path)
    a = parser.parse_args()
    if shutil.which("vips") is None:
        skip("vips is not installed (Debian: libvips-tools)")
    checks, rows, record = Checks(), [], {"size": a.size, "memory": a.memory}
    with scratch() as folder:
        need_disk(folder, 25 * a.size**2)
        src = write_source(folder, a.size)
        for side in (int(k) for k in a.kernels.split(",")):
            write_kernels(folder, side)
            results = alternate(folder, src, side, a.repeat, a.memory)
            check_same(checks, folder, a.size, side)
            record[f"{side}x{side}"] = results
            rows.append(row(side, results))
    print(table(["kernel", *(f"{n} s" for n in OUTPUTS), "vips / tilewright",
                 "tilewright / quickest copy", "vips MiB", "tilewright MiB"], rows))
    print("\n" + json.dumps(record))
    if a.json:
        a.json.write_text(json.dumps(record, indent=1), encoding="ascii")
    checks.finish()


main()
