# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Convolutions and their transposes, in both layouts and one to three dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from oracle import BFLOAT16, Array, Case, Random, check, either_way, listed, onnx_result

random = Random(2)
layouts = pytest.mark.parametrize("last", [False, True], ids=["channels-first", "channels-last"])


def to_last(x: Array) -> Array:
    return np.ascontiguousarray(np.moveaxis(x, 1, -1))


def conv(
    x: Sequence[int],
    filter_: Sequence[int],
    last: bool,
    strides: Sequence[int],
    pads: Sequence[int],
    dilations: Sequence[int],
    groups: int = 1,
    output_padding: Sequence[int] | None = None,
    dtype: Any = np.float32,
    tolerance: float = 1e-4,
) -> Case:
    """A convolution, or with `output_padding` a transposed one; shapes are channels first."""
    data, kernel = random.floats(*x, dtype=dtype), random.floats(*filter_, dtype=dtype)
    attributes: dict[str, Any] = {"strides": strides, "pads": pads, "dilations": dilations}
    text = "conv"
    more = ""
    if output_padding is not None:
        attributes["output_padding"] = output_padding
        text, more = "conv_transpose", f"output_padding = {listed(output_padding)}"
    y = onnx_result(
        "Conv" if output_padding is None else "ConvTranspose",
        [data.astype(np.float32), kernel.astype(np.float32)],
        group=groups,
        **attributes,
    ).astype(dtype)
    layout = "channels_last" if last else ""
    return Case(
        f"%y = graph.{text} %x, %f {layout} strides = {listed(strides)} pads = {listed(pads)} "
        f"dilations = {listed(dilations)} {more} groups = {groups} : ({{x}}, {{f}}) -> {{y}}",
        {"x": to_last(data) if last else data, "f": kernel},
        to_last(y) if last else y,
        rtol=tolerance,
        atol=tolerance,
        fixed=frozenset("f"),
    )


@either_way
@layouts
def test_conv(last: bool, free: bool) -> None:
    cases = [
        conv((2, 3, 7, 8), (4, 3, 3, 3), last, [1, 1], [1, 1, 1, 1], [1, 1]),
        conv((2, 4, 7, 9), (6, 2, 3, 2), last, [2, 1], [0, 1, 2, 0], [1, 2], groups=2),
        conv((1, 6, 7, 9), (6, 1, 3, 3), last, [2, 2], [1, 1, 1, 1], [1, 1], groups=6),
        conv((1, 3, 7, 9), (6, 1, 3, 3), last, [1, 1], [1, 1, 1, 1], [1, 1], groups=3),
        conv((1, 40, 7, 9), (70, 40, 1, 1), last, [1, 1], [0, 0, 0, 0], [1, 1]),
        conv((1, 33, 9, 20), (65, 33, 3, 3), last, [1, 1], [1, 1, 1, 1], [1, 1]),
        conv((1, 5, 9, 9), (6, 5, 1, 1), last, [2, 2], [0, 0, 0, 0], [1, 1]),
        conv((2, 3, 11), (4, 3, 3), last, [2], [1, 0], [2]),
        conv(
            (1, 2, 5, 6, 7),
            (4, 1, 2, 3, 2),
            last,
            [1, 2, 1],
            [1, 0, 1, 0, 1, 0],
            [1, 1, 2],
            groups=2,
        ),
    ]
    check(cases, free)


@either_way
@layouts
def test_conv_lines(last: bool, free: bool) -> None:
    """One spatial dim: a line is several tasks."""
    cases = [
        conv((1, 8, 700), (24, 8, 5), last, [1], [2, 2], [1]),
        conv((2, 6, 301), (12, 6, 3), last, [1], [4, 4], [4]),
        conv((1, 1, 900), (17, 1, 64), last, [16], [0, 0], [1]),
        conv((1, 32, 333), (32, 4, 3), last, [1], [1, 1], [1], 8),
        conv((1, 20, 333), (20, 1, 7), last, [1], [3, 3], [1], 20),
        conv((2, 9, 100), (9, 1, 40), last, [2], [0, 0], [1], 9),
        conv((1, 9, 40), (18, 1, 3), last, [1], [1, 1], [2], 9),
        conv((3, 40, 50), (70, 40, 1), last, [1], [0, 0], [1]),
        conv((3, 40, 50), (30, 20, 1), last, [1], [0, 0], [1], 2),
    ]
    check(cases, free)


@either_way
@layouts
def test_conv_volumes(last: bool, free: bool) -> None:
    flat, one = [0] * 6, [1] * 3
    cases = [
        conv((1, 5, 6, 7, 9), (20, 5, 3, 3, 3), last, one, [1] * 6, one),
        conv((2, 8, 6, 7, 9), (16, 4, 2, 1, 3), last, [1, 2, 1], flat, [2, 1, 1], 2),
        conv((1, 12, 6, 7, 9), (12, 1, 3, 3, 3), last, one, [1] * 6, one, 12),
        conv((1, 40, 3, 4, 5), (70, 40, 1, 1, 1), last, one, flat, one),
        conv((1, 8, 9, 10, 1), (20, 8, 3, 2, 1), last, one, [1, 0, 0, 1, 0, 0], one),
    ]
    check(cases, free)


