# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operators on single elements, reductions and scans of all types, for random_graphs.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto
from random_operands import (
    BYTES,
    FLOAT,
    FLOATS,
    MOVED,
    SIGNED,
    UNSIGNED,
    WIDE,
    alone,
    draw,
    given,
    number,
    numbers,
    operand,
    require,
    size,
    strange,
)

if TYPE_CHECKING:
    from random_generator import Generator, Size, Value

# The range in which the operator is defined, and is not so steep that rounding shows.
DOMAINS = {
    "Acos": (-0.9, 0.9), "Acosh": (1.1, 3.0), "Asin": (-0.9, 0.9), "Asinh": (-3.0, 3.0),
    "Atanh": (-0.9, 0.9), "Cosh": (-2.0, 2.0), "Sinh": (-2.0, 2.0), "Tan": (-1.0, 1.0),
    "Log": (0.1, 9.0), "Sqrt": (0.0, 9.0), "Reciprocal": (0.2, 4.0), "Exp": (-3.0, 3.0),
    "Celu": (-3.0, 3.0), "Selu": (-3.0, 3.0), "HardSwish": (-5.0, 5.0), "Mish": (-3.0, 3.0),
    "Swish": (-3.0, 3.0), "ThresholdedRelu": (-3.0, 3.0), "Shrink": (-3.0, 3.0),
    "HardSigmoid": (-4.0, 4.0), "Elu": (-3.0, 3.0), "LeakyRelu": (-3.0, 3.0), "Gelu": (-3.0, 3.0),
    "Softplus": (-3.0, 3.0), "Softsign": (-3.0, 3.0), "Sigmoid": (-9.0, 9.0), "Erf": (-2.0, 2.0),
    "Tanh": (-3.0, 3.0), "Sin": (-9.0, 9.0), "Cos": (-9.0, 9.0), "Floor": (-3.0, 3.0),
    "Ceil": (-3.0, 3.0), "Round": (-3.0, 3.0), "Sign": (-3.0, 3.0), "Abs": (-3.0, 3.0),
    "Neg": (-3.0, 3.0), "Relu": (-3.0, 3.0), "Hardmax": (-3.0, 3.0), "Dropout": (-3.0, 3.0),
}  # fmt: skip
SLOPES = {
    "Celu": ["alpha"], "Selu": ["alpha", "gamma"], "Swish": ["alpha"], "Elu": ["alpha"],
    "ThresholdedRelu": ["alpha"], "Shrink": ["bias", "lambd"], "HardSigmoid": ["alpha", "beta"],
    "LeakyRelu": ["alpha"],
}  # fmt: skip


def shape(g: Generator, low: int = 0, high: int = 4) -> list[Size]:
    return [size(g) for _ in range(g.integer(low, high))]


def function(g: Generator) -> Value:
    op = g.pick(list(DOMAINS))
    kind = FLOAT if op in ("Celu",) else g.pick(FLOATS)
    low, high = DOMAINS[op]
    x = strange(g, operand(g, shape(g, 1 if op == "Hardmax" else 0), kind, low, high))
    attributes: dict[str, Any] = {
        name: round(float(g.random.uniform(0.1, 1.5)), 2)
        for name in SLOPES.get(op, [])
        if g.chance(0.6)
    }
    if op == "Hardmax":
        attributes["axis"] = g.integer(-x.rank, x.rank - 1)
    if op == "Gelu":
        attributes["approximate"] = g.pick(["none", "tanh"])
    return alone(g, op, [x.name], kind, **attributes)


def broadcast(g: Generator, dims: list[Size]) -> list[Size]:
    """A shape that broadcasts to `dims`: some are 1, and some in front are left out."""
    kept = [(1,) * g.calls if g.chance(0.3) else d for d in dims]
    return kept[g.integer(0, len(kept)) :] if g.chance(0.4) else kept


def pair(g: Generator, kind: int, low: float, high: float, bottom: float) -> list[str]:
    dims = shape(g)
    x = strange(g, operand(g, dims, kind, low, high))
    y = strange(g, operand(g, broadcast(g, dims), kind, bottom, high))
    return [x.name, y.name]


