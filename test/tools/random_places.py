# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operators that move elements or choose them, of all types, for random_graphs.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto, helper
from random_elements import broadcast, shape
from random_operands import (
    FLOAT,
    FLOATS,
    MOVED,
    WIDE,
    alone,
    given,
    number,
    numbers,
    operand,
    require,
    size,
)

if TYPE_CHECKING:
    from random_generator import Generator, Size, Value

INDEX = (TensorProto.INT64, TensorProto.INT64, TensorProto.INT32)


def signed(g: Generator, axis: int, rank: int) -> int:
    return axis - rank if g.chance(0.3) else axis


def depth(g: Generator) -> Value:
    block, kind = g.integer(1, 3), g.pick(FLOATS)
    c, h, w = number(g, 1, 3), size(g, 1, 3), size(g, 1, 3)
    n = size(g, 1, 3)
    if g.chance(0.5):
        x = operand(g, [n, tuple(block * block * v for v in c), h, w], kind)
        mode = g.pick([None, "DCR", "CRD"])
        return alone(g, "DepthToSpace", [x.name], kind, blocksize=block, mode=mode)
    x = operand(g, [n, c, tuple(block * v for v in h), tuple(block * v for v in w)], kind)
    return alone(g, "SpaceToDepth", [x.name], kind, blocksize=block)


def compress(g: Generator) -> Value:
    kind = g.pick(MOVED)
    x = operand(g, shape(g, 1), kind)
    axis = g.pick([None, *range(-x.rank, x.rank)])
    limit = x.elements() if axis is None else min(x.dims[axis])
    require(all(len(set(d)) == 1 for d in x.dims))
    test = operand(g, [g.integer(0, limit)], TensorProto.BOOL)
    return alone(g, "Compress", [x.name, test.name], kind, axis=axis)


def gather_elements(g: Generator) -> Value:
    kind, index = g.pick(MOVED), g.pick(INDEX)
    dims = [size(g, 2, 5, empty=False) for _ in range(g.integer(1, 3))]
    axis = g.integer(0, len(dims) - 1)
    least = min(dims[axis])
    smaller = [
        size(g, 1, 6) if i == axis else (g.integer(1, min(d)),) * g.calls
        for i, d in enumerate(dims)
    ]
    at = operand(g, smaller, index, -least, least - 1)
    x = operand(g, dims, kind)
    return alone(g, "GatherElements", [x.name, at.name], kind, axis=signed(g, axis, len(dims)))


def scatter_elements(g: Generator) -> Value:
    reduction = g.pick([None, "none", "add", "mul", "max", "min"])
    kind = g.pick((FLOAT, TensorProto.DOUBLE, *WIDE)) if reduction else g.pick(MOVED)
    dims = [size(g, 2, 5, empty=False) for _ in range(g.integer(1, 3))]
    axis = g.integer(0, len(dims) - 1)
    least = min(dims[axis])
    count = g.integer(1, least)
    smaller = [count if i == axis else g.integer(1, min(d)) for i, d in enumerate(dims)]
    if reduction in (None, "none"):  # Which of two wins is not said: each place once.
        order = g.random.permutation(least)[:count] - (
            least if g.chance(0.2) and len(set(dims[axis])) == 1 else 0
        )
        view = [1] * len(dims)
        view[axis] = count
        at = np.broadcast_to(order.reshape(view), smaller)
    else:
        at = g.random.integers(0, least, smaller)
    x, y = operand(g, dims, kind), operand(g, smaller, kind)
    index = given(g, np.ascontiguousarray(at).astype(g.pick([np.int64, np.int32])))
    return alone(
        g, "ScatterElements", [x.name, index, y.name], kind,
        axis=signed(g, axis, len(dims)), reduction=reduction,
    )  # fmt: skip