@either_way
@layouts
def test_conv_groups(last: bool, free: bool) -> None:
    """Groups whose channels fill vectors, parts of them, or none."""
    ones, twos = [1, 1], [2, 2]
    cases = [
        conv((1, 32, 9, 11), (64, 16, 3, 3), last, ones, [1] * 4, ones, 2),
        conv((1, 32, 9, 11), (32, 4, 3, 3), last, twos, [1] * 4, ones, 8),
        conv((1, 18, 9, 11), (36, 3, 3, 3), last, ones, [2] * 4, twos, 6),
        conv((1, 15, 9, 11), (15, 3, 3, 3), last, ones, [1] * 4, ones, 5),
        conv((2, 6, 9, 11), (24, 1, 3, 3), last, ones, [1] * 4, ones, 6),
        conv((1, 8, 9, 11), (8, 4, 1, 1), last, ones, [0] * 4, ones, 2),
        conv((1, 12, 40, 1), (24, 12, 5, 1), last, ones, [2, 0, 2, 0], ones),
    ]
    check(cases, free)


@either_way
@layouts
def test_conv_types(last: bool, free: bool) -> None:
    shape, full, depthwise = (1, 3, 5, 6), (4, 3, 3, 3), (3, 1, 3, 3)
    cases = []
    for dtype, tolerance in ((np.float16, 5e-3), (np.float64, 1e-4), (BFLOAT16, 3e-2)):
        kind: Any = {"dtype": dtype, "tolerance": tolerance}
        cases.append(conv(shape, full, last, [1, 1], [1] * 4, [1, 1], **kind))
        cases.append(conv(shape, depthwise, last, [1, 1], [1] * 4, [1, 1], 3, **kind))
    check(cases, free)


@either_way
@layouts
def test_conv_transpose(last: bool, free: bool) -> None:
    flat, none = [0, 0, 0, 0], [0, 0]
    cases = [
        # Windows side by side.
        conv((2, 3, 4, 5), (3, 4, 2, 2), last, [2, 2], flat, [1, 1], 1, none),
        conv((2, 4, 4, 5), (4, 3, 2, 2), last, [2, 2], flat, [1, 1], 2, none),
        conv((1, 4, 4, 5), (4, 1, 2, 2), last, [2, 2], [1, 0, 0, 1], [1, 1], 4, none),
        conv((1, 4, 4, 5), (4, 1, 2, 2), last, [2, 2], flat, [1, 1], 4, [1, 1]),
        conv((1, 3, 4, 5), (3, 4, 1, 1), last, [1, 1], flat, [1, 1], 1, none),
        # Windows that overlap or leave gaps.
        conv((2, 3, 4, 5), (3, 4, 3, 3), last, [2, 2], [1, 1, 1, 1], [1, 1], 1, [1, 1]),
        conv((1, 3, 4, 5), (3, 4, 3, 3), last, [1, 1], flat, [2, 1], 1, none),
        conv((1, 4, 4, 5), (4, 3, 3, 2), last, [3, 2], [0, 1, 2, 0], [1, 2], 2, [2, 1]),
        conv((1, 4, 4, 5), (4, 1, 3, 3), last, [2, 2], [1, 1, 1, 1], [1, 1], 4, [1, 1]),
        conv((1, 3, 4, 5), (3, 4, 1, 1), last, [2, 2], flat, [1, 1], 1, [1, 0]),
        conv((1, 3, 6), (3, 4, 3), last, [2], [0, 0], [1], 1, [0]),
        conv((1, 2, 3, 3, 4), (2, 2, 2, 3, 2), last, [2, 1, 2], [0] * 6, [1, 1, 1], 1, [0] * 3),
        # Every phase has as many taps, with paddings of every remainder.
        conv((2, 3, 6), (3, 4, 4), last, [2], [1, 1], [1], 1, [0]),
        conv((2, 3, 6), (3, 4, 4), last, [2], [2, 3], [1], 1, [1]),
        conv((1, 6, 5), (6, 2, 9), last, [3], [2, 4], [1], 2, [2]),
        conv((1, 6, 5, 4), (6, 2, 4, 2), last, [2, 1], [1, 0, 1, 1], [1, 1], 3, none),
        conv((1, 6, 5, 4), (6, 1, 4, 4), last, [2, 2], [1] * 4, [1, 1], 6, none),
        # Phases of their own.
        conv((1, 6, 9), (6, 1, 5), last, [2], [2, 2], [1], 6, [1]),
        conv((2, 3, 4, 5), (3, 4, 5, 3), last, [2, 2], [2, 1, 2, 1], [1, 1], 1, [1, 0]),
        conv((1, 4, 3, 3, 4), (4, 2, 3, 3, 3), last, [2] * 3, [1] * 6, [1] * 3, 2, [1] * 3),
        conv((1, 4, 3, 3, 4), (4, 2, 2, 2, 2), last, [2] * 3, [0] * 6, [1] * 3, 2, [0] * 3),
        conv((1, 4, 3, 3, 4), (4, 4, 4, 4, 4), last, [2] * 3, [1] * 6, [1] * 3, 1, [0] * 3),
        # A stride larger than the filter, and padding that reaches beyond it.
        conv((1, 3, 5), (3, 4, 2), last, [3], [0, 0], [1], 1, [0]),
        conv((1, 3, 7), (3, 4, 2), last, [1], [2, 3], [1], 1, [0]),
        # Strides and dilations both.
        conv((1, 3, 7), (3, 4, 3), last, [2], [1, 0], [2], 1, [1]),
    ]
    check(cases, free)


def test_conv_transpose_infinity() -> None:
    """An infinity reaches just the outputs that it is a term of: no tap is made up."""
    case = conv((1, 1, 1, 5), (1, 1, 1, 3), False, [1, 2], [0] * 4, [1, 1], 1, [0, 0])
    x, f = case.operands["x"], case.operands["f"]
    x[0, 0, 0, 2] = np.inf
    f[:] = 1
    expected = np.zeros(11)
    for i in range(5):
        expected[2 * i : 2 * i + 3] += x[0, 0, 0, i]
    case.expected = expected.astype(np.float32).reshape(1, 1, 1, 11)
    check([case], False)
