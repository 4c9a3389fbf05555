# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operators of other element types, and with subgraphs, for random_graphs.py.

Each function draws a short chain from float values to a float value, so that all else of a graph
can go on from it. All steps are exact in their types: the result depends on no rounding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper
from random_operands import SIGNED, UNSIGNED, WIDE, UnfitError

if TYPE_CHECKING:
    from random_generator import Generator, Size, Value

HALVES = (TensorProto.FLOAT16, TensorProto.BFLOAT16)
FLOAT = TensorProto.FLOAT


def cast(g: Generator, x: Value, kind: int) -> Value:
    return g.node("Cast", [x.name], x.dims, smooth=False, to=kind)


def of_input(g: Generator) -> Value:
    """Return an input: from -3 to 3, so that it fits every type."""
    return g.value(lambda v: v in g.inputs)


def scalar(g: Generator, value: Any, kind: int) -> str:
    return g.constant(np.array(value, helper.tensor_dtype_to_np_dtype(kind)))


def moved(g: Generator, x: Value) -> Value:
    """Return the elements of `x` in other places; for any type."""
    kind = g.integer(0, 4)
    axis = g.integer(0, x.rank - 1)
    if kind == 0 and x.rank > 1:
        order = [int(a) for a in g.random.permutation(x.rank)]
        return g.node("Transpose", [x.name], [x.dims[a] for a in order], perm=order)
    if kind == 1:
        dims = [tuple(2 * n for n in d) if i == axis else d for i, d in enumerate(x.dims)]
        return g.node("Concat", [x.name, x.name], dims, axis=axis)
    if kind == 2 and (least := min(x.dims[axis])):
        index = g.constant(g.random.integers(-least, least, (2,)))
        dims = [(2,) * len(d) if i == axis else d for i, d in enumerate(x.dims)]
        return g.node("Gather", [x.name, index], dims, axis=axis)
    if kind == 3:
        shape = g.vector([2] + [1] * x.rank)
        return g.node("Expand", [x.name, shape], [(2,) * len(x.dims[0]), *x.dims])
    return g.node("Unsqueeze", [x.name, g.vector([0])], [(1,) * len(x.dims[0]), *x.dims])


def integers(g: Generator) -> Value:
    """Arithmetic of integers, which wraps around in all of them."""
    # Of a negative number as an unsigned one, C++ has no word.
    kind = g.pick(SIGNED if g.chance(0.6) else UNSIGNED)
    x = of_input(g)
    if kind in UNSIGNED:
        x = g.node("Abs", [x.name], x.dims)
    y = cast(g, x, kind)
    for _ in range(g.integer(1, 3)):
        if kind not in WIDE:
            y = (
                moved(g, y)
                if g.chance(0.6)
                else g.node("Where", [positive(g, y), y.name, y.name], y.dims)
            )
            continue
        op = g.pick(["Add", "Sub", "Mul", "Mod", "Max", "Min", "Abs", "Neg", "Sign", "Sum", "Top"])
        if op in ("Abs", "Neg", "Sign"):
            y = g.node(op, [y.name], y.dims)
        elif op == "Sum":
            y = summed(g, y)
        elif op == "Top":
            y = best(g, y)
        else:
            other = scalar(g, g.pick([1, 2, 3, 7, -3, -1]), kind)
            flags: dict[str, Any] = {"fmod": g.integer(0, 1)} if op == "Mod" else {}
            y = g.node(op, [y.name, other], y.dims, **flags)
    return cast(g, y, FLOAT)


def positive(g: Generator, x: Value) -> str:
    """Return the name of a mask of the shape of `x`."""
    f = cast(g, x, FLOAT)
    return g.node("Greater", [f.name, g.constant(np.array(0.5, np.float32))], x.dims).name


