"""A problem line as numbers: the forward convolution behind it, and the pass that it asks for."""
import re

import numpy as np

PASSES = {"conv2d": "forward", "conv2d_transpose": "source", "conv2d_weights": "weights"}
NAMES = {part: name for name, part in PASSES.items()}
KNOWN = {"n", "ci", "co", "y", "x", "g", "k", "s", "d", "p", "o"}


def out_size(size, before, after, taps, stride, dilation):
    return (size + before + after - dilation * (taps - 1) - 1) // stride + 1


class Problem:
    """n, ci, co, y, x, groups, taps, stride, dilation, pads (top, bottom, left, right) and out of
    the forward convolution, and the pass (`part`). Throws ValueError for what other libraries
    cannot be asked: element types but f32, padding modes but zero, flip, bias."""

    def __init__(self, line):
        name, *rest = line.split()
        if name not in PASSES:
            raise ValueError(f"{line}: no layer {name}")
        self.part = PASSES[name]
        words = {}
        for word in rest:
            match = re.fullmatch(r"([a-z]+)(\d[\dx,]*)", word)
            if word in ("f32", "m:zero"):
                continue
            if not match or match[1] not in KNOWN:
                raise ValueError(f"{line}: {word} is not compared")
            words[match[1]] = match[2]
        number = lambda key: int(words.get(key, "1"))
        pair = lambda key: tuple(int(v) for v in words.get(key, "1x1").split("x"))
        self.n, self.groups = number("n"), number("g")
        self.ci, self.co, self.y, self.x = (number(k) for k in ("ci", "co", "y", "x"))
        self.taps, self.stride, self.dilation = pair("k"), pair("s"), pair("d")
        self.pads = tuple(int(v) for v in words.get("p", "0,0,0,0").split(","))
        if self.part == "source":
            self.ci, self.co = self.co, self.ci
            self.y, self.x = pair("o")
        self.out = tuple(out_size(size, *self.pads[2 * i:2 * i + 2], self.taps[i], self.stride[i],
                                  self.dilation[i]) for i, size in enumerate((self.y, self.x)))
        if self.part == "source" and self.out != (number("y"), number("x")):
            raise ValueError(f"{line}: y and x are not those of a gradient of {pair('o')}")

    def flop(self):
        return (2 * self.n * self.co * self.out[0] * self.out[1] * (self.ci // self.groups)
                * self.taps[0] * self.taps[1])

    def shapes(self):
        """Of source, weights and (gradient of the) result."""
        return ((self.n, self.ci, self.y, self.x), (self.co, self.ci // self.groups, *self.taps),
                (self.n, self.co, *self.out))

    def operands(self):
        """Names of the two tensors that the pass reads."""
        return {"forward": ("x", "w"), "source": ("g", "w"), "weights": ("x", "g")}[self.part]

    def tensors(self):
        """Random x, w and g."""
        r = np.random.default_rng(1)
        return {name: r.uniform(-1, 1, shape).astype(np.float32)
                for name, shape in zip("xwg", self.shapes())}

    def line(self, part=None):
        """The problem line of a pass."""
        part = part or self.part
        inner, outer, (y, x) = self.ci, self.co, (self.y, self.x)
        if part == "source":
            inner, outer, (y, x) = outer, inner, self.out
        words = [NAMES[part]] + ([f"n{self.n}"] if self.n > 1 else [])
        words += [f"ci{inner}", f"y{y}", f"x{x}", f"co{outer}"]
        words += [f"o{self.y}x{self.x}"] if part == "source" else []
        words += ["k{}x{}".format(*self.taps)]
        words += ["s{}x{}".format(*self.stride)] if self.stride != (1, 1) else []
        words += ["d{}x{}".format(*self.dilation)] if self.dilation != (1, 1) else []
        words += ["p" + ",".join(map(str, self.pads))] if any(self.pads) else []
        words += [f"g{self.groups}"] if self.groups > 1 else []
        return " ".join(words)

    def title(self):
        """For people: "64→64 3x3 s2 @ 512²"."""
        text = f"{self.ci}→{self.co}" if self.groups == 1 else f"{self.co} of {self.groups} groups"
        if self.groups == self.ci == self.co and self.groups > 1:
            text = f"depthwise {self.co}"
        text += f" {self.taps[0]}x{self.taps[1]}"
        for letter, pair in (("s", self.stride), ("d", self.dilation)):
            if pair != (1, 1):
                text += f" {letter}{pair[0]}" + (f"x{pair[1]}" if pair[0] != pair[1] else "")
        size = f"{self.y}²" if self.y == self.x else f"{self.y} x {self.x}"
        return text + f" @ {size}" + (f", {self.n} images" if self.n > 1 else "")
