# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Ops that move elements, and ops on shapes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from oracle import Array, Case, Random, check, either_way, listed, onnx_result

random = Random(6)


def exprs(values: Sequence[int]) -> str:
    """Known numbers as an attribute of expressions."""
    return f"<() -> ({', '.join(map(str, values))})>"


def one(text: str, x: Array, y: Array) -> Case:
    return Case(f"%y = graph.{text}", {"x": x}, np.ascontiguousarray(y) if y.ndim else y)


@either_way
def test_reshape(free: bool) -> None:
    shapes: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
        ((2, 3, 4), (6, 4)),
        ((6, 4), (2, 3, 4)),
        ((2, 3, 4), (4, 6)),
        ((4, 6), (3, 8)),
        ((24,), (2, 3, 4)),
        ((2, 3, 4), (24,)),
        ((1,), ()),
        ((), (1, 1)),
        ((1, 1), ()),
        ((2, 1, 3), (2, 3)),
        ((2, 3), (1, 2, 1, 3, 1)),
        ((1, 2, 3, 1), (2, 3)),
        ((2, 3, 4, 5), (2, 12, 5)),
        ((7, 1), (1, 7)),
        ((0, 3), (3, 0)),
        ((2, 0, 5), (0,)),
        ((0,), (0, 5)),
        ((12, 5, 7), (3, 4, 5, 7)),
        ((3, 4, 35), (12, 5, 7)),
    ]
    cases = []
    for before, after in shapes:
        x = random.floats(*before)
        cases.append(one("reshape %x : ({x}) -> {y}", x, x.reshape(after)))
    check(cases, free)


@either_way
def test_transpose_and_broadcast(free: bool) -> None:
    cases = []
    permuted: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
        ((3, 4), (1, 0)),
        ((2, 3, 4, 5), (0, 2, 3, 1)),
        ((2, 3, 4), (2, 0, 1)),
        ((2, 3, 4), (0, 1, 2)),
        ((2, 1, 4), (1, 0, 2)),
    ]
    for shape, permutation in permuted:
        x = random.floats(*shape)
        cases.append(
            one(f"transpose %x {listed(permutation)} : {{x}} -> {{y}}", x, x.transpose(permutation))
        )
    repeated: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
        ((3, 1), (3, 4)),
        ((4,), (3, 4)),
        ((), (2, 3)),
        ((1,), (5,)),
        ((2, 1, 3), (4, 2, 5, 3)),
        ((3, 4), (3, 4)),
    ]
    for before, after in repeated:
        x = random.floats(*before)
        cases.append(one("broadcast %x : ({x}) -> {y}", x, np.broadcast_to(x, after)))
    check(cases, free)


@either_way
def test_concat(free: bool) -> None:
    cases = []
    joined: list[tuple[int, list[tuple[int, ...]]]] = [
        (0, [(2, 3), (4, 3)]),
        (1, [(2, 3), (2, 1), (2, 5)]),
        (2, [(2, 3, 4), (2, 3, 0), (2, 3, 2)]),
        (0, [(3,), (2,)]),
        (0, [(3, 4)]),
    ]
    for axis, shapes in joined:
        operands = {f"x{i}": random.floats(*shape) for i, shape in enumerate(shapes)}
        names = ", ".join(f"%{name}" for name in operands)
        kinds = ", ".join(f"{{{name}}}" for name in operands)
        text = f"%y = graph.concat {names} axis = {axis} : ({kinds}) -> {{y}}"
        cases.append(Case(text, operands, np.concatenate(list(operands.values()), axis)))
    check(cases, free)