def summed(g: Generator, x: Value) -> Value:
    axis = g.integer(0, x.rank - 1)
    dims = [(1,) * len(d) if i == axis else d for i, d in enumerate(x.dims)]
    op = g.pick(["ReduceSum", "ReduceMax", "ReduceMin", "CumSum"])
    if op == "CumSum":
        return g.node(op, [x.name, g.constant(np.array(axis))], x.dims)
    if op != "ReduceSum" and any(0 in d for d in x.dims):
        raise UnfitError
    return g.node(op, [x.name, g.vector([axis])], dims, keepdims=1)


def best(g: Generator, x: Value) -> Value:
    """Return the greatest two elements along an axis."""
    axis = g.integer(0, x.rank - 1)
    if min(x.dims[axis]) < 2:
        raise UnfitError
    dims = [(2,) * len(d) if i == axis else d for i, d in enumerate(x.dims)]
    y = g.node("TopK", [x.name, g.vector([2])], dims, axis=axis, largest=g.integer(0, 1))
    g.nodes[-1].output.append(f"{y.name}_at")
    return y


def halves(g: Generator) -> Value:
    """Half precision: what moves, compares and scales by powers of two loses nothing."""
    kind = g.pick(HALVES) if g.chance(0.5) else TensorProto.FLOAT16
    y = cast(g, of_input(g), kind)
    for _ in range(g.integer(1, 3)):
        op = g.pick(["Neg", "Abs", "Relu", "Mul", "Max", "Min", "Clip", "Round", "Move"])
        if kind != TensorProto.FLOAT16 and op in ("Max", "Min", "Clip", "Relu", "Round"):
            op = "Neg"  # onnxruntime has no more of bfloat16.
        if op == "Move":
            y = moved(g, y)
        elif op in ("Mul", "Max", "Min"):
            y = g.node(op, [y.name, scalar(g, g.pick([0.5, 2, -1]), kind)], y.dims)
        elif op == "Clip":
            y = g.node(op, [y.name, scalar(g, -1, kind), scalar(g, 1.5, kind)], y.dims)
        else:
            y = g.node(op, [y.name], y.dims)
    return cast(g, y, FLOAT)


def doubles(g: Generator) -> Value:
    y = cast(g, of_input(g), TensorProto.DOUBLE)
    for _ in range(g.integer(1, 3)):
        op = g.pick(["Neg", "Abs", "Tanh", "Exp", "Mul", "Sub", "Softmax", "Move"])
        if op == "Move":
            y = moved(g, y)
        elif op in ("Mul", "Sub"):
            y = g.node(op, [y.name, scalar(g, g.pick([0.5, 2, -1]), TensorProto.DOUBLE)], y.dims)
        else:
            y = g.node(op, [y.name], y.dims)
    return cast(g, y, FLOAT)


def masks(g: Generator) -> Value:
    x = of_input(g)
    bound = g.floats()
    y = g.node(g.pick(["Less", "Greater", "LessOrEqual"]), [x.name, bound], x.dims)
    for _ in range(g.integer(1, 3)):
        op = g.pick(["Not", "And", "Or", "Xor", "Move"])
        if op == "Move":
            y = moved(g, y)
        elif op == "Not":
            y = g.node("Not", [y.name], y.dims)
        else:
            other = scalar(g, bool(g.integer(0, 1)), TensorProto.BOOL)
            y = g.node(op, [y.name, other], y.dims)
    return cast(g, y, FLOAT)


def scattered(g: Generator) -> Value:
    x = g.value(lambda v: v.rank > 0 and min(v.dims[0]) > 0)
    least = min(x.dims[0])
    rows = g.constant(np.asarray(g.random.permutation(least)[: g.integer(1, least)])[:, None])
    count = g.constants[-1].dims[0]
    update = g.node(
        "Slice", [x.name, g.vector([0]), g.vector([count]), g.vector([0])],
        [(count,) * len(x.dims[0]), *x.dims[1:]],
    )  # fmt: skip
    return g.node("ScatterND", [x.name, rows, update.name], x.dims)


