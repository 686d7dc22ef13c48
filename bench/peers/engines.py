"""What other libraries make of a convolution: each engine prepares a pass of a problem once and
returns a function that runs it. Engines whose package is missing are not there.
"""
import re
from collections.abc import Mapping

import numpy as np


class Problem:
    """A forward problem line, as numbers."""

    def __init__(self, line):
        self.line = line
        words = line.split()[1:]
        value = lambda key, default: next(
            (w[len(key):] for w in words if re.fullmatch(rf"{key}\d[\dx,]*", w)), default)
        pair = lambda key: tuple(int(v) for v in value(key, "1x1").split("x"))
        self.n, self.ci, self.co = (int(value(k, "1")) for k in ("n", "ci", "co"))
        self.y, self.x = int(value("y", "1")), int(value("x", "1"))
        self.groups = int(value("g", "1"))
        self.taps, self.stride, self.dilation = pair("k"), pair("s"), pair("d")
        self.pads = [int(v) for v in value("p", "0,0,0,0").split(",")]  # top, bottom, left, right
        span = [d * (k - 1) + 1 for d, k in zip(self.dilation, self.taps)]
        self.out = ((self.y + self.pads[0] + self.pads[1] - span[0]) // self.stride[0] + 1,
                    (self.x + self.pads[2] + self.pads[3] - span[1]) // self.stride[1] + 1)

    def flop(self):
        return (2 * self.n * self.co * self.out[0] * self.out[1] * self.ci // self.groups
                * self.taps[0] * self.taps[1])

    def tensors(self):
        """Source, weights and gradient of the result."""
        r = np.random.default_rng(1)
        shapes = ((self.n, self.ci, self.y, self.x),
                  (self.co, self.ci // self.groups, *self.taps), (self.n, self.co, *self.out))
        return [r.uniform(-1, 1, s).astype(np.float32) for s in shapes]

    def line_of(self, part):
        """The problem line of a pass."""
        if part == "forward":
            return self.line
        words = " ".join(self.line.split()[1:])
        if part == "weights":
            return f"conv2d_weights {words}"
        words = re.sub(r"\by\d+ x\d+\b", f"y{self.out[0]} x{self.out[1]} o{self.y}x{self.x}", words)
        swapped = re.sub(r"\bci(\d+)\b(.*)\bco(\d+)\b", r"ci\3\2co\1", words)
        return f"conv2d_transpose {swapped}"


def array_of(result):
    """A forward result as an array, whatever container an engine returns it in."""
    if isinstance(result, tuple):  # status, result
        result = result[1]
    elif isinstance(result, list):
        result = result[0]
    elif isinstance(result, Mapping):
        result = next(iter(result.values()))
    return np.asarray(result, np.float32).reshape(-1)


class Torch:
    """PyTorch, whose convolutions are oneDNN's; the better of plain and channels-last."""

    name = "pytorch"

    def __init__(self, threads):
        import torch
        self.torch = torch
        torch.set_num_threads(threads)
        self.name = f"pytorch {torch.__version__}"

    def prepare(self, p, part):
        torch = self.torch
        x, w, g = (torch.from_numpy(t) for t in p.tensors())
        top, bottom, left, right = p.pads
        if top != bottom or left != right:
            return []
        args = (None, p.stride, (top, left), p.dilation)
        mask = {"source": [True, False, False], "weights": [False, True, False]}

        def run(x, w, g):
            with torch.no_grad():
                if part == "forward":
                    return torch.nn.functional.conv2d(x, w, *args, p.groups)
                return torch.ops.aten.convolution_backward(g, x, w, [0], *args[1:], False, [0, 0],
                                                           p.groups, mask[part])
        last = [t.contiguous(memory_format=torch.channels_last) for t in (x, w, g)]
        return [lambda: run(x, w, g), lambda: run(*last)]


def onnx_model(p, w):
    """A model of one convolution, serialized."""
    import onnx
    h, dtype = onnx.helper, onnx.TensorProto.FLOAT
    top, bottom, left, right = p.pads
    node = h.make_node("Conv", ["x", "w"], ["y"], strides=p.stride, dilations=p.dilation,
                       group=p.groups, pads=[top, left, bottom, right])
    graph = h.make_graph([node], "g", [h.make_tensor_value_info("x", dtype, (p.n, p.ci, p.y, p.x))],
                         [h.make_tensor_value_info("y", dtype, (p.n, p.co, *p.out))],
                         [onnx.numpy_helper.from_array(w, "w")])
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", 17)], ir_version=9)
    return model.SerializeToString()


class OnnxRuntime:
    """ONNX Runtime's own kernels (MLAS); forward only, weights prepared beforehand."""

    def __init__(self, threads):
        import onnx  # noqa: F401
        import onnxruntime
        self.ort, self.threads = onnxruntime, threads
        self.name = f"onnxruntime {onnxruntime.__version__}"

    def prepare(self, p, part):
        if part != "forward":
            return []
        x, w, _ = p.tensors()
        options = self.ort.SessionOptions()
        options.intra_op_num_threads = self.threads
        session = self.ort.InferenceSession(onnx_model(p, w), options,
                                            providers=["CPUExecutionProvider"])
        return [lambda: session.run(None, {"x": x})]


class OpenVino:
    """OpenVINO, which carries the newest oneDNN; forward only, weights prepared beforehand."""

    def __init__(self, threads):
        import onnx  # noqa: F401
        import openvino
        self.openvino, self.threads = openvino, threads
        self.name = "openvino " + openvino.__version__.split("-")[0]

    def prepare(self, p, part):
        if part != "forward":
            return []
        x, w, _ = p.tensors()
        core = self.openvino.Core()
        compiled = core.compile_model(core.read_model(onnx_model(p, w)), "CPU", {
            "INFERENCE_NUM_THREADS": self.threads, "INFERENCE_PRECISION_HINT": "f32",
            "PERFORMANCE_HINT": "LATENCY"})
        request = compiled.create_infer_request()
        request.set_input_tensor(self.openvino.Tensor(x))
        return [request.infer]


class Ncnn:
    """ncnn, with its Winograd kernels; forward only, one image, weights prepared beforehand."""

    def __init__(self, threads):
        import ncnn
        self.ncnn, self.threads = ncnn, threads
        self.name = f"ncnn {ncnn.__version__}"

    def prepare(self, p, part):
        if part != "forward" or p.n != 1:
            return []
        x, w, _ = p.tensors()
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
        return [run]


class SciPy:
    """scipy.signal.oaconvolve, one channel."""

    def __init__(self, _):
        import scipy
        from scipy import signal
        self.convolve, self.name = signal.oaconvolve, f"scipy {scipy.__version__}"

    def prepare(self, p, part):
        plain = p.ci == p.co == 1 and p.stride == p.dilation == (1, 1)
        if part != "forward" or not plain or min(p.taps) < 5:
            return []
        x, w, _ = p.tensors()
        return [lambda: self.convolve(x[0, 0], w[0, 0, ::-1, ::-1], mode="same")]


def present(threads):
    """The engines whose packages are installed."""
    found = []
    for engine in (Torch, OpenVino, OnnxRuntime, Ncnn, SciPy):
        try:
            found.append(engine(threads))
        except ImportError:
            continue
    return found