def gather_nd(g: Generator) -> Value:
    kind = g.pick(MOVED)
    batch = g.integer(0, 2)
    dims = [number(g, 1, 3) for _ in range(batch)] + [
        size(g, 1, 4, empty=False) for _ in range(g.integer(1, 3))
    ]
    deep = g.integer(1, len(dims) - batch)
    low = min(min(d) for d in dims[batch : batch + deep])
    middle = [size(g, 1, 4) for _ in range(g.integer(0, 2))]
    sizes: list[int | Size] = [*dims[:batch], *middle, deep]
    at = operand(g, sizes, TensorProto.INT64, -low, low - 1, said=[len(sizes) - 1])
    x = operand(g, dims, kind)
    return alone(g, "GatherND", [x.name, at.name], kind, batch_dims=batch)


def scatter_nd(g: Generator) -> Value:
    reduction = g.pick([None, "add", "mul", "max", "min"])
    kind = g.pick((FLOAT, TensorProto.DOUBLE, *WIDE)) if reduction else g.pick(MOVED)
    dims = [size(g, 1, 4, empty=False) for _ in range(g.integer(1, 3))]
    deep = g.integer(1, len(dims))
    least = [min(d) for d in dims[:deep]]
    total = int(np.prod(least))
    count = g.integer(0, total)
    if reduction:
        flat = g.random.integers(0, total, (count,))
    else:
        flat = g.random.permutation(total)[:count]
    at = np.stack(np.unravel_index(flat, least), -1).astype(np.int64).reshape(count, deep)
    x, y = operand(g, dims, kind), operand(g, [count, *dims[deep:]], kind)
    return alone(g, "ScatterND", [x.name, given(g, at), y.name], kind, reduction=reduction)


def one_hot(g: Generator) -> Value:
    index, kind = g.pick(INDEX), g.pick((FLOAT, *WIDE))
    many = g.integer(1, 6)
    x = operand(g, shape(g, 0, 3), index, -many, many - 1)
    deep = given(g, np.array(many, np.int64).reshape(g.pick([(), (1,)])))
    values = operand(g, [2], kind)
    return alone(
        g, "OneHot", [x.name, deep, values.name], kind, axis=g.integer(-x.rank - 1, x.rank)
    )


def non_zero(g: Generator) -> Value:
    x = operand(
        g, shape(g, 1, 3), g.pick((FLOAT, *WIDE, TensorProto.BOOL, TensorProto.UINT8)), -1, 1
    )
    return alone(g, "NonZero", [x.name], TensorProto.INT64)


def unique(g: Generator) -> Value:
    kind = g.pick((*WIDE, TensorProto.INT8, FLOAT, TensorProto.DOUBLE))
    # ONNX Runtime ends the process where there are no elements.
    x = operand(g, [size(g, 1, 4, empty=False) for _ in range(g.integer(1, 3))], kind, -1, 1)
    if kind in (FLOAT, TensorProto.DOUBLE):
        x = g.node("Round", [x.name], x.dims)
    axis = g.pick([None, *range(-x.rank, x.rank)])
    wanted = [kind, *[TensorProto.INT64] * g.integer(0, 3)]
    return alone(g, "Unique", [x.name], wanted=wanted, axis=axis, sorted=1)


def center(g: Generator) -> Value:
    kind = g.pick(MOVED)
    x = operand(g, shape(g, 1), kind)
    axes = [int(a) for a in g.random.permutation(x.rank)[: g.integer(1, x.rank)]]
    wanted = numbers(g, [g.integer(0, 8) for _ in axes])
    return alone(
        g, "CenterCropPad", [x.name, wanted], kind, axes=[signed(g, a, x.rank) for a in axes]
    )


def reverse(g: Generator) -> Value:
    kind = g.pick(MOVED)
    time, batch = g.pick([(0, 1), (1, 0)])
    dims = [size(g, 1, 5, empty=False), size(g, 1, 5, empty=False), *shape(g, 0, 2)]
    x = operand(g, dims, kind)
    lengths = operand(g, [dims[batch]], TensorProto.INT64, 1, min(dims[time]))
    return alone(
        g, "ReverseSequence", [x.name, lengths.name], kind, time_axis=time, batch_axis=batch
    )


