"""What other libraries make of a convolution. An engine has a name, prepares a pass of a problem
(`prepare` yields variants: a name, a function that runs once, and one that makes an array of its
result) and lets go of it (`drop`). Each runs in a process of its own; see worker.py.
"""
import re

import numpy as np

from onednn import OneDnn


class Unfit(Exception):
    """The library has no such pass or layer."""


def same(result):
    return result


def symmetric(p):
    return p.pads[0] == p.pads[1] and p.pads[2] == p.pads[3]


class Torch:
    """PyTorch, whose convolutions are oneDNN's; plain and channels-last."""

    def __init__(self, threads):
        import torch
        self.torch = torch
        torch.set_num_threads(threads)
        inside = re.search(r"MKL-DNN v?(\d[\d.]*)", torch.__config__.show())
        version = torch.__version__.split("a")[0].split("+")[0]
        self.name = f"pytorch {version}" + (f" (oneDNN {inside[1]})" if inside else "")

    def prepare(self, p, tensors):
        torch = self.torch
        if not symmetric(p):
            raise Unfit("pads alike on both sides only")
        have = {k: torch.from_numpy(t) for k, t in tensors.items()}
        # Only the shape of the tensor that a gradient does not read matters.
        missing = {k: torch.empty(s) for k, s in zip("xwg", p.shapes()) if k not in have}
        args = (None, p.stride, (p.pads[0], p.pads[2]), p.dilation)
        mask = {"source": [True, False, False], "weights": [False, True, False]}

        def run(x, w, g):
            with torch.no_grad():
                if p.part == "forward":
                    return torch.nn.functional.conv2d(x, w, *args, p.groups)
                return torch.ops.aten.convolution_backward(g, x, w, [0], *args[1:], False, [0, 0],
                                                           p.groups, mask[p.part])

        def array(result):
            value = result if p.part == "forward" else result[0 if p.part == "source" else 1]
            return value.contiguous().numpy()
        plain = {**have, **missing}
        yield "plain", lambda: run(**plain), array
        last = {k: t.contiguous(memory_format=torch.channels_last) for k, t in plain.items()}
        yield "channels-last", lambda: run(**last), array

    def drop(self):
        """Its memory goes with the functions."""


def onnx_model(p, w):
    """A model of one convolution, or of its gradient of the source, serialized; the names of the
    input and its shape."""
    import onnx
    h, dtype = onnx.helper, onnx.TensorProto.FLOAT
    top, bottom, left, right = p.pads
    more, kind = {}, "Conv"
    x, _, y = p.shapes()
    if p.part == "source":
        kind, x, y = "ConvTranspose", y, x
        full = [(o - 1) * s + d * (k - 1) + 1 for o, s, d, k in
                zip(p.out, p.stride, p.dilation, p.taps)]
        more["output_padding"] = [p.y + top + bottom - full[0], p.x + left + right - full[1]]
        if any(v >= s for v, s in zip(more["output_padding"], p.stride)):
            raise Unfit("elements that no tap reaches")
    node = h.make_node(kind, ["x", "w"], ["y"], strides=p.stride, dilations=p.dilation,
                       group=p.groups, pads=[top, left, bottom, right], **more)
    graph = h.make_graph([node], "g", [h.make_tensor_value_info("x", dtype, x)],
                         [h.make_tensor_value_info("y", dtype, y)],
                         [onnx.numpy_helper.from_array(w, "w")])
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", 17)], ir_version=9)
    return model.SerializeToString()


