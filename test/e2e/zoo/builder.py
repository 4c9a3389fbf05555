# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes ONNX graphs the way exporters do, in as few words as the operators allow."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

Array = npt.NDArray[Any]
Sizes = dict[str, int]
Operand = str | npt.ArrayLike


@dataclass
class Input:
    """An input: strings in `shape` are free sizes; integers are drawn from 0 up to `limit`."""

    name: str
    shape: Sequence[int | str]
    dtype: np.dtype[Any]
    limit: int


class Net:
    """A graph under construction. `net.Relu(x)` adds a node; arrays among inputs are constants."""

    def __init__(self, opset: int = 17, sizes: Sizes | None = None) -> None:
        """Start an empty graph; `sizes` fixes free sizes of inputs."""
        self.opset = opset
        self.sizes = sizes or {}
        self.random = np.random.default_rng(0)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.inputs: list[Input] = []
        self.functions: list[onnx.FunctionProto] = []
        self.scope = ""

    def input(
        self, name: str, *shape: int | str, dtype: npt.DTypeLike = np.float32, limit: int = 2
    ) -> str:
        """Declare an input."""
        self.inputs.append(Input(name, shape, np.dtype(dtype), limit))
        return name

    def constant(self, value: npt.ArrayLike, name: str | None = None) -> str:
        """Add an initializer; lists of integers become int64."""
        array = np.asarray(value)
        if array.dtype == np.float64 and not isinstance(value, np.ndarray | np.generic):
            array = array.astype(np.float32)
        name = name or f"{self.scope}c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def weight(self, *shape: int, dtype: npt.DTypeLike = np.float32) -> str:
        """Add random numbers, scaled so that sums of products stay near one."""
        scale = 1 / math.sqrt(max(1, math.prod(shape[1:])))
        return self.constant((self.random.standard_normal(shape) * scale).astype(dtype))

    def many(self, op: str, outputs: int, *inputs: Operand, **attributes: Any) -> list[str]:
        """Add a node with several outputs."""
        base = f"{self.scope}v{len(self.nodes)}"
        names = [base] if outputs == 1 else [f"{base}_{i}" for i in range(outputs)]
        operands = [x if isinstance(x, str) else self.constant(x) for x in inputs]
        node = helper.make_node(op, operands, names, name=f"/{self.scope}{op}_{len(self.nodes)}")
        node.attribute.extend(helper.make_attribute(k, v) for k, v in attributes.items())
        self.nodes.append(node)
        return names

    def __getattr__(self, op: str) -> Callable[..., str]:
        """Return the function that adds a node of one output."""
        if not op[0].isupper():
            raise AttributeError(op)
        return lambda *inputs, **attributes: self.many(op, 1, *inputs, **attributes)[0]

    # What changed between opsets.

    def _axes(self, op: str, since: int, x: str, axes: Sequence[int], **attributes: Any) -> str:
        if self.opset < since:
            return self.many(op, 1, x, axes=list(axes), **attributes)[0]
        return self.many(op, 1, x, np.array(axes, np.int64), **attributes)[0]

    def squeeze(self, x: str, *axes: int) -> str:
        """Remove dimensions of size one."""
        return self._axes("Squeeze", 13, x, axes)

    def unsqueeze(self, x: str, *axes: int) -> str:
        """Insert dimensions of size one."""
        return self._axes("Unsqueeze", 13, x, axes)

    def reduce(self, op: str, x: str, *axes: int, keepdims: int = 1) -> str:
        """Reduce by "Mean", "Sum", "Max" and so on."""
        return self._axes(f"Reduce{op}", 13 if op == "Sum" else 18, x, axes, keepdims=keepdims)

    def split(self, x: str, sizes: Sequence[int], axis: int) -> list[str]:
        """Split into parts of the given sizes."""
        if self.opset < 13:
            return self.many("Split", len(sizes), x, split=list(sizes), axis=axis)
        return self.many("Split", len(sizes), x, np.array(sizes, np.int64), axis=axis)

    def slice(self, x: str, axis: int, start: Operand, end: Operand, step: int = 1) -> str:
        """Take `start:end:step` of one axis."""
        bounds = [b if isinstance(b, str) else np.array([b], np.int64) for b in (start, end)]
        return self.Slice(x, *bounds, np.array([axis], np.int64), np.array([step], np.int64))

    def size(self, x: str, axis: int, *, scalar: bool = False) -> str:
        """One size at run time, the way tracing writes it."""
        shape = self.Shape(x)
        if scalar:
            return self.Gather(shape, np.int64(axis), axis=0)
        return self.unsqueeze(self.Gather(shape, np.int64(axis), axis=0), 0)

    def concat_shape(self, *parts: str | int) -> str:
        """Join run-time sizes and numbers into a shape."""
        vectors = [p if isinstance(p, str) else self.constant([p]) for p in parts]
        return self.Concat(*vectors, axis=0)

    def view(self, x: str, *parts: str | int) -> str:
        """Reshape to run-time sizes and numbers."""
        if all(isinstance(p, int) for p in parts):
            return self.Reshape(x, np.array(parts, np.int64))
        return self.Reshape(x, self.concat_shape(*parts))

    def resize(
        self, x: str, *, scales: Operand = "", sizes: Operand = "", **attributes: Any
    ) -> str:
        """Resize; up to opset 12, what is absent is an empty constant rather than no name."""
        if self.opset >= 13:
            operands = [x, "", scales] + ([sizes] if not isinstance(sizes, str) or sizes else [])
            return self.Resize(*operands, **attributes)
        nothing = np.zeros(0, np.float32)
        if isinstance(sizes, str) and not sizes:
            return self.Resize(x, nothing, scales, **attributes)
        return self.Resize(x, nothing, nothing, sizes, **attributes)

    def softmax(self, x: str) -> str:
        """Softmax along the last axis."""
        return self.Softmax(x, axis=-1)

    def linear(self, x: str, into: int, out: int, *, bias: bool = True) -> str:
        """A linear layer on the last axis, as exported for more than two dimensions."""
        y = self.MatMul(x, self.weight(into, out))
        return self.Add(self.weight(out), y) if bias else y

    def layer_norm(self, x: str, width: int, epsilon: float = 1e-5) -> str:
        """Layer normalization: the operator from opset 17 on, its parts before."""
        if self.opset >= 17:
            return self.LayerNormalization(
                x, self.weight(width), self.weight(width), axis=-1, epsilon=epsilon
            )
        centred = self.Sub(x, self.reduce("Mean", x, -1))
        variance = self.reduce("Mean", self.Pow(centred, np.float32(2)), -1)
        y = self.Div(centred, self.Sqrt(self.Add(variance, np.float32(epsilon))))
        return self.Add(self.Mul(y, self.weight(width)), self.weight(width))

    def gelu(self, x: str) -> str:
        """Gelu by its parts."""
        y = self.Add(self.Erf(self.Div(x, np.float32(math.sqrt(2)))), np.float32(1))
        return self.Mul(self.Mul(x, y), np.float32(0.5))

    def conv(self, x: str, into: int, out: int, side: int = 1, **attributes: Any) -> str:
        """A two-dimensional convolution with a bias that keeps the size at stride 1."""
        group = attributes.get("group", 1)
        if "auto_pad" not in attributes:
            dilation = attributes.get("dilations", [1, 1])[0]
            attributes.setdefault("pads", [dilation * (side // 2)] * 4)
        attributes.setdefault("kernel_shape", [side, side])
        return self.Conv(
            x, self.weight(out, into // group, side, side), self.weight(out), **attributes
        )

    def batch_norm(self, x: str, width: int) -> str:
        """Batch normalization with statistics of its own."""
        variance = self.constant(self.random.uniform(0.5, 2, width).astype(np.float32))
        parts = [self.weight(width) for _ in range(3)]
        return self.BatchNormalization(x, *parts, variance, epsilon=1e-5)

    def conv_bn(self, x: str, into: int, out: int, side: int = 1, **attributes: Any) -> str:
        """Convolution, batch normalization, Relu."""
        return self.Relu(self.batch_norm(self.conv(x, into, out, side, **attributes), out))

    def build(self, outputs: Sequence[str], name: str = "zoo") -> onnx.ModelProto:
        """Finish the model."""
        declared = [
            helper.make_tensor_value_info(
                i.name,
                helper.np_dtype_to_tensor_dtype(i.dtype),
                [self.sizes.get(d, d) if isinstance(d, str) else d for d in i.shape],
            )
            for i in self.inputs
        ]
        results = [helper.make_empty_tensor_value_info(o) for o in outputs]
        graph = helper.make_graph(self.nodes, name, declared, results, self.constants)
        domains = {f.domain for f in self.functions}
        opsets = [helper.make_opsetid("", self.opset)] + [
            helper.make_opsetid(d, 1) for d in domains
        ]
        version = 7 if self.opset < 15 else 8 if self.opset < 19 else 10
        model = helper.make_model(
            graph, opset_imports=opsets, ir_version=version, functions=self.functions
        )
        return with_output_types(model)


def with_output_types(model: onnx.ModelProto) -> onnx.ModelProto:
    """Fill in the types of outputs, as exporters do and ONNX Runtime demands."""
    return onnx.shape_inference.infer_shapes(model, data_prop=True)


def values(net: Net, sizes: Sizes, seed: int) -> dict[str, Array]:
    """Inputs of a net for the given free sizes."""
    random = np.random.default_rng(seed)
    result: dict[str, Array] = {}
    for i in net.inputs:
        shape = [sizes[d] if isinstance(d, str) else d for d in i.shape]
        if i.dtype.kind in "iu":
            result[i.name] = random.integers(0, i.limit, shape).astype(i.dtype)
        elif i.dtype.kind == "b":
            result[i.name] = np.asarray(random.random(shape) < 0.6)
        else:
            result[i.name] = np.asarray(random.standard_normal(shape)).astype(i.dtype)
    return result


Build = Callable[[Net], str | list[str]]


@dataclass
class Case:
    """A graph, the free sizes with which it is called, and the opsets in which it is written."""

    build: Build
    calls: list[Sizes]
    opsets: Sequence[int]
    tolerance: tuple[float, float]

    def outputs(self, net: Net) -> list[str]:
        """Add the graph to `net`."""
        result = self.build(net)
        return [result] if isinstance(result, str) else result


# Relative, and absolute for outputs of magnitude 1: a few times the largest difference from ONNX
# Runtime that any case had with AVX2 (5e-7), so that a lost factor of ten in accuracy is seen.
F32 = (1e-6, 2e-6)


class Family:
    """Cases by name."""

    def __init__(self) -> None:
        """Start an empty family."""
        self.cases: dict[str, Case] = {}

    def __call__(
        self,
        *calls: Sizes,
        opsets: Sequence[int] = (12, 20),
        tolerance: tuple[float, float] = F32,
    ) -> Callable[[Build], Build]:
        """Register the decorated function as a case."""

        def register(build: Build) -> Build:
            self.cases[build.__name__] = Case(build, list(calls) or [{}], opsets, tolerance)
            return build

        return register


INT64 = TensorProto.INT64
FLOAT = TensorProto.FLOAT