def arithmetic(g: Generator) -> Value:
    op = g.pick(["Add", "Sub", "Mul", "Div", "Pow", "Mod", "PRelu", "Max", "Min", "Mean", "Sum"])
    integers = op not in ("Mean", "Sum", "PRelu") and g.chance(0.5)
    kind = (
        g.pick((*SIGNED, *UNSIGNED) if op in ("Mod", "Max", "Min") else WIDE)
        if integers
        else g.pick(FLOATS)
    )
    if op == "Pow":
        low, high, bottom = (0, 3, 0) if integers else (0.2, 2.0, -2.0)
    elif op in ("Div", "Mod"):
        low, high, bottom = (-20, 20, 1) if integers else (-9.0, 9.0, 0.5)
    else:
        low, high, bottom = -3, 3, -3
    if op in ("Max", "Min", "Mean", "Sum"):
        dims = shape(g)
        parts = [operand(g, dims, kind, low, high).name]
        parts += [
            operand(g, broadcast(g, dims), kind, low, high).name for _ in range(g.integer(0, 3))
        ]
        return alone(g, op, parts, kind)
    fmod: dict[str, Any] = {"fmod": g.integer(0, 1) if integers else 1} if op == "Mod" else {}
    names = pair(g, kind, low, high, bottom)
    if op not in ("PRelu", "Pow") and g.chance(0.5):
        dims = [(1,) * g.calls] * g.integer(0, 2)
        names[0] = operand(g, dims, kind, max(low, 0), high).name
    return alone(g, op, names, kind, **fmod)


def comparison(g: Generator) -> Value:
    op = g.pick(["Equal", "Less", "Greater", "LessOrEqual", "GreaterOrEqual"])
    kind = g.pick((*FLOATS, *SIGNED, *UNSIGNED))
    return alone(g, op, pair(g, kind, -2, 2, -2), TensorProto.BOOL)


def bits(g: Generator) -> Value:
    op = g.pick(["BitwiseAnd", "BitwiseOr", "BitwiseXor", "BitwiseNot", "BitShift"])
    kind = g.pick(UNSIGNED if op == "BitShift" else (*SIGNED, *UNSIGNED))
    if op == "BitwiseNot":
        return alone(g, op, [operand(g, shape(g), kind, -9, 99).name], kind)
    if op == "BitShift":
        names = pair(g, kind, 0, 7, 0)
        return alone(g, op, names, kind, direction=g.pick(["LEFT", "RIGHT"]))
    return alone(g, op, pair(g, kind, -9, 99, -9), kind)


def special(g: Generator) -> Value:
    kind = g.pick(FLOATS)
    dims = shape(g)
    x, zero = operand(g, dims, kind, -1, 1), operand(g, [], kind, 0, 0)
    quotient = g.node("Div", [x.name, zero.name], x.dims, smooth=False)
    op = g.pick(["IsInf", "IsNaN", "Sign", "Relu", "Clip", "Max", "Tanh", "Sigmoid"])
    if op in ("IsInf", "IsNaN"):
        flags: dict[str, Any] = {
            "detect_negative": g.integer(0, 1),
            "detect_positive": g.integer(0, 1),
        }
        return alone(g, op, [quotient.name], TensorProto.BOOL, **(flags if op == "IsInf" else {}))
    if op in ("Clip", "Max"):
        other = operand(g, [], kind, -1, -1)
        return alone(g, op, [quotient.name, other.name], kind)
    return alone(g, op, [quotient.name], kind)


def clip(g: Generator) -> Value:
    kind = g.pick((*FLOATS, *SIGNED, *UNSIGNED))
    x = strange(g, operand(g, shape(g), kind, -5, 5))
    least = operand(g, [], kind, -2, 1).name if g.chance(0.7) else ""
    most = operand(g, [], kind, 1, 3).name if g.chance(0.7) else ""
    return alone(g, "Clip", [x.name, least, most], kind)


