# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Reductions, softmax, positions of extremes, running sums."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import lathe
import numpy as np
from oracle import BFLOAT16, Array, Case, Random, check, either_way, listed, onnx_result

random = Random(4)


def reduce(
    kind: str,
    x: Array,
    axes: Sequence[int],
    function: Callable[..., Array],
    keep: bool = False,
    **options: Any,
) -> Case:
    y = np.asarray(function(x, axis=tuple(axes), keepdims=keep)).astype(x.dtype)
    flags = "keep_dims" if keep else ""
    text = f"%y = graph.reduce {kind} %x axes = {listed(axes)} {flags} : {{x}} -> {{y}}"
    return Case(text, {"x": x}, y, **options)


def wide(function: Callable[..., Array]) -> Callable[..., Array]:
    """`function` of half precision, computed in f64."""
    return lambda x, **options: function(x.astype(np.float64), **options)


@either_way
def test_reduce(free: bool) -> None:
    x = random.floats(3, 4, 5, 6)
    axes: list[list[int]] = [[0], [3], [1, 2], [0, 1, 2, 3], [0, 3], []]
    cases = []
    for some in axes:
        for keep in (False, True):
            cases += [
                reduce("sum", x, some, np.sum, keep, rtol=1e-4, atol=1e-4),
                reduce("mean", x, some, np.mean, keep, rtol=1e-4, atol=1e-5),
                reduce("max", x, some, np.max, keep),
                reduce("min", x, some, np.min, keep),
            ]
    cases.append(reduce("prod", x, [1], np.prod, rtol=1e-4))
    nothing = np.zeros((0, 4), np.float32)
    cases.append(reduce("sum", nothing, [0], np.sum))
    cases.append(reduce("max", nothing, [0], lambda x, **_: np.full(4, -np.inf)))
    cases.append(reduce("min", nothing, [0], lambda x, **_: np.full(4, np.inf)))
    check(cases, free)


@either_way
def test_reduce_over_neighbouring_dims(free: bool) -> None:
    """Lines of no whole vectors, over batch and image at once, and before dims that stay."""
    x = random.floats(3, 20, 13, 11)
    cases = []
    for axes in ([0, 2, 3], [2, 3], [1, 2, 3], [1, 2], [0, 1]):
        for keep in (False, True):
            cases += [
                reduce("mean", x, axes, np.mean, keep, rtol=1e-4, atol=1e-5),
                reduce("max", x, axes, np.max, keep),
            ]
    check(cases, free)


def test_sums_of_images_have_the_same_bits_on_two_threads() -> None:
    x = random.floats(8, 64, 28, 28)
    for axes in ([0, 2, 3], [2, 3]):
        y = "tensor<64xf32>" if 0 in axes else "tensor<8x64xf32>"
        text = f"""
func.func @main(%x: tensor<8x64x28x28xf32>) -> {y} {{
  %y = graph.reduce sum %x axes = {axes} : tensor<8x64x28x28xf32> -> {y}
  return %y : {y}
}}
"""
        model = lathe.compile(text.encode(), cache=False)
        (one,), (two,) = model.with_threads(1)(x), model.with_threads(2)(x)
        assert one.tobytes() == two.tobytes()
        np.testing.assert_allclose(one, x.sum(tuple(axes), dtype=np.float64), rtol=1e-4, atol=1e-3)


