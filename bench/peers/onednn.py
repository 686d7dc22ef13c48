"""oneDNN 3 through its C interface, by ctypes: the library of the package `onednn`, or whatever
ONEDNN_LIBRARY names. All three passes; the layouts plain, channels-last and its own choice, each
without the time of reordering the tensors into it, which favours oneDNN.
"""
import ctypes
import math
import os
import sys
from ctypes import POINTER, byref, c_char_p, c_int, c_int64, c_size_t, c_void_p
from pathlib import Path

import numpy as np

# Of oneapi/dnnl/dnnl_types.h and dnnl_common_types.h; part of the stable interface of version 3.
F32, CPU, IN_ORDER, DIRECT, ALLOCATE = 3, 1, 1, 1, c_void_p(-1)
FORWARD = 96  # inference
TAG = {"own": 1, "plain": 5, "channels-last": 22, "goihw": 6}
ARG = {"x": 1, "w": 33, "y": 17, "dx": 129, "dw": 161, "g": 145, "from": 1, "to": 17}
QUERY = {"x": 129, "w": 131, "y": 133, "dx": 130, "dw": 132, "g": 134}
QUERY_IMPLEMENTATION = 8
LARGE_BYTES = 4 << 30  # of tensors of which there is room for one layout only
OUTPUT = {"forward": "y", "source": "dx", "weights": "dw"}


class Version(ctypes.Structure):
    """The beginning of dnnl_version_t."""

    _fields_ = [(name, c_int) for name in ("major", "minor", "patch")]


class Argument(ctypes.Structure):
    """dnnl_exec_arg_t"""

    _fields_ = [("arg", c_int), ("memory", c_void_p)]


def dims(values):
    return (c_int64 * 12)(*values)


def library():
    """The shared library. Raises OSError."""
    name = os.environ.get("ONEDNN_LIBRARY") or Path(sys.prefix) / "lib" / "libdnnl.so.3"
    lib = ctypes.CDLL(str(name))
    lib.dnnl_version.restype = POINTER(Version)
    lib.dnnl_primitive_desc_query_md.restype = c_void_p
    lib.dnnl_memory_desc_get_size.restype = c_size_t
    if lib.dnnl_version().contents.major != 3:
        raise OSError(f"{name} is not version 3 of oneDNN")
    return lib


