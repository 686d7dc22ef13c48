"""Sizes past the usual limits, as functions of the size: each case runs file to file within a
budget and is checked by `tilewright verify` and against numpy in f64 on windows of its result.
"""
import shutil
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))
from measure import (MIB, OUTSIDE_BUDGET, conv, correlate, padded_window, remove, run, tilewright,
                     write_weights)

SLIDE = ROOT.parent / "shared" / "data" / "CMU-1-Small-Region.svs"


def raster_window(path, y, x, rows, columns):
    """A window of the first band as gdal_translate reads it."""
    raw = path.with_suffix(".window")
    run("gdal_translate", "-q", "-b", "1", "-of", "ENVI", "-srcwin", x, y, columns, rows, path, raw)
    return np.fromfile(raw, dtype=np.uint8).reshape(rows, columns)


def check_conv(checks, src, dst, options, memory):
    """Runs conv within `memory` and `tilewright verify`; the report."""
    report = conv(src, dst, *options, memory=memory)
    resident = report["peak_rss_bytes"]
    checks.that(resident <= memory + OUTSIDE_BUDGET, f"{src}: {resident} resident of {memory}")
    tilewright("verify", src, dst, *options, "--memory", memory, "--quiet")
    print(f"  {src} -> {Path(dst).name}: {report['pieces']} pieces, {report['seconds']:.2f} s, "
          f"resident - budget {(resident - memory) / MIB:.1f} MiB", flush=True)
    return report


