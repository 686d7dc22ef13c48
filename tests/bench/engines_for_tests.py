"""Engines for peers_test.py: one that is right, and each way of going wrong."""
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench" / "peers"))
from engines import Unfit


def convolve(p, tensors):
    """The pass in f64, tap by tap, written from the formula."""
    x, w, g = (np.zeros(s) for s in p.shapes())
    x, w, g = (tensors[k].astype(np.float64) if k in tensors else t
               for k, t in zip("xwg", (x, w, g)))
    top, bottom, left, right = p.pads
    padded = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))
    outer, inner = p.co // p.groups, p.ci // p.groups
    for group in range(p.groups):
        o, c = slice(group * outer, (group + 1) * outer), slice(group * inner, (group + 1) * inner)
        for ky in range(p.taps[0]):
            for kx in range(p.taps[1]):
                rows = slice(ky * p.dilation[0], None, p.stride[0])
                columns = slice(kx * p.dilation[1], None, p.stride[1])
                seen = padded[:, c, rows, columns][:, :, :p.out[0], :p.out[1]]
                if p.part == "forward":
                    g[:, o] += np.einsum("oc,ncyx->noyx", w[o, :, ky, kx], seen)
                elif p.part == "weights":
                    w[o, :, ky, kx] = np.einsum("noyx,ncyx->oc", g[:, o], seen)
                else:
                    seen += np.einsum("oc,noyx->ncyx", w[o, :, ky, kx], g[:, o])
    if p.part == "source":
        return padded[:, :, top:top + p.y, left:left + p.x]
    return g if p.part == "forward" else w


class Right:
    """What all others derive from."""

    def __init__(self, _):
        self.name = type(self).__name__

    def compute(self, p, tensors):
        return convolve(p, tensors)

    def prepare(self, p, tensors):
        yield "f64", lambda: self.compute(p, tensors), lambda r: r

    def drop(self):
        """Holds nothing."""


class Wrong(Right):
    """One element is off by a hundredth of the largest."""

    def compute(self, p, tensors):
        result = convolve(p, tensors).copy()
        result.reshape(-1)[-1] += 0.01 * np.abs(result).max()
        return result


class NotANumber(Right):
    def compute(self, p, tensors):
        result = convolve(p, tensors).copy()
        result.reshape(-1)[0] = np.nan
        return result


class Small(Right):
    """One row is missing."""

    def compute(self, p, tensors):
        return convolve(p, tensors)[..., 1:, :]


class Hungry(Right):
    """Asks for 3 GiB, more than it may have."""

    def compute(self, p, tensors):
        return np.ones(3 << 27)


class Crashing(Right):
    def compute(self, p, tensors):
        os.kill(os.getpid(), signal.SIGSEGV)


class Hanging(Right):
    def compute(self, p, tensors):
        time.sleep(100)


class Slow(Right):
    def compute(self, p, tensors):
        time.sleep(0.7)
        return convolve(p, tensors)


class Choosy(Right):
    """Has only the forward pass; another layout fails after one that is right."""

    def prepare(self, p, tensors):
        if p.part != "forward":
            raise Unfit("forward only")
        yield from super().prepare(p, tensors)
        raise RuntimeError("no such layout")


class Absent(Right):
    def __init__(self, _):
        raise ImportError("no such package")
