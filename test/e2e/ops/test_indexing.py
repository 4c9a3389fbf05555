# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Gathers and scatters, with positions from the end."""

from __future__ import annotations

from typing import Any

import numpy as np
from oracle import ELEMENTS, Array, Case, Random, check, either_way, onnx_result

random = Random(7)
X = random.floats(4, 5, 6)


def gather(x: Array, indices: Array, axis: int, y: Array) -> Case:
    text = f"%y = graph.gather %x at %i axis = {axis} : ({{x}}, {{i}}) -> {{y}}"
    return Case(text, {"x": x, "i": indices}, y)


@either_way
def test_gather(free: bool) -> None:
    cases = []
    for axis in range(3):
        for indices in (
            np.array([[0, -1], [2, 3]]),
            np.array([1], np.int32),
            np.array(2),
            np.array([[-2]]),
        ):
            y = np.take(X, indices, axis)
            cases.append(gather(X, indices, axis, y))
            if indices.size == 1:
                dims = "".join(f"{d}x" for d in indices.shape)
                kind = f"tensor<{dims}{ELEMENTS[indices.dtype]}>"
                text = (
                    f"%i = graph.constant dense<{indices.tolist()}> : {kind} "
                    f"%y = graph.gather %x at %i axis = {axis} : ({{x}}, {kind}) -> {{y}}"
                )
                cases.append(Case(text, {"x": X}, y))
    line = random.floats(5)
    cases.append(gather(line, np.array([4, -5]), 0, line[[4, 0]]))
    cases.append(gather(line > 0, np.array([1, 0]), 0, (line > 0)[[1, 0]]))
    check(cases, free)


@either_way
def test_gather_elements(free: bool) -> None:
    text = "%y = graph.gather_elements %x at %i axis = {} : ({{x}}, {{i}}) -> {{y}}"
    first = random.integers(-4, 4, (4, 3, 6), np.int64)
    x = X[:, :3].copy()
    last = random.integers(0, 6, (2, 5, 9), np.int32)
    cases = [
        Case(text.format(0), {"x": x, "i": first}, np.take_along_axis(x, first % 4, 0)),
        Case(text.format(2), {"x": X, "i": last}, onnx_result("GatherElements", [X, last], axis=2)),
    ]
    check(cases, free)


@either_way
def test_gather_nd(free: bool) -> None:
    cases = []
    for batch, shape, low, high in (
        (0, (3, 2), -4, 4),
        (0, (2, 3, 1), 0, 4),
        (1, (4, 2, 1), 0, 5),
        (2, (4, 5, 1), 0, 6),
        (0, (2, 3), 0, 4),
    ):
        indices = random.integers(low, high, shape, np.int64)
        y = onnx_result("GatherND", [X, indices], batch_dims=batch)
        text = f"%y = graph.gather_nd %x at %i batch_dims = {batch} : ({{x}}, {{i}}) -> {{y}}"
        cases.append(Case(text, {"x": X, "i": indices}, y, fixed=frozenset("i")))
    check(cases, free)


def scatter(op: str, kind: str, x: Array, indices: Array, updates: Array, **options: Any) -> Case:
    """A scatter along axis 0, or by positions."""
    name, axis = ("ScatterElements", "axis = 0") if op == "scatter_elements" else ("ScatterND", "")
    half = x.dtype == np.float16
    operands = [x, indices, updates]
    if half:
        operands = [x.astype(np.float32), indices, updates.astype(np.float32)]
    y = onnx_result(name, operands, reduction=kind).astype(x.dtype)
    text = f"%y = graph.{op} {kind} %x at %i with %u {axis} : ({{x}}, {{i}}, {{u}}) -> {{y}}"
    fixed = frozenset("i") if op == "scatter_nd" else frozenset("")
    tolerance = 1e-2 if half else 1e-5
    return Case(
        text, {"x": x, "i": indices, "u": updates}, y, tolerance, tolerance, fixed, **options
    )


@either_way
def test_scatter(free: bool) -> None:
    cases = []
    for kind in ("none", "add", "mul", "max", "min"):
        for dtype in (np.float32, np.int32, np.float16):
            x = (random.floats(4, 5) * 4).astype(dtype)
            updates = (random.floats(3, 5) * 4).astype(dtype)
            # Without a combination, positions must differ to say who wins.
            columns = [random.generator.permutation(4)[:3] - 4 * (j % 2) for j in range(5)]
            elements = np.array(columns).T.copy()
            rows = np.array([[1], [3], [-4]])
            if kind != "none":
                elements, rows = random.integers(-4, 4, (3, 5), np.int64), np.array([[1], [3], [1]])
            cases.append(scatter("scatter_elements", kind, x, elements, updates))
            cases.append(scatter("scatter_nd", kind, x, rows, updates))
    single = np.array([[[0, 1], [2, -1]]])
    cases.append(scatter("scatter_nd", "none", random.floats(4, 5), single, random.floats(1, 2)))
    check(cases, free)
