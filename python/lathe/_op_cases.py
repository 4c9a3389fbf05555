# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operators of given sizes, each as a small ONNX model with what it computes and moves at least.

`make(op, sizes)` reads sizes as `lathe bench --ops` takes them: "128x768x3072" of a matmul.
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from lathe._compare import STANDARD, Tolerance
from lathe._inputs import Array
from lathe._onnx_writer import Node, Tensor, write_model

# Of inputs, weights and output: protobuf holds no more in one model.
_MOST_BYTES = 2**31 - 2**20
_BLOCK = 32  # Weights of a row of matmul_int4 that have one scale.
_GROUPS = 32  # Of group_norm, as in diffusion models.
_EPSILON = 1e-5
_OPSET = 18


class SizesError(ValueError):
    """Sizes that an operator cannot have."""


@dataclass(frozen=True)
class Case:
    """An operator of some sizes.

    `operations` are the multiplications and additions of its sums of products, as the definition
    has them; 0 for what only moves, reduces or maps elements. Weights are drawn with `scales` as
    their standard deviations; `parameters` are given. `numbers` are what engines that read no
    ONNX call it with: strides, pads and groups of a convolution, axes of a reduction.
    """

    op: str
    sizes: str
    inputs: tuple[Tensor, ...]
    output: Tensor
    nodes: tuple[Node, ...]
    weights: tuple[Tensor, ...] = ()
    scales: Mapping[str, float] = field(default_factory=dict)
    parameters: Mapping[str, Array] = field(default_factory=dict)
    numbers: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    operations: int = 0
    opset: int = _OPSET
    tolerance: Tolerance = STANDARD

    @property
    def name(self) -> str:
        """Operator and sizes, as `--ops` takes them."""
        return f"{self.op}:{self.sizes}"

    @property
    def moved(self) -> int:
        """Bytes of inputs, weights and output, which move once each; not of parameters."""
        return sum(t.size for t in (*self.inputs, *self.weights, self.output))

    def constants(self) -> dict[str, Array]:
        """Draw the weights, the same in every process, by name."""
        return {tensor.name: self._draw(tensor) for tensor in self.weights}

    def _draw(self, tensor: Tensor) -> Array:
        key = f"{self.name}:{tensor.name}"
        rng = np.random.Generator(np.random.PCG64(zlib.crc32(key.encode())))
        dtype = np.dtype(tensor.dtype)
        if dtype.kind in "iu":
            low, high = (-127, 128) if dtype.kind == "i" else (0, 256)
            return rng.integers(low, high, tensor.shape, dtype=dtype)
        values = rng.standard_normal(tensor.shape, dtype=np.float32)
        if tensor.name == "scales":  # A scale is positive.
            values = np.abs(values) + np.float32(0.5)
        return (values * np.float32(self.scales.get(tensor.name, 1.0))).astype(dtype)

    def model(self) -> bytes:
        """Return the ONNX model."""
        constants = {**self.constants(), **self.parameters}
        return write_model(self.nodes, self.inputs, [self.output], constants, self.opset)


@dataclass(frozen=True)
class Op:
    """An operator: how its sizes are written, what they mean, and what makes its cases."""

    form: str
    about: str
    make: Callable[[str, str], Case]


def make(op: str, sizes: str) -> Case:
    """Return the case of an operator in OPS.

    Raises SizesError for sizes that are not in its form, that do not fit each other, or whose
    tensors have 2 GiB or more.
    """
    case = OPS[op].make(op, sizes)
    if case.moved > _MOST_BYTES:
        raise SizesError(
            f"{case.name} has tensors of {case.moved} bytes; at most {_MOST_BYTES} are expected"
        )
    return case


def _floats(name: str, *shape: int) -> Tensor:
    return Tensor(name, "float32", shape)


def _wrong(op: str, sizes: str, what: str = "") -> SizesError:
    known = OPS[op]
    what = what or f"sizes are not {known.form}"
    return SizesError(f"{op}:{sizes}: {what} ({known.about})")


def _dims(op: str, sizes: str, ranks: Sequence[int] = range(1, 9)) -> tuple[int, ...]:
    """Read "12x128x64", whose rank is one of `ranks`; a dim is at least 1."""
    if not re.fullmatch(r"[1-9][0-9]{0,9}(x[1-9][0-9]{0,9})*", sizes):
        raise _wrong(op, sizes)
    dims = tuple(map(int, sizes.split("x")))
    if len(dims) not in ranks:
        raise _wrong(op, sizes)
    return dims