def split(g: Generator) -> Value:
    x = g.value(lambda v: v.rank > 0)
    axis = g.integer(0, x.rank - 1)
    if len(set(x.dims[axis])) > 1 or x.dims[axis][0] < 2:
        raise UnfitError
    size = x.dims[axis][0]
    first = g.integer(1, size - 1)
    dims = [(first,) * len(d) if i == axis else d for i, d in enumerate(x.dims)]
    y = g.node("Split", [x.name, g.vector([first, size - first])], dims, axis=axis)
    g.nodes[-1].output.append(f"{y.name}_rest")
    return y


def branches(g: Generator) -> Value:
    """An If whose branches use what is around them."""
    x = g.value()
    test = of_input(g)
    if any(0 in d for d in test.dims):
        raise UnfitError
    top = g.node("ReduceMax", [test.name], [], keepdims=0)
    where = g.node("Greater", [top.name, scalar(g, g.pick([0.0, 1.5, 2.5]), FLOAT)], [])
    graphs: list[onnx.GraphProto] = []
    for op in (g.pick(["Neg", "Relu", "Tanh"]), g.pick(["Abs", "Identity", "Sigmoid"])):
        name = f"branch{len(g.nodes)}_{len(graphs)}"
        node = helper.make_node(op, [x.name], [name])
        value = helper.make_tensor_value_info(name, FLOAT, [None] * x.rank)
        graphs.append(helper.make_graph([node], op, [], [value]))
    return g.node("If", [where.name], x.dims, then_branch=graphs[0], else_branch=graphs[1])


def loops(g: Generator) -> Value:
    """A Loop that carries a value, with one that it stacks."""
    x = g.value()
    turns = g.integer(0, 3)
    name = f"loop{len(g.nodes)}"
    shape = [None] * x.rank
    body = helper.make_graph(
        [
            helper.make_node(g.pick(["Add", "Max", "Sub"]), [f"{name}_v", x.name], [f"{name}_s"]),
            helper.make_node(g.pick(["Tanh", "Neg", "Relu"]), [f"{name}_s"], [f"{name}_n"]),
            helper.make_node("Identity", [f"{name}_n"], [f"{name}_o"]),
            helper.make_node("Identity", [f"{name}_c"], [f"{name}_g"]),
        ],
        "body",
        [
            helper.make_tensor_value_info(f"{name}_i", TensorProto.INT64, []),
            helper.make_tensor_value_info(f"{name}_c", TensorProto.BOOL, []),
            helper.make_tensor_value_info(f"{name}_v", FLOAT, shape),
        ],
        [
            helper.make_tensor_value_info(f"{name}_g", TensorProto.BOOL, []),
            helper.make_tensor_value_info(f"{name}_n", FLOAT, shape),
            helper.make_tensor_value_info(f"{name}_o", FLOAT, shape),
        ],
    )
    operands = [g.constant(np.array(turns)), scalar(g, True, TensorProto.BOOL), x.name]
    last = g.node("Loop", operands, x.dims, body=body)
    g.nodes[-1].output.append(f"{last.name}_all")
    if turns == 0 or g.chance(0.5):
        return last
    dims: list[Size] = [(turns,) * len(x.dims[0]) if x.dims else (turns,) * 3, *x.dims]
    return g.node("Neg", [f"{last.name}_all"], dims)