def check_window(checks, name, src, dst, weights, bound, place, pad=None):
    """dst[c, y:y+rows, x:x+columns] against the definition in f64, depthwise, zero padding."""
    c, y, x, rows, columns = place
    kernel = weights[c, 0].astype(np.float64)
    ky, kx = kernel.shape
    top, left = ((ky - 1) // 2, (kx - 1) // 2) if pad is None else pad
    window = padded_window(src[c], y - top, x - left, rows + ky - 1, columns + kx - 1)
    allowed = bound * correlate(np.abs(window), np.abs(kernel)) + 1e-300
    error = np.abs(dst[c, y:y + rows, x:x + columns] - correlate(window, kernel))
    checks.that(error.shape == (rows, columns) and bool(np.all(error <= allowed)),
                f"{name}: window {place} differs by {error.max()}")


def places_at(shape, indices, rows, columns):
    """Windows of [c,y,x] that hold these linear indices."""
    channels, height, width = shape
    for index in indices:
        c, rest = divmod(min(index, channels * height * width - 1), height * width)
        y, x = divmod(rest, width)
        yield (c, max(0, min(y - rows // 2, height - rows)),
               max(0, min(x - columns // 2, width - columns)), rows, columns)


def check_array(checks, name, src, dst, weights, bound, marks, size=(24, 40)):
    """Windows at the corners, at the linear indices `marks` and at random ones."""
    a, b = np.load(src, mmap_mode="r"), np.load(dst, mmap_mode="r")
    a, b = (v.reshape((1,) * (3 - v.ndim) + v.shape) for v in (a, b))
    rows, columns = min(size[0], b.shape[1]), min(size[1], b.shape[2])
    random = np.random.default_rng(7).integers(0, b.size, 16)
    for place in places_at(b.shape, [0, b.size - 1, *marks, *map(int, random)], rows, columns):
        check_window(checks, name, a, b, weights, bound, place)


def deep_image(checks, folder, side, memory, from_file=True):
    """1 x 2 x side x side, depthwise 3x3, from a computed source and from a file."""
    synth = f"synth:noise,c=2,y={side},x={side},seed=3"
    weights = write_weights(folder / "w.npy", (2, 1, 3, 3))
    options = ["--weights", folder / "w.npy", "--groups", "2"]
    src, dst = folder / "deep.npy", folder / "deep-out.npy"
    first = check_conv(checks, synth, dst, options, memory)
    if from_file:
        remove(dst)
        tilewright("synth", src, "--size", f"2x{side}x{side}", "--seed", "3", "--quiet",
                   "--memory", memory)
        again = check_conv(checks, src, dst, options, memory)
        checks.that(first["hash"] == again["hash"], "deep image: file and computed source differ")
        marks = [v + d for v in (2**29, 2**30, 2**31) for d in (-1, 0)]
        check_array(checks, "deep image", src, dst, weights, first["bound"], marks)
        remove(src)
    remove(dst)


def write_repeating_vrt(path, tile, side, tile_side):
    """A VRT of side x side that repeats the first band of `tile`."""
    source = ('<SimpleSource><SourceFilename relativeToVRT="1">{}</SourceFilename>'
              '<SourceBand>1</SourceBand><SrcRect xOff="0" yOff="0" xSize="{}" ySize="{}"/>'
              '<DstRect xOff="{}" yOff="{}" xSize="{}" ySize="{}"/></SimpleSource>\n')
    n = tile_side
    with open(path, "w", encoding="ascii") as file:
        file.write(f'<VRTDataset rasterXSize="{side}" rasterYSize="{side}">\n'
                   '<VRTRasterBand dataType="Byte" band="1">\n')
        for y in range(0, side, n):
            for x in range(0, side, n):
                file.write(source.format(tile.name, n, n, x, y, n, n))
        file.write("</VRTRasterBand>\n</VRTDataset>\n")


def picture_tile(folder, side):
    """One tile of the large picture: a part of a real slide, or generated."""
    tile = folder / "tile.tif"
    if SLIDE.exists() and shutil.which("gdal_translate"):
        run("gdal_translate", "-q", "-b", "1", "-srcwin", 100, 800, side, side, SLIDE, tile)
    else:
        tilewright("synth", tile, "--size", f"{side}x{side}", "--dtype", "uint8", "--quiet")
    return tile


def gaussian(sigma, side):
    x = np.arange(side) - side // 2
    row = np.exp(-x * x / (2 * sigma * sigma))
    return (np.outer(row, row) / row.sum() ** 2).astype(np.float32)


def wide_picture(checks, folder, side, tile_side, memory):
    """uint8 through a VRT, smoothed into a uint8 TIFF."""
    src, dst = folder / "large.vrt", folder / "large-out.tif"
    write_repeating_vrt(src, picture_tile(folder, tile_side), side, tile_side)
    kernel = gaussian(1.5, 7)
    np.save(folder / "gauss.npy", kernel[None, None])
    options = ["--weights", folder / "gauss.npy", "--dtype", "uint8"]
    check_conv(checks, src, dst, options, memory)
    if shutil.which("gdal_translate") is None:
        return print("SKIPPED: windows of the picture: gdal_translate is not installed")
    near = side - 70
    for y, x in ((3, 3), (near, near), (3, near), (near, 3), (side // 2, tile_side - 20)):
        truth = correlate(raster_window(src, y - 3, x - 3, 66, 66).astype(float), kernel)
        got = raster_window(dst, y, x, 60, 60)
        checks.that(bool(np.all(np.abs(got - truth) <= 0.5 + 1e-3)), f"picture at {y}, {x}")
    remove(dst)


def thin_images(checks, folder, length, memory):
    """1 x n and n x 1."""
    weights = write_weights(folder / "w5.npy", (1, 1, 5, 5))
    for height, width in ((1, length), (length, 1)):
        src, dst = folder / "thin.npy", folder / "thin-out.npy"
        tilewright("synth", src, "--size", f"{height}x{width}", "--quiet", "--memory", memory)
        report = check_conv(checks, src, dst, ["--weights", folder / "w5.npy"], memory)
        check_array(checks, f"{height} x {width}", src, dst, weights, report["bound"], [],
                    (1000, 1000))
        remove(src)
        remove(dst)


def large_kernel(checks, folder, side, taps, memory):
    """A kernel larger than the image."""
    weights = write_weights(folder / "wl.npy", (1, 1, taps, taps))
    src, dst = folder / "small.npy", folder / "small-out.npy"
    tilewright("synth", src, "--size", f"{side}x{side}", "--quiet")
    report = check_conv(checks, src, dst, ["--weights", folder / "wl.npy"], memory)
    check_array(checks, "large kernel", src, dst, weights, report["bound"], [], (1, 2))


def wide_halo(checks, folder, side, taps, memory):
    """Pieces far smaller than their halo, in all padding modes, against one piece."""
    write_weights(folder / "wh.npy", (1, 1, taps, taps))
    src, dst = f"synth:noise,y={side},x={side + 13},seed=4", folder / "halo-out.npy"
    for mode in ("zero", "reflect", "replicate", "circular"):
        options = ["--weights", folder / "wh.npy", "--dilation", "2,3", "--padding-mode", mode]
        whole = conv(src, dst, *options, memory="1GiB")
        cut = check_conv(checks, src, dst, [*options, "--force", "tile=8x9"], memory)
        checks.that(cut["pieces"] > 100 and whole["pieces"] == 1, f"halo, {mode}: pieces")
        checks.that(whole["hash"] == cut["hash"], f"halo, {mode}: pieces change the result")