@either_way
def test_reduce_types(free: bool) -> None:
    cases = []
    floats: dict[str, Any] = {"sum": np.sum, "mean": np.mean, "max": np.max}
    whole: dict[str, Any] = {"sum": np.sum, "prod": np.prod, "max": np.max, "min": np.min}
    for dtype, tolerance in ((np.float16, 2e-3), (BFLOAT16, 2e-2), (np.float64, 1e-12)):
        x = random.floats(5, 700, dtype=dtype)
        for kind, function in floats.items():
            cases.append(reduce(kind, x, [1], wide(function), rtol=tolerance, atol=tolerance))
    for integer in (np.int8, np.int32, np.int64, np.uint8, np.uint32, np.uint64):
        values = random.integers(-50, 50, (3, 4), np.int64).astype(integer)
        for kind, function in whole.items():
            cases.append(reduce(kind, values, [1], function))
    signed = random.integers(-50, 50, (3, 4), np.int32)
    cases.append(reduce("mean", signed, [1], lambda x, **o: np.trunc(np.mean(x, **o))))
    truth = random.floats(4, 5) > 0.5
    for kind, logic in {"any": np.any, "all": np.all, "max": np.any, "min": np.all}.items():
        cases.append(reduce(kind, truth, [1], logic))
    check(cases, free)


def softmax(x: Array, axis: int) -> Array:
    exps = np.exp(x - x.max(axis, keepdims=True))
    return np.asarray(exps / exps.sum(axis, keepdims=True))


@either_way
def test_softmax(free: bool) -> None:
    cases = []
    for dtype, tolerance in ((np.float32, 1e-5), (np.float64, 1e-12), (np.float16, 2e-3)):
        for axis in range(3):
            x = (random.floats(3, 4, 37) * 3).astype(dtype)
            y = softmax(x.astype(np.float64), axis)
            text = f"%y = graph.softmax %x axis = {axis} %s : {{x}}"
            options: Any = {"rtol": tolerance, "atol": tolerance}
            cases.append(Case(text.replace("%s", ""), {"x": x}, y.astype(dtype), **options))
            cases.append(
                Case(text.replace("%s", "log"), {"x": x}, np.log(y).astype(dtype), **options)
            )
    far = np.array([[1000, 0, -1000]], np.float32)
    cases.append(Case("%y = graph.softmax %x axis = 1 : {x}", {"x": far}, softmax(far, 1)))
    check(cases, free)


@either_way
def test_arg(free: bool) -> None:
    cases = []
    for kind, function in {"max": np.argmax, "min": np.argmin}.items():
        for axis in (0, 1):
            for keep in (False, True):
                for last in (False, True):
                    # Few values, so that many are equal.
                    x = random.integers(0, 4, (4, 6), np.float32 if keep else np.uint8)
                    y = np.asarray(function(np.flip(x, axis) if last else x, axis=axis))
                    y = x.shape[axis] - 1 - y if last else y
                    y = np.expand_dims(y, axis) if keep else y
                    flags = f"{'keep_dims' if keep else ''} {'last' if last else ''}"
                    text = f"%y = graph.arg {kind} %x axis = {axis} {flags} : {{x}} -> {{y}}"
                    cases.append(Case(text, {"x": x}, y.astype(np.int64)))
    check(cases, free)


@either_way
def test_arg_of_lines(free: bool) -> None:
    """Lines of no whole vectors, with infinities and with NaN, which is better than any number."""
    cases = []
    for dtype in (np.float32, np.float16, np.float64):
        x = random.integers(-9, 9, (6, 83), dtype)
        x[1, [5, 70]] = np.nan
        x[2] = -np.inf
        x[3] = np.inf
        x[4, 82] = np.nan
        x[5, [17, 64]] = [np.inf, -np.inf]
        for kind, function in {"max": np.argmax, "min": np.argmin}.items():
            for last in (False, True):
                y = np.asarray(function(x[:, ::-1] if last else x, axis=1))
                y = 82 - y if last else y
                text = (
                    f"%y = graph.arg {kind} %x axis = 1 {'last' if last else ''} : {{x}} -> {{y}}"
                )
                cases.append(Case(text, {"x": x}, y.astype(np.int64)))
    check(cases, free)