def scans(g: Generator) -> Value:
    """A Scan over the first or the last dimension that carries a sum."""
    # Of nothing along the other dimensions, onnxruntime divides by zero and ends.
    x = g.value(lambda v: v.rank > 0 and all(0 not in d for d in v.dims))
    axis = g.pick([0, x.rank - 1])
    name = f"scan{len(g.nodes)}"
    element = [None] * (x.rank - 1)
    body = helper.make_graph(
        [
            helper.make_node("ReduceSum", [f"{name}_x"], [f"{name}_t"], keepdims=0),
            helper.make_node("Tanh", [f"{name}_t"], [f"{name}_b"]),
            helper.make_node("Add", [f"{name}_s", f"{name}_b"], [f"{name}_n"]),
            helper.make_node("Mul", [f"{name}_x", f"{name}_n"], [f"{name}_y"]),
        ],
        "body",
        [
            helper.make_tensor_value_info(f"{name}_s", FLOAT, []),
            helper.make_tensor_value_info(f"{name}_x", FLOAT, element),
        ],
        [
            helper.make_tensor_value_info(f"{name}_n", FLOAT, []),
            helper.make_tensor_value_info(f"{name}_y", FLOAT, element),
        ],
    )
    flags: dict[str, Any] = {"scan_input_axes": [axis], "scan_output_axes": [axis]}
    if g.chance(0.5):
        flags["scan_input_directions"] = flags["scan_output_directions"] = [1]
    start = scalar(g, 0.5, FLOAT)
    last = g.node("Scan", [start, x.name], [], body=body, num_scan_inputs=1, **flags)
    g.nodes[-1].output.append(f"{last.name}_all")
    return g.node("Neg", [f"{last.name}_all"], x.dims)


def sequences(g: Generator) -> Value:
    """A tensor is split into a sequence, which changes and is joined again or asked for a part."""
    x = g.value(lambda v: any(len(set(d)) == 1 and d[0] > 0 for d in v.dims))
    axis = g.pick([i for i, d in enumerate(x.dims) if len(set(d)) == 1 and d[0] > 0])
    count = x.dims[axis][0]

    def step(op: str, *operands: str, **attributes: Any) -> str:
        name = f"q{len(g.nodes)}"
        g.nodes.append(helper.make_node(op, [*operands], [name], **attributes))
        return name

    parts = step("SplitToSequence", x.name, g.constant(np.array(1)), axis=axis)
    for _ in range(g.integer(0, 3)):
        at = g.constant(np.array(g.integer(-count, count - 1)))
        if count > 1 and g.chance(0.4):
            parts, count = step("SequenceErase", parts, at), count - 1
        else:
            part = step("SequenceAt", parts, at)
            ends = [at] if g.chance(0.7) else []
            parts, count = step("SequenceInsert", parts, part, *ends), count + 1
    calls = len(x.dims[axis])
    one = [(1,) * calls if i == axis else d for i, d in enumerate(x.dims)]
    use = g.pick(["join", "stack", "at", "length", "map"])
    if use == "length":
        length = step("SequenceLength", parts)
        return g.node("Cast", [length], [], to=FLOAT)
    if use == "at":
        at = g.constant(np.array(g.integer(-count, count - 1)))
        return g.node("SequenceAt", [parts, at], one)
    if use == "stack":
        where = g.integer(0, x.rank)
        dims = [*one[:where], (count,) * calls, *one[where:]]
        return g.node("ConcatFromSequence", [parts], dims, axis=where, new_axis=1)
    if use == "map":
        node = helper.make_node(g.pick(["Neg", "Tanh", "Relu"]), ["part"], ["mapped"])
        values = [helper.make_tensor_value_info(n, FLOAT, None) for n in ("part", "mapped")]
        body = helper.make_graph([node], "body", values[:1], values[1:])
        parts = step("SequenceMap", parts, body=body)
    dims = [(count,) * calls if i == axis else d for i, d in enumerate(x.dims)]
    return g.node("ConcatFromSequence", [parts], dims, axis=axis)


def optionals(g: Generator) -> Value:
    x = g.value()
    name = f"o{len(g.nodes)}"
    g.nodes.append(helper.make_node("Optional", [x.name], [name]))
    if g.chance(0.5):
        return g.node("OptionalGetElement", [name], x.dims)
    there = g.node("OptionalHasElement", [name], [])
    return cast(g, there, FLOAT)


OPERATORS = (
    [integers] * 3 + [halves, halves, doubles, masks, masks, scattered, split]
    + [branches] * 2 + [loops] * 2 + [scans, sequences, sequences, optionals]
)  # fmt: skip
