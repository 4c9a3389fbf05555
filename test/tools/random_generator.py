# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Draws one random graph: operators of all families on floats here, all else in the files beside.

The operators of this file take what there is and go on from it, so that graphs become deep. Those
of random_elements.py, random_places.py and random_layers.py take operands of their own, with all
attributes and types, and their results leave the graph.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import random_elements
import random_layers
import random_places
import random_typed
from onnx import NodeProto, TensorProto, helper, numpy_helper
from random_operands import UnfitError, draw, with_strange

Array = npt.NDArray[Any]
CALLS = 3  # Calls of each graph, each with sizes of its own.
WINDOWED = ("Conv", "ConvTranspose", "MaxPool", "AveragePool")

Size = tuple[int, ...]  # A dimension: its size in each call.


@dataclasses.dataclass
class Value:
    name: str
    dims: tuple[Size, ...]
    smooth: bool = True  # Rounding errors are not yet large, and the values are not whole numbers.
    kind: int = TensorProto.FLOAT
    known: bool = True  # Whether `dims` is what it has.

    @property
    def rank(self) -> int:
        return len(self.dims)

    def at(self, call: int) -> tuple[int, ...]:
        return tuple(dim[call] for dim in self.dims)

    def elements(self) -> int:
        return max(int(np.prod(self.at(call))) for call in range(CALLS))


def fixed(size: int) -> Size:
    return (size,) * CALLS


def is_fixed(size: Size) -> bool:
    return len(set(size)) == 1