def casts(g: Generator) -> Value:
    kinds = (*MOVED, TensorProto.BFLOAT16)
    source, to = g.pick(kinds), g.pick(kinds)
    x = operand(g, shape(g), source, 0 if to in UNSIGNED else -3, 100)
    if g.chance(0.3):
        like = operand(g, shape(g), to)
        return alone(g, "CastLike", [x.name, like.name], to)
    return alone(g, "Cast", [x.name], to, to=to)


def select(g: Generator) -> Value:
    kind, dims = g.pick(MOVED), shape(g)
    test = operand(g, broadcast(g, dims), TensorProto.BOOL)
    x = strange(g, operand(g, dims, kind))
    y = strange(g, operand(g, broadcast(g, dims), kind))
    return alone(g, "Where", [test.name, x.name, y.name], kind)


def reduction(g: Generator) -> Value:
    op = g.pick(
        ["Sum", "Mean", "Max", "Min", "L1", "L2", "LogSum", "LogSumExp", "Prod", "SumSquare"]
    )
    kinds = {"Max": (*FLOATS, *BYTES, *WIDE), "Min": (*FLOATS, *BYTES, *WIDE)}
    logs = op in ("LogSum", "LogSumExp", "Mean", "L2")
    kind = g.pick(kinds.get(op, FLOATS if logs else (*FLOATS, *WIDE)))
    x = strange(g, operand(g, shape(g), kind, 0.2 if op == "LogSum" else -2, 2))
    known = g.chance(0.7)
    count = g.integer(0, x.rank)
    axes = [int(a) for a in g.random.permutation(x.rank)[:count]]
    axes = [a - x.rank if g.chance(0.3) else a for a in axes]
    operands = [x.name, numbers(g, axes)] if known else [x.name]
    return alone(
        g, f"Reduce{op}", operands, kind,
        keepdims=g.pick([None, 0, 1]), noop_with_empty_axes=g.pick([None, 0, 1]),
    )  # fmt: skip


def position(g: Generator) -> Value:
    kind = g.pick((FLOAT, TensorProto.DOUBLE, *BYTES, *WIDE))
    x = operand(g, shape(g, 1), kind, -2, 2)
    return alone(
        g, g.pick(["ArgMax", "ArgMin"]), [x.name], TensorProto.INT64,
        axis=g.integer(-x.rank, x.rank - 1), keepdims=g.pick([None, 0, 1]),
        select_last_index=g.pick([None, 0, 1]),
    )  # fmt: skip


def best(g: Generator) -> Value:
    kind = g.pick((*FLOATS, TensorProto.UINT8, *WIDE))
    x = operand(g, shape(g, 1), kind, -3, 3)
    axis = g.integer(0, x.rank - 1)
    k = numbers(g, [g.integer(0, min(x.dims[axis]))])
    signed = axis - x.rank if g.chance(0.3) else axis
    return alone(
        g, "TopK", [x.name, k], axis=signed, largest=g.integer(0, 1), sorted=1,
        wanted=[kind, TensorProto.INT64],
    )  # fmt: skip


def running(g: Generator) -> Value:
    kind = g.pick((FLOAT, TensorProto.DOUBLE, *WIDE))
    x = operand(g, shape(g, 1), kind, -2, 2)
    axis = given(g, np.array(g.integer(-x.rank, x.rank - 1), np.int64))
    op = g.pick(["CumSum", "CumSum", "CumProd"])
    if op == "CumProd":
        g.opset = 26
    flags: dict[str, Any] = {"exclusive": g.integer(0, 1), "reverse": g.integer(0, 1)}
    return alone(g, op, [x.name, axis], kind, **flags)


def softmax(g: Generator) -> Value:
    kind = g.pick(FLOATS)
    x = strange(g, operand(g, shape(g, 1), kind, -20, 20))
    op = g.pick(["Softmax", "LogSoftmax"])
    return alone(g, op, [x.name], kind, axis=g.pick([None, *range(-x.rank, x.rank)]))