class OnnxRuntime:
    """ONNX Runtime's own kernels (MLAS); weights prepared beforehand."""

    def __init__(self, threads):
        import onnx  # noqa: F401
        import onnxruntime
        self.ort, self.threads = onnxruntime, threads
        onnxruntime.set_default_logger_severity(3)
        self.name = f"onnxruntime {onnxruntime.__version__}"

    def prepare(self, p, tensors):
        if p.part == "weights":
            raise Unfit("no gradients of weights")
        options = self.ort.SessionOptions()
        options.intra_op_num_threads = self.threads
        session = self.ort.InferenceSession(onnx_model(p, tensors["w"]), options,
                                            providers=["CPUExecutionProvider"])
        x = tensors["x" if p.part == "forward" else "g"]
        yield "plain", lambda: session.run(None, {"x": x}), lambda r: r[0]

    def drop(self):
        """Its memory goes with the functions."""


class OpenVino:
    """OpenVINO, with a branch of oneDNN 3 inside; weights prepared beforehand."""

    def __init__(self, threads):
        import onnx  # noqa: F401
        import openvino
        self.openvino, self.threads = openvino, threads
        self.name = "openvino " + openvino.__version__.split("-")[0]

    def prepare(self, p, tensors):
        if p.part == "weights":
            raise Unfit("no gradients of weights")
        core = self.openvino.Core()
        compiled = core.compile_model(core.read_model(onnx_model(p, tensors["w"])), "CPU", {
            "INFERENCE_NUM_THREADS": self.threads, "INFERENCE_PRECISION_HINT": "f32",
            "PERFORMANCE_HINT": "LATENCY"})
        request = compiled.create_infer_request()
        request.set_input_tensor(
            self.openvino.Tensor(tensors["x" if p.part == "forward" else "g"]))
        yield "plain", request.infer, lambda r: next(iter(r.values()))

    def drop(self):
        """Its memory goes with the functions."""


class Ncnn:
    """ncnn, with its Winograd kernels; forward only, one image, weights prepared beforehand."""

    def __init__(self, threads):
        import ncnn
        self.ncnn, self.threads, self.held = ncnn, threads, None
        self.name = f"ncnn {ncnn.__version__}"

    def prepare(self, p, tensors):
        if p.part != "forward" or p.n != 1:
            raise Unfit("one image, forward only")
        x, w = tensors["x"], tensors["w"]
        top, bottom, left, right = p.pads
        kind = "ConvolutionDepthWise" if p.groups > 1 else "Convolution"
        param = (f"7767517\n2 2\nInput data 0 1 data\n{kind} conv 1 1 data out 0={p.co} "
                 f"1={p.taps[1]} 11={p.taps[0]} 2={p.dilation[1]} 12={p.dilation[0]} "
                 f"3={p.stride[1]} 13={p.stride[0]} 4={left} 15={right} 14={top} 16={bottom} "
                 f"5=0 6={w.size} 7={p.groups}\n")
        net = self.ncnn.Net()
        net.opt.num_threads = self.threads
        net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
        net.opt.use_bf16_storage = False
        net.load_param_mem(param)
        self.held = np.concatenate([np.zeros(1, np.uint32).view(np.float32), w.reshape(-1)])
        net.load_model_mem(self.held.tobytes())

        def run():
            extractor = net.create_extractor()
            extractor.input("data", self.ncnn.Mat(x[0]))
            return extractor.extract("out")
        yield "plain", run, lambda r: np.asarray(r[1])

    def drop(self):
        self.held = None