@either_way
def test_cumulative_sum(free: bool) -> None:
    cases = []
    for axis in range(3):
        for exclusive in (0, 1):
            for reverse in (0, 1):
                x = random.floats(3, 4, 5)
                y = onnx_result("CumSum", [x, np.array(axis)], exclusive=exclusive, reverse=reverse)
                flags = f"{'exclusive' if exclusive else ''} {'reverse' if reverse else ''}"
                text = f"%y = graph.cumulative_sum %x axis = {axis} {flags} : {{x}}"
                cases.append(Case(text, {"x": x}, y, rtol=1e-4, atol=1e-5))
    text = "%y = graph.cumulative_sum %x axis = 0 : {x}"
    half = random.floats(6, dtype=np.float16)
    running = np.cumsum(half.astype(np.float32)).astype(np.float16)
    cases.append(Case(text, {"x": half}, running, rtol=1e-3, atol=1e-3))
    whole = random.integers(0, 9, (3, 4), np.int64)
    cases.append(Case(text, {"x": whole}, np.cumsum(whole, 0)))
    # Short and long lines, in number above and below what is read at once.
    text = "%y = graph.cumulative_sum %x axis = 1 : {x}"
    for shape in ((9, 33), (8, 33), (40, 1), (1, 40)):
        lines = random.integers(0, 9, shape, np.int64)
        cases.append(Case(text, {"x": lines}, np.cumsum(lines, 1)))
    halves = random.floats(9, 6, dtype=np.float16)
    running = np.cumsum(halves.astype(np.float32), 1).astype(np.float16)
    cases.append(Case(text, {"x": halves}, running, rtol=1e-3, atol=1e-3))
    check(cases, free)


@either_way
def test_cumulative_product(free: bool) -> None:
    cases = []
    for axis in range(2):
        for exclusive in (False, True):
            for reverse in (False, True):
                x = random.floats(3, 4)
                flipped = np.flip(x, axis) if reverse else x
                y = np.cumprod(flipped.astype(np.float64), axis)
                if exclusive:
                    ones = np.ones_like(np.take(y, [0], axis))
                    y = np.concatenate([ones, np.take(y, range(x.shape[axis] - 1), axis)], axis)
                y = (np.flip(y, axis) if reverse else y).astype(np.float32)
                flags = f"{'exclusive' if exclusive else ''} {'reverse' if reverse else ''}"
                text = f"%y = graph.cumulative_product %x axis = {axis} {flags} : {{x}}"
                cases.append(Case(text, {"x": x}, y, rtol=1e-4, atol=1e-5))
    text = "%y = graph.cumulative_product %x axis = 0 : {x}"
    whole = random.integers(1, 4, (5, 3), np.int64)
    cases.append(Case(text, {"x": whole}, np.cumprod(whole, 0)))
    check(cases, free)


def order(x: Array, kind: str, axis: int, count: int) -> Array:
    """The first positions of a stable sort."""
    # Reversed twice, so that the largest come first and equal ones keep their order.
    if kind == "min":
        positions = np.argsort(x, axis, kind="stable")
    else:
        last = np.flip(np.argsort(np.flip(x, axis), axis, kind="stable"), axis)
        positions = x.shape[axis] - 1 - last
    return np.take(positions, range(count), axis)


@either_way
def test_top_k(free: bool) -> None:
    cases = []
    for kind in ("max", "min"):
        for dtype in (np.float32, np.float16, np.uint8, np.int64):
            # Few values, so that many are equal; sizes on both sides of a power of two.
            for shape, axis in (((2, 7, 3), 1), ((9, 2), 0), ((3, 8), 1), ((17,), 0), ((2, 1), 1)):
                x = random.integers(0, 5, shape, dtype)
                for count in {1, shape[axis] // 2, shape[axis]} - {0}:
                    y = order(x, kind, axis, count)
                    text = f"%y = graph.top_k {kind} %x axis = {axis} : {{x}} -> {{y}}"
                    cases.append(Case(text, {"x": x}, y.astype(np.int64)))
    long = random.floats(3000)
    text = "%y = graph.top_k max %x axis = 0 : {x} -> {y}"
    cases.append(Case(text, {"x": long}, order(long, "max", 0, 300).astype(np.int64)))
    check(cases, free)