@either_way
def test_slice(free: bool) -> None:
    x = random.floats(6, 7, 8)
    cases = []
    for axes, offsets, steps, y in (
        ([0], [1], [2], x[1:6:2]),
        ([1], [2], [1], x[:, 2:5]),
        ([2, 0], [7, 0], [-1, 1], x[:, :, ::-1]),
        ([2, 0], [5, 5], [-2, -1], x[::-1, :, 5::-2]),
        ([0, 1, 2], [0, 1, 2], [1, 1, 3], x[0:3, 1:2, 2::3]),
        ([0], [6], [1], x[6:]),
    ):
        text = f"slice %x offsets = {exprs(offsets)} axes = {listed(axes)} steps = {listed(steps)}"
        cases.append(one(f"{text} : ({{x}}) -> {{y}}", x, y))
    for case in cases:  # Sizes follow from the type of the result, which must say them all.
        case.free = False
    check(cases, free)


@either_way
def test_pad(free: bool) -> None:
    x = random.floats(4, 5)
    cases = []
    for mode in ("constant", "edge", "reflect"):
        for amounts in ([1, 2, 3, 0], [0, 0, 0, 0], [0, 0, 0, 2], [3, 3, 3, 3]):
            y = onnx_result("Pad", [x, np.array(amounts)], mode=mode)
            cases.append(one(f"pad {mode} %x amounts = {exprs(amounts)} : ({{x}}) -> {{y}}", x, y))
    around = np.pad(x, [(3, 2), (1, 0)], mode="wrap")
    cases.append(one(f"pad wrap %x amounts = {exprs([3, 1, 2, 0])} : ({{x}}) -> {{y}}", x, around))
    # Further than the operand is long.
    line = random.floats(3)
    for mode, y in (
        ("reflect", np.pad(line, (7, 5), "reflect")),
        ("wrap", np.pad(line, (7, 5), "wrap")),
    ):
        cases.append(one(f"pad {mode} %x amounts = {exprs([7, 5])} : ({{x}}) -> {{y}}", line, y))
    # Negative amounts cut off.
    for amounts, y in (
        ([-1, 1, 2, -2], np.pad(x[1:, :-2], [(0, 2), (1, 0)])),
        ([-1] * 4, x[1:-1, 1:-1]),
    ):
        cases.append(one(f"pad constant %x amounts = {exprs(amounts)} : ({{x}}) -> {{y}}", x, y))
    text = f"%y = graph.pad constant %x value %v amounts = {exprs([1, 0, 0, 2])}"
    text += " : ({x}, {v}) -> {y}"
    seven = np.asarray(np.float32(7))
    padded = np.pad(x, [(1, 0), (0, 2)], constant_values=7)
    cases.append(Case(text, {"x": x, "v": seven}, padded))
    check(cases, free)


@either_way
def test_sizes_as_tensors(free: bool) -> None:
    x = random.floats(2, 5, 4)
    cases = [
        one("shape %x 0 to 3 : {x} -> tensor<3xi64>", x, np.array([2, 5, 4])),
        one("shape %x 1 to 1 : {x} -> tensor<0xi64>", x, np.zeros(0, np.int64)),
        Case("%y = graph.dim_values <() -> (3, 4)> : {y}", {}, np.array([3, 4])),
        Case("%y = graph.dim_values <() -> (3)> : {y}", {}, np.asarray(np.float32(3))),
        Case("%y = graph.iota 1 : {y}", {}, np.tile(np.arange(5, dtype=np.float16), (3, 1))),
        Case("%y = graph.iota 0 : {y}", {}, np.arange(3, dtype=np.uint8)),
    ]
    text = (
        "%a = graph.constant dense<{0}> : tensor<{3}> %b = graph.constant dense<{1}> : tensor<{3}> "
        "%c = graph.constant dense<{2}> : tensor<{3}> "
        "%y = graph.range %a to %b by %c : (tensor<{3}>, tensor<{3}>, tensor<{3}>) -> {{y}}"
    )
    cases.append(Case(text.format(3, 20, 4, "i64"), {}, np.arange(3, 20, 4)))
    down = np.arange(3, 2, -0.25, dtype=np.float32)
    cases.append(Case(text.format("3.0", "2.0", "-0.25", "f32"), {}, down))
    check(cases, free)
