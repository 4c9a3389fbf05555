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
    ]
    check(cases, free)
