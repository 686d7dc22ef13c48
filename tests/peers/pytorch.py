"""PyTorch as an outside judge: random convolutions, results and all gradients.

  tests/peers/pytorch.py [--cases 200] [--seed 1]

Compared with PyTorch's f64: in f32 within the bound that the run states, in f64 within 1e-12 of
the sum of magnitudes. Not part of the normal tests; needs PyTorch for the CPU (Debian's
python3-torch) and numpy. TILEWRIGHT names the program.
"""
import argparse
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))
from measure import Checks, scratch, skip, tilewright

try:
    import numpy as np
    import torch
    from torch.nn import functional
except ImportError as e:
    skip(str(e))

MODES = {"zero": "constant", "reflect": "reflect", "replicate": "replicate", "circular": "circular"}


class Config:
    """A random convolution that PyTorch accepts."""

    def __init__(self, seed):
        r = random.Random(seed)
        self.seed = seed
        self.mode = r.choice(["zero", "zero", *MODES])
        self.groups = r.choice([1, 1, 1, 2, 3, 5])
        self.n = r.randint(1, 3)
        self.ci, self.co = (self.groups * r.randint(1, 9) for _ in "io")
        self.taps, self.stride, self.dilation, self.size, self.pad = [], [], [], [], []
        for _ in "yx":
            taps, dilation, size = r.randint(1, 5), r.choice([1, 1, 2, 3]), r.randint(4, 34)
            span = dilation * (taps - 1) + 1
            most = {"zero": 7, "replicate": 7, "reflect": size - 1, "circular": size}[self.mode]
            before, after = (r.randint(0, min(span, most)) for _ in "ba")
            while size + before + after < span:
                size += 1
            self.taps.append(taps)
            self.dilation.append(dilation)
            self.stride.append(r.choice([1, 1, 2, 3]))
            self.size.append(size)
            self.pad += [before, after]
        self.flip = r.random() < 0.2

    def options(self):
        pairs = [f"--stride={self.stride[0]},{self.stride[1]}",
                 f"--dilation={self.dilation[0]},{self.dilation[1]}",
                 "--padding=" + ",".join(map(str, self.pad)), f"--padding-mode={self.mode}",
                 f"--groups={self.groups}"]
        return pairs + (["--flip"] if self.flip else [])

    def tensors(self):
        r = np.random.default_rng(self.seed)
        return (r.standard_normal((self.n, self.ci, *self.size)),
                r.standard_normal((self.co, self.ci // self.groups, *self.taps)),
                r.standard_normal(self.co))

    def convolve(self, x, w, b):
        top, bottom, left, right = self.pad
        padded = functional.pad(x, (left, right, top, bottom), mode=MODES[self.mode])
        used = torch.flip(w, (2, 3)) if self.flip else w
        return functional.conv2d(padded, used, b, stride=self.stride, dilation=self.dilation,
                                 groups=self.groups)

    def by_torch(self, x, w, b, g=None):
        """Result and gradients in f64; `g` None stands for random."""
        x, w, b = (torch.tensor(np.asarray(t, np.float64), requires_grad=True) for t in (x, w, b))
        y = self.convolve(x, w, b)
        if g is None:
            g = np.random.default_rng(self.seed + 1).standard_normal(tuple(y.shape))
        y.backward(torch.tensor(np.asarray(g, np.float64)))
        values = {"dst": y, "src": x.grad, "weights": w.grad, "bias": b.grad}
        return {k: v.detach().numpy() for k, v in values.items()}, g


def by_tilewright(folder, config, x, w, b, g):
    for name, value in (("x", x), ("w", w), ("b", b), ("g", g)):
        np.save(folder / f"{name}.npy", value)
    file = {k: folder / f"{k}.npy" for k in ("x", "w", "b", "g", "dst", "src", "weights", "bias")}
    conv = tilewright("conv", file["x"], file["dst"], "--weights", file["w"], "--bias", file["b"],
                      *config.options(), "--json", "--quiet", "--overwrite").json()
    grad = tilewright("grad", file["x"], file["g"], "--weights", file["w"], *config.options(),
                      "--out-src", file["src"], "--out-weights", file["weights"], "--out-bias",
                      file["bias"], "--json", "--quiet", "--overwrite").json()
    bounds = {"dst": conv["bound"], **{k: r["bound"] for k, r in grad.items()}}
    return {k: np.load(file[k]).reshape(-1) for k in bounds}, bounds


def check(checks, folder, config, dtype, worst):
    x, w, b = (t.astype(dtype) for t in config.tensors())
    _, g = config.by_torch(x, w, b)
    g = g.astype(dtype)
    truth, _ = config.by_torch(x, w, b, g)
    # All terms positive: the sums of magnitudes.
    sizes, _ = config.by_torch(*(np.abs(t) for t in (x, w, b)), np.abs(g))
    found, bounds = by_tilewright(folder, config, x, w, b, g)
    for name, values in found.items():
        size = sizes[name].reshape(-1)
        allowed = (bounds[name] if dtype == np.float32 else 1e-12) * size + 1e-300
        ratio = float((np.abs(values - truth[name].reshape(-1)) / allowed).max())
        key = (name, np.dtype(dtype).name)
        worst[key] = max(worst.get(key, 0), ratio)
        checks.that(ratio <= 1, f"case {config.seed}, {key}: {ratio:.3g} of what is allowed; "
                                f"{config.options()} x{x.shape} w{w.shape}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    a = parser.parse_args()
    torch.set_num_threads(1)
    checks, worst = Checks(), {}
    with scratch() as folder:
        for seed in range(a.seed, a.seed + a.cases):
            for dtype in (np.float32, np.float64):
                check(checks, folder, Config(seed), dtype, worst)
    print(f"PyTorch {torch.__version__}, {a.cases} convolutions; worst error over what is allowed:")
    for (name, dtype), ratio in sorted(worst.items()):
        print(f"  {name:8} {dtype:8} {ratio:.3g}")
    checks.finish()


main()