def tensor_scatter(g: Generator) -> Value:
    kind = g.pick((*FLOATS, *WIDE))
    n, length, new = number(g, 1, 3), size(g, 4, 8, empty=False), number(g, 1, 3)
    rest = [number(g, 1, 4) for _ in range(g.integer(1, 2))]
    heads = [number(g, 1, 3)] if g.chance(0.5) else []
    past, update = (
        operand(g, [n, *heads, length, *rest], kind),
        operand(g, [n, *heads, new, *rest], kind),
    )
    axis = 1 + len(heads)
    names = [past.name, update.name]
    if g.chance(0.8):
        names.append(operand(g, [n], TensorProto.INT64, 0, min(length) - new[0]).name)
    return alone(
        g, "TensorScatter", names, kind, axis=signed(g, axis, past.rank),
        mode=g.pick([None, "linear", "circular"]),
    )  # fmt: skip


def columns(g: Generator) -> Value:
    kind, rank = g.pick((FLOAT, TensorProto.DOUBLE)), g.integer(1, 3)
    block = [g.integer(1, 3) for _ in range(rank)]
    dilations, strides = (
        [g.integer(1, 2) for _ in range(rank)],
        [g.integer(1, 2) for _ in range(rank)],
    )
    pads = [g.integer(0, 1) for _ in range(2 * rank)]
    image = [(b - 1) * d + 1 + g.integer(0, 4) for b, d in zip(block, dilations, strict=True)]
    steps = [
        (image[i] + pads[i] + pads[i + rank] - (block[i] - 1) * dilations[i] - 1) // strides[i] + 1
        for i in range(rank)
    ]
    rows = number(g, 1, 3)[0] * int(np.prod(block))
    x = operand(g, [size(g, 1, 3), rows, int(np.prod(steps))], kind)
    return alone(
        g, "Col2Im", [x.name, numbers(g, image, 0.8), numbers(g, block, 1.0)], kind,
        dilations=dilations, strides=strides, pads=pads,
    )  # fmt: skip


def pads(g: Generator) -> Value:
    kind = g.pick((*FLOATS, *WIDE, TensorProto.BOOL, TensorProto.UINT8, TensorProto.INT8))
    x = operand(g, [size(g, 3, 6, empty=False) for _ in range(g.integer(1, 4))], kind)
    mode = g.pick([None, "constant", "edge", "reflect", "wrap"])
    axes = [int(a) for a in g.random.permutation(x.rank)[: g.integer(1, x.rank)]]
    low = -1 if mode in (None, "constant") else 0
    amounts = numbers(g, [g.integer(low, 2) for _ in range(2 * len(axes))])
    value = operand(g, [], kind).name if g.chance(0.4) else ""
    named = numbers(g, [signed(g, a, x.rank) for a in axes])
    return alone(g, "Pad", [x.name, amounts, value, named], kind, mode=mode)


def slices(g: Generator) -> Value:
    kind = g.pick(MOVED)
    x = operand(g, shape(g, 1), kind)
    axes = [int(a) for a in g.random.permutation(x.rank)[: g.integer(1, x.rank)]]
    bounds = [(g.integer(-5, 5), g.pick([-3, -1, 1, 2, 4, 1 << 62, -(1 << 62)])) for _ in axes]
    names = [
        x.name,
        numbers(g, [b[0] for b in bounds], open_length=True),
        numbers(g, [b[1] for b in bounds], open_length=True),
    ]
    if g.chance(0.8):
        names.append(numbers(g, [signed(g, a, x.rank) for a in axes], open_length=True))
        if g.chance(0.7):
            names.append(numbers(g, [g.pick([1, 1, 2, 3, -1, -2]) for _ in axes], open_length=True))
    return alone(g, "Slice", names, kind)