class OneDnn:
    """Engine of engines.py."""

    def __init__(self, _):
        self.lib = library()
        v = self.lib.dnnl_version().contents
        self.name = f"onednn {v.major}.{v.minor}.{v.patch}"
        self.engine, self.stream = c_void_p(), c_void_p()
        self.call("engine_create", byref(self.engine), CPU, c_size_t(0))
        self.call("stream_create", byref(self.stream), self.engine, IN_ORDER)
        self.memories, self.primitives = [], []

    def call(self, name, *arguments):
        status = getattr(self.lib, "dnnl_" + name)(*arguments)
        if status == 1:
            raise MemoryError(f"oneDNN refuses memory in {name}")
        if status != 0:
            raise RuntimeError(f"oneDNN: {name} fails with status {status}")

    def describe(self, shape, tag):
        desc = c_void_p()
        self.call("memory_desc_create_with_tag", byref(desc), len(shape), dims(shape), F32, tag)
        return desc

    def memory(self, desc):
        result = c_void_p()
        self.call("memory_create", byref(result), desc, self.engine, ALLOCATE)
        self.memories.append(result)
        return result

    def handle(self, memory):
        data = c_void_p()
        self.call("memory_get_data_handle", memory, byref(data))
        return data

    def primitive(self, desc):
        result = c_void_p()
        self.call("primitive_create", byref(result), desc)
        self.primitives.append(result)
        return result

    def execute(self, primitive, memories):
        arguments = (Argument * len(memories))(
            *(Argument(ARG[name], m) for name, m in memories.items()))

        def run():
            self.call("primitive_execute", primitive, self.stream, len(memories), arguments)
            self.call("stream_wait", self.stream)
        return run

    def reorder(self, source, source_desc, target, target_desc):
        desc = c_void_p()
        self.call("reorder_primitive_desc_create", byref(desc), source_desc, self.engine,
                  target_desc, self.engine, None)
        self.execute(self.primitive(desc), {"from": source, "to": target})()

    def same(self, one, other):
        return bool(self.lib.dnnl_memory_desc_equal(one, other))

    def array(self, memory, shape):
        """A view of a memory that lies plainly."""
        count = math.prod(shape)
        data = (ctypes.c_float * count).from_address(self.handle(memory).value)
        return np.ctypeslib.as_array(data).reshape(shape)

    def destroy(self, memory):
        self.memories.remove(memory)
        self.lib.dnnl_memory_destroy(memory)

    def load(self, array, shape, tag, desc):
        """A memory of `desc` that holds a plain array."""
        plain = self.describe(shape, tag)
        first = self.memory(plain)
        self.array(first, shape)[...] = array.reshape(shape)
        if self.same(plain, desc):
            return first
        result = self.memory(desc)
        self.reorder(first, plain, result, desc)
        self.destroy(first)
        return result

    def store(self, memory, desc, shape, tag):
        plain = self.describe(shape, tag)
        if self.same(plain, desc):
            return self.array(memory, shape)
        result = self.memory(plain)
        self.reorder(memory, desc, result, plain)
        array = self.array(result, shape).copy()
        self.destroy(result)
        return array

    def convolution(self, p, tensors):
        """The primitive descriptor of the pass, for descriptors of its tensors by name."""
        geometry = (dims(p.stride), dims(d - 1 for d in p.dilation), dims(p.pads[0::2]),
                    dims(p.pads[1::2]))
        forward, desc = c_void_p(), c_void_p()
        x, w, y = (tensors[k] for k in "xwy")
        self.call("convolution_forward_primitive_desc_create", byref(forward), self.engine, FORWARD,
                  DIRECT, x, w, None, y, *geometry, None)
        if p.part == "forward":
            return forward
        if p.part == "source":
            self.call("convolution_backward_data_primitive_desc_create", byref(desc), self.engine,
                      DIRECT, x, w, y, *geometry, forward, None)
        else:
            self.call("convolution_backward_weights_primitive_desc_create", byref(desc),
                      self.engine, DIRECT, x, w, None, y, *geometry, forward, None)
        return desc

    def implementation(self, desc):
        name = c_char_p()
        self.call("primitive_desc_query", desc, QUERY_IMPLEMENTATION, 0, byref(name))
        return name.value.decode("ascii", "replace")

    def variant(self, p, tensors, tag):
        """One layout: its name, the function that runs it and the one that fetches the result."""
        x, w, y = p.shapes()
        plain_w = TAG["plain"]
        if p.groups > 1:
            w, plain_w = (p.groups, p.co // p.groups, *w[1:]), TAG["goihw"]
        shapes = {"x": x, "w": w, "y": y, "g": y, "dx": x, "dw": w}
        plain = {k: plain_w if k in ("w", "dw") else TAG["plain"] for k in shapes}
        desc = self.convolution(p, {"x": self.describe(x, TAG[tag]),
                                    "w": self.describe(w, TAG["own"]),
                                    "y": self.describe(y, TAG[tag])})
        out = OUTPUT[p.part]
        chosen = {k: c_void_p(self.lib.dnnl_primitive_desc_query_md(desc, QUERY[k], 0))
                  for k in (*p.operands(), out)}
        memories = {k: self.load(tensors[k], shapes[k], plain[k], chosen[k]) for k in p.operands()}
        memories[out] = self.memory(chosen[out])
        run = self.execute(self.primitive(desc), memories)
        fetch = lambda _: self.store(memories[out], chosen[out], shapes[out], plain[out])
        return f"{tag} {self.implementation(desc)}", run, fetch

    def prepare(self, p, tensors):
        whole = sum(4 * math.prod(shape) for shape in p.shapes())
        for tag in ("plain", "channels-last", "own") if whole < LARGE_BYTES else ("plain",):
            yield self.variant(p, tensors, tag)

    def drop(self):
        for primitive in self.primitives:
            self.lib.dnnl_primitive_destroy(primitive)
        for memory in self.memories:
            self.lib.dnnl_memory_destroy(memory)
        self.memories, self.primitives = [], []