class SciPy:
    """scipy.signal.oaconvolve in f32, channel by channel; kernels of 5 x 5 and more."""

    MOST_PLANES = 1024

    def __init__(self, threads):
        import scipy
        from scipy import fft, signal
        self.convolve, self.fft, self.threads = signal.oaconvolve, fft, threads
        self.name = f"scipy {scipy.__version__}"

    def prepare(self, p, tensors):
        planes = p.n * p.co * (p.ci // p.groups)
        if p.stride != (1, 1) or p.dilation != (1, 1) or min(p.taps) < 5:
            raise Unfit("large kernels of stride 1 only")
        if planes > self.MOST_PLANES:
            raise Unfit(f"{planes} convolutions of planes")
        forms = {"forward": self.forward, "source": self.source, "weights": self.weights}
        yield "f32", self.threaded(p, forms[p.part], tensors), same

    def threaded(self, p, form, tensors):
        shape = dict(zip(("source", "weights", "forward"), p.shapes()))[p.part]

        def run():
            result = np.zeros(shape, np.float32)
            with self.fft.set_workers(self.threads):
                for image in range(p.n):
                    for o in range(p.co):
                        for i in range(p.ci // p.groups):
                            c = o // (p.co // p.groups) * (p.ci // p.groups) + i
                            form(p, tensors, result, (image, o, i, c))
            return result
        return run

    def padded(self, p, x):
        return np.pad(x, (p.pads[:2], p.pads[2:])) if any(p.pads) else x

    def forward(self, p, t, result, place):
        n, o, i, c = place
        centred = all(2 * before + 1 == k and before == after for before, after, k in
                      ((*p.pads[:2], p.taps[0]), (*p.pads[2:], p.taps[1])))
        whole = centred and p.taps[0] <= p.y and p.taps[1] <= p.x
        x, w = t["x"][n, c], t["w"][o, i, ::-1, ::-1]
        result[n, o] += (self.convolve(x, w, mode="same") if whole else
                         self.convolve(self.padded(p, x), w, mode="full")[self.valid(p)])

    @staticmethod
    def valid(p):
        return tuple(slice(k - 1, k - 1 + out) for k, out in zip(p.taps, p.out))

    def source(self, p, t, result, place):
        n, o, i, c = place
        full = self.convolve(t["g"][n, o], t["w"][o, i], mode="full")
        result[n, c] += full[p.pads[0]:p.pads[0] + p.y, p.pads[2]:p.pads[2] + p.x]

    def weights(self, p, t, result, place):
        n, o, i, c = place
        x = self.padded(p, t["x"][n, c])
        full = self.convolve(x, t["g"][n, o, ::-1, ::-1], mode="full")
        result[o, i] += full[p.out[0] - 1:p.out[0] - 1 + p.taps[0],
                             p.out[1] - 1:p.out[1] - 1 + p.taps[1]]

    def drop(self):
        """Holds nothing."""


class Vips:
    """libvips by pyvips; one channel, forward only, the border of zeros made beforehand."""

    def __init__(self, threads):
        import os
        os.environ["VIPS_CONCURRENCY"] = str(threads)
        import pyvips
        self.vips = pyvips
        pyvips.cache_set_max(0)
        self.name = "vips " + ".".join(str(pyvips.version(i)) for i in range(3))

    def prepare(self, p, tensors):
        plain = p.ci == p.co == p.n == 1 and p.stride == p.dilation == (1, 1)
        if p.part != "forward" or not plain:
            raise Unfit("one channel, forward only")
        if p.taps[0] * p.taps[1] > 1500:
            raise Unfit("sums tap by tap, which takes minutes here")
        x, w = tensors["x"][0, 0], tensors["w"][0, 0]
        mask = self.vips.Image.new_from_array(w.tolist())
        image = self.vips.Image.new_from_memory(x.tobytes(), p.x, p.y, 1, "float")
        height, width = p.y + p.pads[0] + p.pads[1], p.x + p.pads[2] + p.pads[3]
        image = image.embed(p.pads[2], p.pads[0], width, height, extend="black").copy_memory()
        left, top = p.taps[1] // 2, p.taps[0] // 2

        def run():
            done = image.conv(mask, precision="float")
            return done.crop(left, top, p.out[1], p.out[0]).write_to_memory()
        yield "float", run, lambda r: np.frombuffer(r, np.float32)

    def drop(self):
        """Its memory goes with the functions."""


ENGINES = {"onednn": OneDnn, "pytorch": Torch, "openvino": OpenVino, "onnxruntime": OnnxRuntime,
           "ncnn": Ncnn, "scipy": SciPy, "vips": Vips}