def split(g: Generator) -> Value:
    kind = g.pick(MOVED)
    x = operand(g, shape(g, 1), kind)
    axis = g.integer(0, x.rank - 1)
    if g.chance(0.5):
        parts = g.integer(1, 4)
        require(min(x.dims[axis]) > parts * parts)
        return alone(g, "Split", [x.name], kind, outputs=parts, axis=axis, num_outputs=parts)
    require(len(set(x.dims[axis])) == 1)
    cuts = sorted(g.integer(0, x.dims[axis][0]) for _ in range(g.integer(0, 3)))
    sizes = np.diff([0, *cuts, x.dims[axis][0]]).tolist()
    return alone(
        g,
        "Split",
        [x.name, numbers(g, sizes)],
        kind,
        outputs=len(sizes),
        axis=signed(g, axis, x.rank),
    )


def shaped(g: Generator) -> Value:
    """Reshape, Expand, Tile, Unsqueeze, Squeeze, Flatten whose parameters may be inputs."""
    kind = g.pick(MOVED)
    op = g.pick(
        ["Reshape", "Expand", "Tile", "Unsqueeze", "Squeeze", "Flatten", "Transpose", "Identity"]
    )
    if op == "Reshape":
        x = operand(g, [number(g, 1, 4) for _ in range(g.integer(0, 4))], kind)
        sizes = [d[0] for d in x.dims]
        g.random.shuffle(sizes)
        cut = g.integer(0, len(sizes))
        sizes = [int(np.prod(sizes[:cut])), *sizes[cut:]]
        if g.chance(0.5):
            sizes[g.integer(0, len(sizes) - 1)] = -1
        return alone(g, op, [x.name, numbers(g, sizes)], kind)
    if op == "Expand":
        dims = [number(g, 0, 4) for _ in range(g.integer(0, 4))]
        x = operand(g, broadcast(g, dims), kind)
        target = [1 if g.chance(0.2) and x.rank > i else d[0] for i, d in enumerate(reversed(dims))]
        return alone(g, op, [x.name, numbers(g, list(reversed(target)))], kind)
    x = operand(g, shape(g, 1), kind)
    if op == "Tile":
        return alone(g, op, [x.name, numbers(g, [g.integer(0, 3) for _ in x.dims])], kind)
    if op == "Unsqueeze":
        rank = x.rank + g.integer(1, 2)
        axes = [int(a) for a in g.random.permutation(rank)[: rank - x.rank]]
        return alone(g, op, [x.name, numbers(g, [signed(g, a, rank) for a in axes], 1.0)], kind)
    if op == "Squeeze":
        y = operand(g, [2, 1, 3, 1], kind)
        return alone(g, op, [y.name, numbers(g, g.pick([[1], [3], [-1, 1], [-3]]), 1.0)], kind)
    axis: dict[str, Any] = {"axis": g.integer(-x.rank, x.rank)} if op == "Flatten" else {}
    return alone(g, op, [x.name], kind, **axis)


def taken(g: Generator) -> Value:
    kind, index = g.pick(MOVED), g.pick(INDEX)
    dims = [size(g, 1, 5, empty=False) for _ in range(g.integer(1, 3))]
    axis = g.integer(0, len(dims) - 1)
    least = min(dims[axis])
    at = operand(g, shape(g, 0, 2), index, -least, least - 1)
    return alone(
        g, "Gather", [operand(g, dims, kind).name, at.name], kind, axis=signed(g, axis, len(dims))
    )