def sliced(size: int, start: int, end: int, step: int) -> int:
    """How many elements Slice takes of `size`: Python counts in another way beyond the ends."""
    first = start + size if start < 0 else start
    last = end + size if end < 0 else end
    if step > 0:
        first, last = min(max(first, 0), size), min(max(last, 0), size)
        return max(0, -((first - last) // step))
    first, last = min(max(first, 0), size - 1), min(max(last, -1), size - 1)
    return max(0, -((last - first) // -step)) if size else 0


class Generator:
    """One graph: draws inputs, then operators that fit, then what is returned."""

    calls = CALLS

    def __init__(self, seed: int, number: int, only: str = "") -> None:
        self.only = only  # The name of the one function that draws operators, or none.
        self.random = np.random.default_rng([seed, number])
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []
        self.inputs: list[Value] = []
        self.names: dict[str, list[str | int | None]] = {}
        self.values: list[Value] = []
        self.symbols: dict[str, Size] = {}
        self.ends: list[tuple[str, int]] = []  # Names and types of what only leaves the graph.
        self.ranges: dict[str, tuple[float, float]] = {}  # Of inputs.
        self.strange: set[str] = set()  # Inputs that have NaN, infinities and the like, too.
        self.fed: dict[str, Array] = {}  # Inputs that have the same numbers in each call.
        self.opset = 24
        self.open = self.chance(0.3)  # Whether inputs leave sizes open that are always the same.
        self.open_image = False  # Whether the last image that was drawn has open sizes.
        zeros = self.random.random() < 0.25
        for letter in "abcde":
            choices = [1, 2, 3, 4, 5, 7] + ([0] if zeros else [])
            drawn = tuple(int(self.random.choice(choices)) for _ in range(CALLS))
            # Not 1 in all calls, as if the model said so (decision 21).
            self.symbols[letter] = (*drawn[:-1], 2) if drawn == fixed(1) else drawn
        self.fixed_sizes = [1, 1, 2, 3, 4, 8] + ([0] if zeros else [])

    # --- Drawing ----------------------------------------------------------

    def pick(self, items: Sequence[Any]) -> Any:
        return items[int(self.random.integers(len(items)))]

    def chance(self, probability: float) -> bool:
        return bool(self.random.random() < probability)

    def integer(self, low: int, high: int) -> int:
        """From `low` to `high`, both included."""
        return int(self.random.integers(low, high + 1))

    def value(self, fits: Callable[[Value], bool] = lambda value: True) -> Value:
        found = [v for v in self.values if v.kind == TensorProto.FLOAT and fits(v)]
        if not found:
            raise UnfitError
        # The newest ones more often, so that graphs become deep.
        weights = np.arange(1, len(found) + 1, dtype=float)
        return found[int(self.random.choice(len(found), p=weights / weights.sum()))]

    def made(self, name: str, dims: Sequence[Size] | None, kind: int) -> Value:
        return Value(name, tuple(dims or ()), kind=kind, known=dims is not None)

    # --- Building ---------------------------------------------------------

    def constant(self, array: Array) -> str:
        name = f"k{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def vector(self, values: Sequence[int]) -> str:
        return self.constant(np.array(values, np.int64))

    def floats(self, *shape: int) -> str:
        return self.constant(self.random.uniform(-1, 1, shape).astype(np.float32))

    def node(
        self,
        op: str,
        operands: Sequence[str],
        dims: Sequence[Size],
        smooth: bool = True,
        **attributes: Any,
    ) -> Value:
        if any(size < 0 for dim in dims for size in dim) or len(dims) > 6:
            raise UnfitError
        if op in WINDOWED and any(is_fixed(d) for d in dims[2:]) and self.open_image:
            raise UnfitError  # A size only happens to be the same in all calls (decision 21).
        value = Value(f"v{len(self.nodes)}", tuple(dims), smooth)
        if value.elements() > 20000:
            raise UnfitError
        self.nodes.append(helper.make_node(op, list(operands), [value.name], **attributes))
        return value

    def input(self) -> None:
        rank = self.integer(1, 4)
        dims: list[Size] = []
        names: list[str | int | None] = []
        for _ in range(rank):
            if self.chance(0.55):
                size = self.pick(self.fixed_sizes)
                dims.append(fixed(size))
                names.append(size)
            else:
                letter = self.pick(list(self.symbols))
                dims.append(self.symbols[letter])
                names.append(letter if self.chance(0.7) else None)
        value = Value(f"x{len(self.inputs)}", tuple(dims))
        self.inputs.append(value)
        self.values.append(value)
        self.names[value.name] = names

    # --- Operators --------------------------------------------------------

    def unary(self) -> Value:
        x = self.value()
        op = self.pick(
            ["Relu", "Neg", "Abs", "Sigmoid", "Tanh", "Erf", "Sin", "Cos", "Atan", "Softplus",
             "LeakyRelu", "HardSigmoid", "Elu", "Softsign", "Identity", "Gelu"]
        )  # fmt: skip
        return self.node(op, [x.name], x.dims)

    def rounding(self) -> Value:
        x = self.value(lambda v: v in self.inputs)
        return self.node(self.pick(["Floor", "Ceil", "Round", "Sign"]), [x.name], x.dims)

    def binary(self) -> Value:
        x = self.value()

        def fits(y: Value) -> bool:
            # Sizes that follow from the same input have to be equal (decision 21).
            may_differ = x in self.inputs and y in self.inputs
            return all(
                fixed(1) in (a, b)
                or a == b
                or (may_differ and all(p == q or 1 in (p, q) for p, q in zip(a, b, strict=True)))
                for a, b in zip(reversed(x.dims), reversed(y.dims), strict=False)
            )

        y = self.value(fits)
        if self.chance(0.5):
            x, y = y, x
        shorter, longer = sorted((x.dims, y.dims), key=len)
        padded = (fixed(1),) * (len(longer) - len(shorter)) + shorter
        dims = [
            tuple(q if p == 1 else p for p, q in zip(a, b, strict=True))
            for a, b in zip(padded, longer, strict=True)
        ]
        op = self.pick(["Add", "Sub", "Mul", "Max", "Min", "Where"])
        if op != "Where":
            return self.node(op, [x.name, y.name], dims)
        chosen = self.value(lambda v: v in self.inputs and v.dims == x.dims)
        self.nodes.append(
            helper.make_node("Greater", [chosen.name, self.floats()], [f"b{len(self.nodes)}"])
        )
        return self.node("Where", [self.nodes[-1].output[0], x.name, y.name], dims)

    def with_constant(self) -> Value:
        x = self.value(lambda v: v.rank > 0 and is_fixed(v.dims[-1]))
        other = self.floats(x.dims[-1][0]) if self.chance(0.5) else self.floats()
        return self.node(self.pick(["Add", "Mul", "Sub", "Max"]), [x.name, other], x.dims)

    def reduce(self) -> Value:
        x = self.value(lambda v: v.rank > 0)
        count = self.integer(1, min(x.rank, 2))
        axes = sorted(int(a) for a in self.random.choice(x.rank, count, replace=False))
        op = self.pick(["Sum", "Mean", "Max", "Min", "L2", "L1", "LogSumExp", "SumSquare"])
        if op in ("Mean", "Max", "Min", "LogSumExp") and any(0 in x.dims[a] for a in axes):
            raise UnfitError  # There is no mean or maximum of nothing.
        keep = self.integer(0, 1)
        if keep:
            dims = [fixed(1) if i in axes else dim for i, dim in enumerate(x.dims)]
        else:
            dims = [dim for i, dim in enumerate(x.dims) if i not in axes]
        signed = [a - x.rank if self.chance(0.3) else a for a in axes]
        return self.node(f"Reduce{op}", [x.name, self.vector(signed)], dims, keepdims=keep)

    def softmax(self) -> Value:
        x = self.value(lambda v: v.rank > 0)
        op = self.pick(["Softmax", "LogSoftmax"])
        return self.node(op, [x.name], x.dims, axis=self.integer(-x.rank, x.rank - 1))

    def layer_norm(self) -> Value:
        x = self.value(lambda v: v.rank > 1 and is_fixed(v.dims[-1]) and v.dims[-1][0] > 1)
        size = x.dims[-1][0]
        operands = [x.name, self.floats(size), self.floats(size)]
        return self.node("LayerNormalization", operands, x.dims, axis=-1)

    def batch_norm(self) -> Value:
        x = self.value(lambda v: v.rank > 1 and is_fixed(v.dims[1]))
        size = x.dims[1][0]
        variance = self.constant(self.random.uniform(0.5, 1, size).astype(np.float32))
        operands = [x.name, *(self.floats(size) for _ in range(3)), variance]
        return self.node("BatchNormalization", operands, x.dims)

    def transpose(self) -> Value:
        x = self.value(lambda v: v.rank > 1)
        order = [int(a) for a in self.random.permutation(x.rank)]
        return self.node("Transpose", [x.name], [x.dims[a] for a in order], perm=order)

    def unsqueeze(self) -> Value:
        x = self.value(lambda v: v.rank < 5)
        axis = self.integer(0, x.rank)
        dims = [*x.dims[:axis], fixed(1), *x.dims[axis:]]
        return self.node("Unsqueeze", [x.name, self.vector([axis])], dims)

    def squeeze(self) -> Value:
        x = self.value(lambda v: fixed(1) in v.dims)
        axis = self.pick([i for i, dim in enumerate(x.dims) if dim == fixed(1)])
        dims = [*x.dims[:axis], *x.dims[axis + 1 :]]
        return self.node("Squeeze", [x.name, self.vector([axis])], dims)

    def merge(self) -> Value:
        """A reshape that makes one dimension of two neighbours."""
        x = self.value(lambda v: v.rank > 1 and all(0 not in dim for dim in v.dims))
        at = self.integer(0, x.rank - 2)
        product = tuple(a * b for a, b in zip(x.dims[at], x.dims[at + 1], strict=True))
        dims = [*x.dims[:at], product, *x.dims[at + 2 :]]
        shape = [0 if i < at else -1 if i == at else d[0] for i, d in enumerate(dims)]
        if all(is_fixed(d) for d in dims[at + 1 :]):
            return self.node("Reshape", [x.name, self.vector(shape)], dims)
        flat = (product,) if x.rank == 2 else None
        if flat:
            return self.node("Reshape", [x.name, self.vector([-1])], flat)
        raise UnfitError

    def reshape_like(self) -> Value:
        """To the shape of another value with its dimensions taken from Shape."""
        x = self.value(lambda v: v.rank > 1)
        shape, parts = f"s{len(self.nodes)}", []
        self.nodes.append(helper.make_node("Shape", [x.name], [shape]))
        for axis in reversed(range(x.rank)):
            part = f"s{len(self.nodes)}"
            index = self.vector([axis - x.rank if self.chance(0.5) else axis])
            self.nodes.append(helper.make_node("Gather", [shape, index], [part]))
            parts.append(part)
        joined = f"s{len(self.nodes)}"
        self.nodes.append(helper.make_node("Concat", parts, [joined], axis=0))
        return self.node("Reshape", [x.name, joined], list(reversed(x.dims)), allowzero=1)

    def flatten(self) -> Value:
        x = self.value(lambda v: v.rank > 0)
        axis = self.integer(0, x.rank)

        def product(dims: Sequence[Size]) -> Size:
            return tuple(int(np.prod([dim[call] for dim in dims])) for call in range(CALLS))

        dims = [product(x.dims[:axis]), product(x.dims[axis:])]
        return self.node("Flatten", [x.name], dims, axis=axis)

    def concat(self) -> Value:
        x = self.value(lambda v: v.rank > 0)
        axis = self.integer(0, x.rank - 1)

        def fits(y: Value) -> bool:
            return y.rank == x.rank and all(
                i == axis or a == b for i, (a, b) in enumerate(zip(x.dims, y.dims, strict=True))
            )

        parts = [x, *(self.value(fits) for _ in range(self.integer(1, 3)))]
        total = tuple(sum(part.dims[axis][call] for part in parts) for call in range(CALLS))
        dims = [total if i == axis else dim for i, dim in enumerate(x.dims)]
        return self.node("Concat", [part.name for part in parts], dims, axis=axis)

    def slice(self) -> Value:
        x = self.value(lambda v: v.rank > 0)
        axis, step = self.integer(0, x.rank - 1), self.pick([1, 1, 1, 2, 3, -1, -2])
        start, end = self.integer(-4, 4), self.pick([-3, -1, 1, 2, 4, 1 << 62, -(1 << 62)])
        size = tuple(sliced(n, start, end, step) for n in x.dims[axis])
        if is_fixed(size) and not is_fixed(x.dims[axis]):
            raise UnfitError  # It only happens to be the same in all calls (decision 21).
        dims = [size if i == axis else dim for i, dim in enumerate(x.dims)]
        operands = [x.name, *(self.vector([v]) for v in (start, end, axis, step))]
        return self.node("Slice", operands, dims)

    def pad(self) -> Value:
        x = self.value(lambda v: v.rank > 0)
        mode = self.pick(["constant", "constant", "edge", "reflect"])
        pads = [0] * (2 * x.rank)
        axis = self.integer(0, x.rank - 1)
        least = min(x.dims[axis])
        if mode != "constant" and least < 2:
            raise UnfitError
        before, after = self.integer(0, 2), self.integer(0, 2)
        if mode == "reflect":
            before, after = min(before, least - 1), min(after, least - 1)
        pads[axis], pads[axis + x.rank] = before, after
        dims = [
            tuple(n + before + after for n in dim) if i == axis else dim
            for i, dim in enumerate(x.dims)
        ]
        return self.node("Pad", [x.name, self.vector(pads)], dims, mode=mode)

    def gather(self) -> Value:
        x = self.value(lambda v: v.rank > 0)
        axis = self.integer(0, x.rank - 1)
        least = min(x.dims[axis])
        if least == 0:
            raise UnfitError
        shape = self.pick([(), (), (1,), (3,), (2, 2)])
        index = self.random.integers(-least, least, shape)
        dims = [*x.dims[:axis], *(fixed(n) for n in shape), *x.dims[axis + 1 :]]
        return self.node("Gather", [x.name, self.constant(np.asarray(index))], dims, axis=axis)

    def tile(self) -> Value:
        x = self.value(lambda v: v.rank > 0)
        repeats = [self.pick([1, 1, 2, 3]) for _ in x.dims]
        dims = [tuple(n * r for n in dim) for dim, r in zip(x.dims, repeats, strict=True)]
        return self.node("Tile", [x.name, self.vector(repeats)], dims)

    def expand(self) -> Value:
        x = self.value(lambda v: v.rank < 4)
        size = self.integer(1, 3)
        shape = self.vector([size] + [1] * x.rank)
        return self.node("Expand", [x.name, shape], [fixed(size), *x.dims])

    def matmul(self) -> Value:
        x = self.value(lambda v: v.rank > 1 and is_fixed(v.dims[-1]) and v.dims[-1][0] > 0)
        columns = self.integer(1, 9)
        weights = self.floats(x.dims[-1][0], columns)
        return self.node("MatMul", [x.name, weights], [*x.dims[:-1], fixed(columns)])

    def product(self) -> Value:
        # Where nothing is summed, ONNX Runtime gives what was in memory.
        x = self.value(lambda v: v.rank > 1 and 0 not in v.dims[-1])
        order = [*range(x.rank - 2), x.rank - 1, x.rank - 2]
        y = self.node("Transpose", [x.name], [x.dims[a] for a in order], perm=order)
        return self.node("MatMul", [x.name, y.name], [*x.dims[:-1], x.dims[-2]])

    def image(self, least: int = 1) -> Value:
        x = self.value(
            lambda v: (
                v.rank in (3, 4)
                and is_fixed(v.dims[1])
                and v.dims[1][0] > 0
                and all(min(dim) >= least for dim in v.dims[2:])
            )
        )
        self.open_image = not all(is_fixed(dim) for dim in x.dims[2:])
        return x

    def conv(self) -> Value:
        kernel, stride, pad = self.integer(1, 3), self.integer(1, 2), self.integer(0, 1)
        x = self.image(least=max(1, kernel - 2 * pad))
        channels, spatial = x.dims[1][0], x.rank - 2
        groups = channels if self.chance(0.25) else 1
        features = groups * self.integer(1, 4)
        operands = [x.name, self.floats(features, channels // groups, *[kernel] * spatial)]
        if self.chance(0.5):
            operands.append(self.floats(features))
        sizes = [tuple((n + 2 * pad - kernel) // stride + 1 for n in dim) for dim in x.dims[2:]]
        return self.node(
            "Conv",
            operands,
            [x.dims[0], fixed(features), *sizes],
            pads=[pad] * (2 * spatial),
            strides=[stride] * spatial,
            group=groups,
        )

    def conv_transpose(self) -> Value:
        kernel, stride = self.integer(1, 3), self.integer(1, 2)
        x = self.image()
        spatial, features = x.rank - 2, self.integer(1, 4)
        weights = self.floats(x.dims[1][0], features, *[kernel] * spatial)
        sizes = [tuple((n - 1) * stride + kernel for n in dim) for dim in x.dims[2:]]
        return self.node(
            "ConvTranspose",
            [x.name, weights],
            [x.dims[0], fixed(features), *sizes],
            strides=[stride] * spatial,
        )

    def pool(self) -> Value:
        kernel, stride, pad = self.integer(1, 3), self.integer(1, 2), self.integer(0, 1)
        pad = min(pad, kernel - 1)
        x = self.image(least=max(1, kernel - 2 * pad))
        spatial = x.rank - 2
        sizes = [tuple((n + 2 * pad - kernel) // stride + 1 for n in dim) for dim in x.dims[2:]]
        return self.node(
            self.pick(["MaxPool", "AveragePool"]),
            [x.name],
            [*x.dims[:2], *sizes],
            kernel_shape=[kernel] * spatial,
            pads=[pad] * (2 * spatial),
            strides=[stride] * spatial,
        )

    def global_pool(self) -> Value:
        x = self.image()
        op = self.pick(["GlobalAveragePool", "GlobalMaxPool"])
        return self.node(op, [x.name], [*x.dims[:2], *[fixed(1)] * (x.rank - 2)])

    def instance_norm(self) -> Value:
        x = self.image(least=2)
        size = x.dims[1][0]
        operands = [x.name, self.floats(size), self.floats(size)]
        return self.node("InstanceNormalization", operands, x.dims)

    def resize(self) -> Value:
        x = self.image()
        scale = self.pick([2.0, 3.0, 0.5])
        scales = np.array([1, 1, *[scale] * (x.rank - 2)], np.float32)
        sizes = [tuple(int(n * scale) for n in dim) for dim in x.dims[2:]]
        if any(size == 0 for dim in sizes for size in dim):
            raise UnfitError
        return self.node(
            "Resize",
            [x.name, "", self.constant(scales)],
            [*x.dims[:2], *sizes],
            mode=self.pick(["nearest", "linear"]),
        )

    def cum_sum(self) -> Value:
        x = self.value(lambda v: v.rank > 0)
        axis = self.constant(np.array(self.integer(-x.rank, x.rank - 1), np.int64))
        flags: dict[str, Any] = {"exclusive": self.integer(0, 1), "reverse": self.integer(0, 1)}
        return self.node("CumSum", [x.name, axis], x.dims, **flags)

    def trilu(self) -> Value:
        x = self.value(lambda v: v.rank > 1)
        k = self.constant(np.array(self.integer(-2, 2), np.int64))
        return self.node("Trilu", [x.name, k], x.dims, upper=self.integer(0, 1))

    def arg(self) -> Value:
        x = self.value(lambda v: v in self.inputs and all(0 not in dim for dim in v.dims))
        axis, keep = self.integer(0, x.rank - 1), self.integer(0, 1)
        dims = [fixed(1) if i == axis else d for i, d in enumerate(x.dims) if keep or i != axis]
        y = self.node(self.pick(["ArgMax", "ArgMin"]), [x.name], dims, axis=axis, keepdims=keep)
        return self.node("Cast", [y.name], dims, to=TensorProto.FLOAT)

    OPERATORS = (
        [unary] * 4 + [binary] * 6 + [with_constant, reduce, reduce, softmax, layer_norm]
        + [batch_norm, transpose, unsqueeze, squeeze, merge, reshape_like, flatten, concat, concat]
        + [slice, slice]
        + [pad, gather, gather, tile, expand, matmul, product, conv, conv, conv_transpose, pool]
        + [global_pool, instance_norm, resize, cum_sum, trilu, arg, rounding]
        + random_typed.OPERATORS
    )  # fmt: skip
    WITH_OWN_OPERANDS = (
        random_elements.OPERATORS, random_places.OPERATORS, random_layers.OPERATORS
    )  # fmt: skip

    # --- The graph --------------------------------------------------------

    def operator(self) -> Callable[[Generator], Value]:
        if self.only:
            drawn = [*self.OPERATORS, *(f for some in self.WITH_OWN_OPERANDS for f in some)]
            drawn = [f for f in drawn if f.__name__ == self.only]
        else:
            drawn = self.OPERATORS if self.chance(0.6) else self.pick(self.WITH_OWN_OPERANDS)
        return drawn[int(self.random.integers(len(drawn)))]

    def make(self) -> onnx.ModelProto:
        for _ in range(self.integer(1, 3)):
            self.input()
        wanted = 1 if self.only else self.integer(*((3, 12) if self.chance(0.8) else (13, 40)))
        for _ in range(20 * wanted):
            if len(self.nodes) >= wanted:
                break
            lists: list[list[Any]] = [self.nodes, self.constants, self.inputs, self.ends]
            before = [len(some) for some in lists]
            opset = self.opset
            try:
                value = self.operator()(self)
            except UnfitError:
                for some, length in zip(lists, before, strict=True):
                    del some[length:]
                self.opset = opset
                continue
            if value.known:
                self.values.append(value)
        used = {name for node in self.nodes for name in node.input}
        made = [v for v in self.values if v not in self.inputs]
        outputs = [v for v in made if v.name not in used or self.chance(0.15)]
        self.outputs = outputs or (made[-1:] if not self.ends else [])
        graph = helper.make_graph(
            self.nodes,
            "random",
            [
                helper.make_tensor_value_info(v.name, v.kind, self.names[v.name])
                for v in self.inputs
            ],
            [
                *(
                    helper.make_tensor_value_info(v.name, v.kind, [None] * v.rank)
                    for v in self.outputs
                ),
                *(helper.make_tensor_value_info(name, kind, None) for name, kind in self.ends),
            ],
            self.constants,
        )
        opset = helper.make_opsetid("", self.opset)
        return helper.make_model(graph, opset_imports=[opset], ir_version=10)

    def expected(self, call: int) -> list[tuple[int, ...] | None]:
        """The shapes of the outputs, None where only an oracle knows."""
        return [*(v.at(call) for v in self.outputs), *(None for _ in self.ends)]

    def feeds(self) -> Iterator[dict[str, Array]]:
        for call in range(CALLS):
            yield {v.name: self.numbers(v, call) for v in self.inputs}

    def numbers(self, value: Value, call: int) -> Array:
        if value.name in self.fed:
            return self.fed[value.name]
        limits = self.ranges.get(value.name, (-3, 3))
        array = draw(self, value.at(call), value.kind, *limits)
        return with_strange(self, array) if value.name in self.strange else array