def product(g: Generator) -> Value:
    """MatMul of all ranks, with batches that broadcast."""
    kind = g.pick((*FLOATS, *WIDE))
    m, k, n = size(g, 1, 9), size(g, 1, 9, empty=False), size(g, 1, 9)
    batch = shape(g, 0, 2)
    x = operand(g, [k] if g.chance(0.1) else [*broadcast(g, batch), m, k], kind)
    y = operand(g, [k] if g.chance(0.1) else [*broadcast(g, batch), k, n], kind)
    return alone(g, "MatMul", [x.name, y.name], kind)


def gemm(g: Generator) -> Value:
    kind = g.pick((FLOAT, FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16))
    m, k, n = size(g, 1, 9), size(g, 1, 9, empty=False), size(g, 1, 9)
    left, right = g.integer(0, 1), g.integer(0, 1)
    x = operand(g, [k, m] if left else [m, k], kind)
    y = operand(g, [n, k] if right else [k, n], kind)
    names = [x.name, y.name]
    if g.chance(0.7):
        one = (1,) * g.calls
        names.append(operand(g, g.pick([[], [n], [m, n], [m, one], [one, n], [one]]), kind).name)
    return alone(
        g, "Gemm", names, kind, transA=left, transB=right,
        alpha=g.pick([None, 0.5, 2.0]), beta=g.pick([None, 0.5, 0.0]),
    )  # fmt: skip


def einsum(g: Generator) -> Value:
    kind = g.pick((FLOAT, TensorProto.DOUBLE))
    sizes = {letter: size(g, 1, 4) for letter in "abcd"}

    def term() -> str:
        return "".join(str(s) for s in g.random.permutation(list("abcd"))[: g.integer(1, 3)])

    terms = [term() for _ in range(g.integer(1, 3))]
    letters = sorted(set("".join(terms)))
    out = "".join(str(s) for s in g.random.permutation(letters)[: g.integer(0, len(letters))])
    names = [operand(g, [sizes[c] for c in t], kind).name for t in terms]
    equation = ",".join(terms) + ("->" + out if g.chance(0.8) else "")
    return alone(g, "Einsum", names, kind, equation=equation)


def quantize(g: Generator) -> Value:
    to = g.pick((*BYTES, TensorProto.INT16, TensorProto.UINT16))
    dims = shape(g, 1)
    axis = g.integer(0, len(dims) - 1)
    per_axis = g.chance(0.5)
    parameter = [dims[axis]] if per_axis else []
    scale = operand(g, parameter, FLOAT, 0.1, 2.0, constant=0.6)
    zero = operand(g, parameter, to, -3 if to in SIGNED else 0, 9, constant=0.6)
    signed = axis - len(dims) if g.chance(0.3) else axis
    if g.chance(0.5):
        x = operand(g, dims, to, -100, 100)
        names = [x.name, scale.name] + ([zero.name] if g.chance(0.8) else [])
        return alone(g, "DequantizeLinear", names, FLOAT, axis=signed)
    x = operand(g, dims, FLOAT, -60, 60)
    return alone(g, "QuantizeLinear", [x.name, scale.name, zero.name], to, axis=signed)


def dynamic_quantize(g: Generator) -> Value:
    x = operand(g, shape(g), FLOAT, *g.pick([(-3, 3), (1, 2), (-2, -1), (0, 0)]))
    wanted = [TensorProto.UINT8, FLOAT, TensorProto.UINT8]
    return alone(g, "DynamicQuantizeLinear", [x.name], wanted=wanted)


def integer_product(g: Generator) -> Value:
    a, b = g.pick(BYTES), g.pick(BYTES)
    m, k, n = size(g, 1, 9), size(g, 1, 9), size(g, 1, 9)
    batch = shape(g, 0, 2)
    x, y = operand(g, [*batch, m, k], a, -128, 127), operand(g, [*batch, k, n], b, -128, 127)
    if g.chance(0.5):
        names = [x.name, y.name]
        if g.chance(0.7):
            names.append(operand(g, g.pick([[], [1]]), a, -5, 9).name)
            if g.chance(0.7):
                names.append(operand(g, g.pick([[], [1], [n]]), b, -5, 9).name)
        return alone(g, "MatMulInteger", names, TensorProto.INT32)
    names = [x.name, operand(g, [], FLOAT, 0.01, 0.1).name, operand(g, [], a, 0, 9).name]
    columns = g.pick([[], [n]])
    names += [y.name, operand(g, columns, FLOAT, 0.01, 0.1).name, operand(g, columns, b, 0, 9).name]
    to = g.pick(BYTES)
    names += [operand(g, [], FLOAT, 0.1, 0.9).name, operand(g, [], to, 0, 9).name]
    return alone(g, "QLinearMatMul", names, to)