def sequences(g: Generator) -> Value:
    kind = g.pick(MOVED)
    op = g.pick(["At", "Concat", "Stack", "Insert", "Erase", "Length", "Split"])
    rest = [number(g, 1, 3) for _ in range(g.integer(0, 2))]
    parts = [operand(g, [size(g), *rest], kind).name for _ in range(g.integer(2, 4))]
    made = f"q{len(g.nodes)}"
    if op == "Split":
        x = operand(g, [size(g, 2, 6, empty=False), *rest], kind)
        width = given(g, np.array(g.integer(1, 3), np.int64))
        keep = 1
        g.nodes.append(
            helper.make_node("SplitToSequence", [x.name, width], [made], axis=0, keepdims=keep)
        )
        return alone(g, "ConcatFromSequence", [made], kind, axis=0)
    g.nodes.append(helper.make_node("SequenceConstruct", parts, [made]))
    place = g.integer(-len(parts), len(parts) - 1)
    at = given(g, np.array(place, np.int64))
    if op == "At":
        return alone(g, "SequenceAt", [made, at], kind)
    if op in ("Insert", "Erase"):
        operands = [made, parts[0], at] if op == "Insert" else [made, at]
        g.nodes.append(helper.make_node(f"Sequence{op}", operands, [made + "n"]))
        made += "n"
    if op == "Length":
        return alone(g, "SequenceLength", [made], TensorProto.INT64)
    if op == "Stack":
        same = operand(g, [*rest], kind).name
        g.nodes.append(helper.make_node("SequenceConstruct", [same] * 3, [made + "s"]))
        return alone(g, "ConcatFromSequence", [made + "s"], kind, axis=0, new_axis=1)
    return alone(g, "ConcatFromSequence", [made], kind, axis=0)


def scans(g: Generator) -> Value:
    """A Scan over a sum, forwards or backwards."""
    steps, width = size(g, 1, 5), size(g, 1, 4)
    first, x = operand(g, [width]), operand(g, [steps, width])
    tag = f"scan{len(g.nodes)}"
    body = helper.make_graph(
        [
            helper.make_node(g.pick(["Add", "Max", "Sub"]), [f"{tag}_s", f"{tag}_x"], [f"{tag}_n"]),
            helper.make_node("Identity", [f"{tag}_n"], [f"{tag}_o"]),
        ],
        "body",
        [helper.make_tensor_value_info(f"{tag}_{n}", FLOAT, [None]) for n in "sx"],
        [helper.make_tensor_value_info(f"{tag}_{n}", FLOAT, [None]) for n in "no"],
    )
    directions: dict[str, Any] = {
        "scan_input_directions": [g.integer(0, 1)], "scan_output_directions": [g.integer(0, 1)],
    }  # fmt: skip
    return alone(
        g, "Scan", [first.name, x.name], outputs=2, body=body, num_scan_inputs=1, **directions
    )


def strings(g: Generator) -> Value:
    op = g.pick(["Concat", "Equal", "Unsqueeze", "Normalizer"])
    words = np.array(["", "a", "Bc", "déf", "x y"], object)
    if op == "Normalizer":
        # Without the locale of the default, onnxruntime does nothing; the reference takes accents
        # and empty texts away, too.
        words = np.array(["A", "a", "Bc", "dEF", "x y"], object)
    left = g.constant(words[g.random.integers(0, 5, (4,))])
    right = g.constant(words[g.random.integers(0, 5, (4,))])
    pick = operand(g, [size(g, 1, 3)], TensorProto.INT64, 0, 3)
    g.nodes.append(helper.make_node("Gather", [left, pick.name], [f"w{len(g.nodes)}"]))
    some = g.nodes[-1].output[0]
    g.nodes.append(helper.make_node("Gather", [right, pick.name], [f"w{len(g.nodes)}"]))
    other = g.nodes[-1].output[0]
    if op == "Concat":
        return alone(g, "StringConcat", [some, other], TensorProto.STRING)
    if op == "Equal":
        return alone(g, "Equal", [some, other], TensorProto.BOOL)
    if op == "Unsqueeze":
        return alone(g, "Unsqueeze", [some, g.vector([1])], TensorProto.STRING)
    return alone(
        g,
        "StringNormalizer",
        [some],
        TensorProto.STRING,
        case_change_action=g.pick(["UPPER", "LOWER"]),
    )


OPERATORS = [
    depth, compress, gather_elements, scatter_elements, scatter_elements, gather_nd, gather_nd,
    scatter_nd, scatter_nd, one_hot, non_zero, unique, center, reverse, tensor_scatter, columns,
    pads, pads, slices, slices, split, shaped, shaped, shaped, taken, sequences, sequences,
    scans, strings,
]  # fmt: skip
