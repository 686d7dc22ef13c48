"""The three problems of the budget tests, small and large, and the checks at 20 budgets each."""
import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))
from measure import (GIB, MIB, OUTSIDE_BUDGET, conv, geometric, plan, remove, run, tilewright,
                     write_weights)

BUDGETS, LARGEST = 20, 4 * GIB
PICTURE = ROOT.parent / "shared" / "data" / "RGB.byte.tif"


class Budgeted:
    """A problem: name, source, options of conv, the formats its output takes in turn."""

    def __init__(self, name, src, options, formats):
        self.name, self.src, self.options, self.formats = name, src, options, formats


def wide_raster(folder, side):
    src = folder / "wide.tif"
    tilewright("synth", src, "--size", f"{side // 2}x{side}", "--quiet", "--memory", "256MiB")
    write_weights(folder / "w31.npy", (1, 1, 31, 31))
    return Budgeted("wide raster 1->1 31x31", src, ["--weights", folder / "w31.npy"],
                    [".tif", ".npy", ".zarr"])


def many_channels(folder, side):
    src = folder / "channels.npy"
    tilewright("synth", src, "--size", f"256x{side}x{side}", "--quiet", "--memory", "256MiB")
    write_weights(folder / "w256.npy", (256, 256, 3, 3))
    return Budgeted("channels 256->256 3x3", src, ["--weights", folder / "w256.npy"],
                    [".npy", ".zarr"])


def strip_tiff(folder, side):
    """RGB in strips: a real picture enlarged through a VRT, or a generated one."""
    if shutil.which("gdal_translate") is None:
        print("SKIPPED: depthwise RGB from a strip TIFF: gdal_translate is not installed")
        return None
    picture, virtual, src = PICTURE, folder / "rgb.vrt", folder / "rgb.tif"
    if not picture.exists():
        picture = folder / "small.tif"
        tilewright("synth", picture, "--size", "3x718x791", "--dtype", "uint8", "--quiet")
    run("gdal_translate", "-q", "-of", "VRT", "-outsize", side, side, picture, virtual)
    run("gdal_translate", "-q", "-co", "TILED=NO", "-co", "INTERLEAVE=PIXEL", virtual, src)
    return Budgeted("depthwise RGB 3x3 from a strip TIFF", src,
                    ["--kernel", "[[1,2,1],[0,1,0],[-1,-2,-1.5]]"], [".tif", ".zarr", ".npy"])


def check_refusal(checks, problem, dst, smallest):
    """One byte below the smallest: exit 5, and the number that it prints works."""
    done = tilewright("conv", problem.src, dst, *problem.options, "--memory", smallest - 1,
                      "--quiet", code=5)
    printed = [int(n) for n in re.findall(r"(\d+) bytes", done.err)]
    checks.that(printed and printed[-1] == smallest,
                f"{problem.name}: '{done.err}' does not name {smallest}")
    checks.that(not dst.exists(), f"{problem.name}: a refused run left {dst}")


def check_run(checks, problem, budget, dst):
    """One run within `budget`; its hash."""
    report = conv(problem.src, dst, *problem.options, memory=budget)
    remove(dst)
    at = f"{problem.name} to {dst.suffix} within {budget}"
    peak, planned = report["peak_bytes"], report["planned_peak_bytes"]
    checks.that(report["peak_rss_bytes"] <= budget + OUTSIDE_BUDGET,
                f"{at}: {report['peak_rss_bytes']} resident, {planned} planned")
    checks.that(peak <= budget, f"{at}: reports a peak of {peak}")
    checks.that(abs(peak - planned) <= 0.05 * planned, f"{at}: peak {peak}, planned {planned}")
    extra = (report["peak_rss_bytes"] - budget) / MIB
    print(f"  {budget:>11} {dst.suffix:5} {report['pieces']:>6} pieces {report['seconds']:8.2f} s "
          f"peak {peak:>11} planned {planned:>11} resident - budget {extra:8.1f} MiB", flush=True)
    return report["hash"]


def check_problem(checks, problem, folder):
    print(problem.name, flush=True)
    outputs = [folder / ("out" + f) for f in problem.formats]
    smallest = [plan(problem.src, dst, *problem.options)["smallest_budget_bytes"]
                for dst in outputs]
    hashes = set()
    for dst, least in zip(outputs, smallest):
        check_refusal(checks, problem, dst, least)
        hashes.add(check_run(checks, problem, least, dst))
    # The first of the budgets has been run already.
    for i, budget in enumerate(geometric(min(smallest), LARGEST, BUDGETS)[1:]):
        dst = i % len(outputs)
        hashes.add(check_run(checks, problem, max(budget, smallest[dst]), outputs[dst]))
    checks.that(len(hashes) == 1, f"{problem.name}: results differ: {hashes}")


def check_all(checks, folder, sides):
    """`sides`: of the wide raster, of the planes of many channels, of the RGB picture."""
    for make, side in zip((wide_raster, many_channels, strip_tiff), sides):
        problem = make(folder, side)
        if problem is not None:
            check_problem(checks, problem, folder)
            remove(problem.src)