def _dims_and_axes(op: str, sizes: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Read "12x128x64@02": a shape, and axes of it, a digit each."""
    shape, at, digits = sizes.partition("@")
    if not at or not re.fullmatch(r"[0-9]+", digits):
        raise _wrong(op, sizes)
    dims, axes = _dims(op, shape), tuple(map(int, digits))
    if len(set(axes)) < len(axes) or max(axes) >= len(dims):
        raise _wrong(op, sizes, f"axes are different digits from 0 to {len(dims) - 1} here")
    return dims, axes


def _matmul(op: str, sizes: str) -> Case:
    *batch, m, k, n = _dims(op, sizes, (3, 4))
    x, y = _floats("x", *batch, m, k), _floats("y", *batch, m, n)
    right = _floats("w", *batch, k, n)
    return Case(
        op,
        sizes,
        inputs=(x, right) if batch else (x,),
        output=y,
        nodes=(Node("MatMul", ["x", "w"], ["y"]),),
        weights=() if batch else (right,),
        scales={"w": k**-0.5},
        operations=2 * math.prod(batch) * m * k * n,
    )


@dataclass(frozen=True)
class _Window:
    """A convolution of one image: "64x56x56-64k3s2g1", or "64x56x56-k3s2" if it is depthwise."""

    image: tuple[int, ...]
    filters: int
    taps: int
    stride: int
    groups: int

    @staticmethod
    def read(op: str, sizes: str) -> _Window:
        number = r"([1-9][0-9]{0,9})"
        last = f"k{number}" if op == "depthwise" else f"{number}k{number}"
        pattern = rf"([0-9x]+)-{last}(?:s{number})?" + (
            "" if op == "depthwise" else rf"(?:g{number})?"
        )
        found = re.fullmatch(pattern, sizes)
        if not found:
            raise _wrong(op, sizes)
        image = _dims(op, found[1], (3,))
        numbers = [int(text or 1) for text in found.groups()[1:]]
        if op == "depthwise":
            numbers = [image[0], *numbers, image[0]]
        window = _Window(image, *numbers)
        if image[0] % window.groups or window.filters % window.groups:
            counts = f"{image[0]} channels and {window.filters} filters"
            raise _wrong(op, sizes, f"{window.groups} groups do not divide {counts}")
        return window

    @property
    def weights(self) -> tuple[int, ...]:
        return (self.filters, self.image[0] // self.groups, self.taps, self.taps)

    @property
    def result(self) -> tuple[int, ...]:
        around = 2 * (self.taps // 2) - self.taps
        return (1, self.filters, *((s + around) // self.stride + 1 for s in self.image[1:]))

    @property
    def operations(self) -> int:
        return 2 * math.prod(self.result) * math.prod(self.weights[1:])

    @property
    def attributes(self) -> dict[str, int | Sequence[int]]:
        return {
            "kernel_shape": [self.taps] * 2,
            "strides": [self.stride] * 2,
            "pads": [self.taps // 2] * 4,
            "group": self.groups,
        }

    @property
    def numbers(self) -> dict[str, tuple[int, ...]]:
        return {
            "stride": (self.stride,) * 2,
            "padding": (self.taps // 2,) * 2,
            "groups": (self.groups,),
        }


def _conv(op: str, sizes: str) -> Case:
    window = _Window.read(op, sizes)
    return Case(
        op,
        sizes,
        inputs=(_floats("x", 1, *window.image),),
        output=_floats("y", *window.result),
        nodes=(Node("Conv", ["x", "w", "b"], ["y"], window.attributes),),
        weights=(_floats("w", *window.weights), _floats("b", window.filters)),
        scales={"w": math.prod(window.weights[1:]) ** -0.5},
        numbers=window.numbers,
        operations=window.operations,
    )


def _attention(op: str, sizes: str) -> Case:
    *batch, heads, queries, keys, width = _dims(op, sizes, (4, 5))
    front = (*(batch or [1]), heads)
    q, y = (_floats(name, *front, queries, width) for name in "qy")
    k, v = (_floats(name, *front, keys, width) for name in "kv")
    return Case(
        op,
        sizes,
        inputs=(q, k, v),
        output=y,
        nodes=(Node("Attention", ["q", "k", "v"], ["y"]),),
        operations=4 * math.prod(front) * queries * keys * width,
        opset=23,
    )


def _row_norm(op: str, sizes: str) -> Case:
    dims = _dims(op, sizes)
    names = ["w", "b"] if op == "layer_norm" else ["w"]
    kind = "LayerNormalization" if op == "layer_norm" else "RMSNormalization"
    return Case(
        op,
        sizes,
        inputs=(_floats("x", *dims),),
        output=_floats("y", *dims),
        nodes=(Node(kind, ["x", *names], ["y"], {"axis": -1, "epsilon": _EPSILON}),),
        weights=tuple(_floats(name, dims[-1]) for name in names),
        opset=_OPSET if op == "layer_norm" else 23,
    )


def _image_norm(op: str, sizes: str) -> Case:
    dims = _dims(op, sizes, range(3, 6))
    kind, attributes, opset = "InstanceNormalization", {"epsilon": _EPSILON}, _OPSET
    if op == "group_norm":
        if dims[1] % _GROUPS:
            raise _wrong(op, sizes, f"{_GROUPS} groups do not divide {dims[1]} channels")
        kind, opset = "GroupNormalization", 21
        attributes["num_groups"] = _GROUPS
    return Case(
        op,
        sizes,
        inputs=(_floats("x", *dims),),
        output=_floats("y", *dims),
        nodes=(Node(kind, ["x", "w", "b"], ["y"], attributes),),
        weights=(_floats("w", dims[1]), _floats("b", dims[1])),
        numbers={"groups": (_GROUPS,)},
        opset=opset,
    )


def _softmax(op: str, sizes: str) -> Case:
    dims = _dims(op, sizes)
    node = Node("Softmax", ["x"], ["y"], {"axis": -1})
    return Case(op, sizes, (_floats("x", *dims),), _floats("y", *dims), (node,))


def _reduction(op: str, sizes: str) -> Case:
    dims, axes = _dims_and_axes(op, sizes)
    kept = tuple(dim for i, dim in enumerate(dims) if i not in axes)
    kind = {"reduce_sum": "ReduceSum", "reduce_mean": "ReduceMean", "reduce_max": "ReduceMax"}
    return Case(
        op,
        sizes,
        inputs=(_floats("x", *dims),),
        output=_floats("y", *kept),
        nodes=(Node(kind[op], ["x", "axes"], ["y"], {"keepdims": 0}),),
        parameters={"axes": np.array(axes, np.int64)},
        numbers={"axes": axes},
    )


def _arg_max(op: str, sizes: str) -> Case:
    dims, axes = _dims_and_axes(op, sizes)
    if len(axes) > 1:
        raise _wrong(op, sizes, "there is one axis")
    kept = tuple(dim for i, dim in enumerate(dims) if i not in axes)
    node = Node("ArgMax", ["x"], ["y"], {"axis": axes[0], "keepdims": 0})
    y = Tensor("y", "int64", kept)
    return Case(op, sizes, (_floats("x", *dims),), y, (node,), numbers={"axes": axes})


_MAPS = {"relu": "Relu", "gelu": "Gelu", "tanh": "Tanh", "exp": "Exp", "sigmoid": "Sigmoid"}
_BINARY = {"add": "Add", "mul": "Mul"}


def _elementwise(op: str, sizes: str) -> Case:
    dims = _dims(op, sizes)
    names = ["x", "z"] if op in _BINARY else ["x"]
    nodes = [Node(_BINARY.get(op) or _MAPS.get(op, "Sigmoid"), names, ["y"])]
    if op == "silu":
        nodes = [Node("Sigmoid", ["x"], ["s"]), Node("Mul", ["x", "s"], ["y"])]
    return Case(
        op,
        sizes,
        inputs=tuple(_floats(name, *dims) for name in names),
        output=_floats("y", *dims),
        nodes=tuple(nodes),
        opset=20 if op == "gelu" else _OPSET,
    )


def _transpose(op: str, sizes: str) -> Case:
    dims, order = _dims_and_axes(op, sizes)
    if len(order) != len(dims):
        raise _wrong(op, sizes, f"the order has {len(order)} of {len(dims)} axes")
    node = Node("Transpose", ["x"], ["y"], {"perm": order})
    y = _floats("y", *(dims[axis] for axis in order))
    return Case(op, sizes, (_floats("x", *dims),), y, (node,), numbers={"axes": order})


def _quantized(op: str, kind: str, sizes: str, fitting: Case, axis: int) -> Case:
    """The operator of `fitting` on codes of 8 bits: u8 in and out, s8 weights with a scale for each
    of their columns or filters, as quantized models have it.
    """
    (x,), (weights, *_) = fitting.inputs, fitting.weights
    terms = fitting.operations // (2 * math.prod(fitting.output.shape))
    columns = weights.shape[axis]
    # Activations from -2 to 2, weights that make results of about the same size.
    step = 2 / 128
    scales = np.full(columns, 1 / (73.6 * math.sqrt(terms)), np.float32)
    nodes = [
        Node("DequantizeLinear", ["x", "step", "zero"], ["xf"]),
        Node("DequantizeLinear", ["w", "scales_w", "zeros_w"], ["wf"], {"axis": axis}),
        Node(kind, ["xf", "wf"], ["yf"], fitting.nodes[0].attributes),
        Node("QuantizeLinear", ["yf", "step", "zero"], ["y"]),
    ]
    return Case(
        op,
        sizes,
        inputs=(Tensor("x", "uint8", x.shape),),
        output=Tensor("y", "uint8", fitting.output.shape),
        nodes=tuple(nodes),
        weights=(Tensor("w", "int8", weights.shape),),
        parameters={
            "step": np.array(step, np.float32),
            "zero": np.array(128, np.uint8),
            "scales_w": scales,
            "zeros_w": np.zeros(columns, np.int8),
        },
        operations=fitting.operations,
        opset=_OPSET,
        tolerance=Tolerance(codes=255),
    )


def _matmul_int8(op: str, sizes: str) -> Case:
    _dims(op, sizes, (3,))
    return _quantized(op, "MatMul", sizes, _matmul(op, sizes), axis=1)


def _conv_int8(op: str, sizes: str) -> Case:
    return _quantized(op, "Conv", sizes, _conv(op, sizes), axis=0)


def _matmul_int4(op: str, sizes: str) -> Case:
    m, k, n = _dims(op, sizes, (3,))
    if k % _BLOCK:
        raise _wrong(op, sizes, f"K is {k}, no multiple of {_BLOCK}, the weights of one scale")
    blocks = k // _BLOCK
    attributes: dict[str, int] = {"N": n, "K": k, "bits": 4, "block_size": _BLOCK}
    return Case(
        op,
        sizes,
        inputs=(_floats("x", m, k),),
        output=_floats("y", m, n),
        nodes=(Node("MatMulNBits", ["x", "w", "scales"], ["y"], attributes, vendor=True),),
        weights=(Tensor("w", "uint8", (n, blocks, _BLOCK // 2)), _floats("scales", n, blocks)),
        scales={"scales": 0.15 * k**-0.5},
        operations=2 * m * k * n,
    )


_IMAGE = "CxHxW-FkK, then sS for strides and gG for groups"
_REDUCED = "a shape, @ and the axes, a digit each"

OPS: Mapping[str, Op] = {
    "matmul": Op(
        "MxKxN or BxMxKxN", "MxK by KxN constant weights; with a batch B, of two inputs", _matmul
    ),
    "conv": Op(_IMAGE, "C channels of HxW points, F filters of KxK taps, bias", _conv),
    "depthwise": Op("CxHxW-kK, then sS for strides", "a filter of KxK taps a channel", _conv),
    "attention": Op("HxQxKxD or BxHxQxKxD", "H heads of Q queries and K keys of D", _attention),
    "layer_norm": Op("a shape", "over the last axis", _row_norm),
    "rms_norm": Op("a shape", "over the last axis", _row_norm),
    "instance_norm": Op("NxC and sizes of 1 to 3 axes", "over these axes", _image_norm),
    "group_norm": Op("NxC and sizes of 1 to 3 axes", f"in {_GROUPS} groups", _image_norm),
    "softmax": Op("a shape", "over the last axis", _softmax),
    "reduce_sum": Op(_REDUCED, "as in 512x768@0", _reduction),
    "reduce_mean": Op(_REDUCED, "as in 1x2048x7x7@23", _reduction),
    "reduce_max": Op(_REDUCED, "as in 512x768@1", _reduction),
    "arg_max": Op("a shape, @ and the axis", "as in 16x1000@1", _arg_max),
    "add": Op("a shape", "of both operands", _elementwise),
    "mul": Op("a shape", "of both operands", _elementwise),
    **{name: Op("a shape", "of the operand", _elementwise) for name in [*_MAPS, "silu"]},
    "transpose": Op("a shape, @ and the order of its axes", "as in 128x12x64@102", _transpose),
    "matmul_int8": Op("MxKxN", "u8 by s8 weights to u8, a scale a column", _matmul_int8),
    "conv_int8": Op(_IMAGE, "u8 by s8 weights to u8, a scale a filter", _conv_int8),
    "matmul_int4": Op("MxKxN", "f32 by 4-bit weights, a scale for 32 of a column", _matmul_int4),
}