def weighted_loss(g: Generator) -> Value:
    kind = g.pick((FLOAT, TensorProto.DOUBLE))
    classes, rest = number(g, 2, 5), [size(g, empty=False) for _ in range(g.integer(0, 3))]
    n = size(g, empty=False)
    x = operand(g, [n, classes, *rest], kind)
    labels = operand(g, [n, *rest], g.pick(WIDE), 0, classes[0] - 1)
    names = [x.name, labels.name]
    if g.chance(0.5):
        names.append(operand(g, [classes], kind, 0.2, 1).name)
    op = g.pick(["NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss"])
    attributes = {
        "reduction": g.pick([None, "none", "mean", "sum"]),
        "ignore_index": g.pick([None, 0, 1]),
    }
    many = op.startswith("Soft") and g.chance(0.5)
    return alone(g, op, names, kind, outputs=2 if many else 1, **attributes)


def several_seeds(g: Generator) -> Value:
    """What fills tensors: EyeLike, Range, ConstantOfShape, OneHot, windows."""
    op = g.pick(["EyeLike", "Range", "ConstantOfShape", "Window", "Size", "Shape", "Mel"])
    if op == "EyeLike":
        kind = g.pick((*FLOATS, *WIDE, TensorProto.UINT8, TensorProto.BOOL))
        x = operand(g, [size(g), size(g)], g.pick((FLOAT, *WIDE)))
        return alone(g, op, [x.name], kind, dtype=kind, k=g.integer(-3, 3))
    if op == "Range":
        kind = g.pick((FLOAT, TensorProto.DOUBLE, *WIDE, TensorProto.INT16))
        step = g.pick([1, 2, 3, -1, -2])
        start, end = g.integer(-5, 5), g.integer(-5, 9)
        arrays = [draw(g, (), kind, v, v) for v in (start, end, step)]
        return alone(g, op, [given(g, a) for a in arrays], kind)
    if op == "ConstantOfShape":
        from onnx import numpy_helper

        kind = g.pick(MOVED)
        value = numpy_helper.from_array(draw(g, (1,), kind))
        dims = [g.integer(0, 4) for _ in range(g.integer(0, 3))]
        return alone(g, op, [numbers(g, dims)], kind, value=value)
    if op == "Window":
        window = g.pick(["HannWindow", "HammingWindow", "BlackmanWindow"])
        n = given(g, np.array(g.integer(1, 12), g.pick([np.int32, np.int64])))
        return alone(g, window, [n], FLOAT, periodic=g.pick([None, 0, 1]))
    if op == "Mel":
        values = [g.integer(2, 6), g.pick([16, 32]), 8000]
        names = [given(g, np.array(v, np.int64), 1.0) for v in values]
        names += [given(g, np.array(v, np.float32), 1.0) for v in (0.0, 4000.0)]
        return alone(g, "MelWeightMatrix", names, FLOAT)
    x = operand(g, shape(g), g.pick(MOVED))
    ends: dict[str, Any] = {}
    if op == "Shape":
        ends = {"start": g.pick([None, *range(-5, 5)]), "end": g.pick([None, *range(-5, 5)])}
    require(x.elements() >= 0)
    return alone(g, op, [x.name], TensorProto.INT64, **ends)


OPERATORS = (
    [function] * 4 + [arithmetic] * 3 + [comparison, bits, special, clip, casts, select]
    + [reduction] * 3 + [position, best, running, softmax, product, product, gemm, einsum]
    + [quantize, dynamic_quantize, integer_product, weighted_loss, several_seeds, several_seeds]
)  # fmt: skip
