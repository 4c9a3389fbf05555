# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Maxima and means of windows: pads, dilations, rounding up, what a mean counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import lathe
import numpy as np
import onnx.parser
import pytest
from oracle import BFLOAT16, Case, Random, check, either_way, listed, onnx_result

random = Random(3)
WINDOWS: list[tuple[tuple[int, ...], list[int], list[int], list[int], list[int]]] = [
    # Shape (channels first), kernel, strides, pads, dilations.
    ((2, 3, 7, 8), [3, 3], [2, 2], [1, 1, 1, 1], [1, 1]),
    ((1, 3, 9, 8), [2, 3], [2, 3], [0, 0, 0, 0], [1, 1]),
    ((1, 3, 9, 8), [2, 2], [3, 3], [0, 1, 0, 0], [1, 1]),
    ((1, 2, 14), [3], [2], [1, 0], [2]),
    ((1, 2, 5, 6, 7), [2, 2, 3], [2, 1, 2], [1, 0, 1, 0, 1, 1], [1, 1, 1]),
    # More positions than are read one by one.
    ((1, 3, 9, 10), [5, 4], [2, 1], [2, 1, 2, 1], [1, 1]),
    ((1, 2, 12, 13), [5, 5], [1, 2], [4, 4, 4, 4], [2, 2]),
    # Rows whose borders are few of their positions.
    ((1, 2, 5, 77), [3, 3], [1, 1], [1, 1, 1, 1], [1, 1]),
    ((1, 2, 3, 80), [3, 3], [2, 2], [1, 1, 0, 1], [1, 1]),
]


def pool(
    kind: str,
    last: bool,
    window: tuple[Sequence[int], Sequence[int], Sequence[int], Sequence[int], Sequence[int]],
    ceil: bool,
    includes_pad: bool = False,
    dtype: Any = np.float32,
    tolerance: float = 1e-5,
) -> Case:
    shape, kernel, strides, pads, dilations = window
    x = (random.floats(*shape) * 10).astype(dtype)
    attributes: dict[str, Any] = (
        {"count_include_pad": int(includes_pad)} if kind == "average" else {}
    )
    y = onnx_result(
        {"max": "MaxPool", "average": "AveragePool"}[kind],
        [x.astype(np.float32) if x.dtype == np.float16 else x],
        opset=22,
        kernel_shape=kernel,
        strides=strides,
        pads=pads,
        dilations=dilations,
        ceil_mode=int(ceil),
        **attributes,
    ).astype(dtype)
    if last:
        x, y = (np.ascontiguousarray(np.moveaxis(v, 1, -1)) for v in (x, y))
    flags = "channels_last" if last else ""
    text = (
        f"%y = graph.{kind}_pool %x {flags} kernel = {listed(kernel)} strides = {listed(strides)} "
        f"pads = {listed(pads)} dilations = {listed(dilations)} {'ceil_mode' if ceil else ''}"
        f"{' {{count_include_pad}}' if includes_pad else ''} : {{x}} -> {{y}}"
    )
    return Case(text, {"x": x}, y, rtol=tolerance, atol=tolerance)


@either_way
@pytest.mark.parametrize("last", [False, True], ids=["channels-first", "channels-last"])
def test_pool(last: bool, free: bool) -> None:
    cases = []
    for window in WINDOWS:
        for ceil in (False, True):
            cases.append(pool("max", last, window, ceil))
            cases.append(pool("average", last, window, ceil))
            cases.append(pool("average", last, window, ceil, includes_pad=True))
    for dtype in (np.uint8, np.int8):
        cases.append(pool("max", last, WINDOWS[0], False, dtype=dtype))
    half: Any = {"dtype": np.float16, "tolerance": 3e-3}
    cases += [
        pool("max", last, WINDOWS[0], True, **half),
        pool("average", last, WINDOWS[0], False, **half),
    ]
    check(cases, free)


@either_way
@pytest.mark.parametrize("dtype", [np.float16, BFLOAT16], ids=["f16", "bf16"])
def test_maxima_of_16_bits(dtype: Any, free: bool) -> None:
    """A NaN of either sign is the maximum of its window; infinities and zeros are in order."""
    special = [np.nan, -np.nan, np.inf, -np.inf, 0.0, -0.0, -1.0, 65504.0, -65504.0, 1e-7]
    x = random.floats(1, 1, 200)
    x[0, 0, ::3] = np.resize(special, 67)
    x = x.astype(dtype)
    wide = x.astype(np.float32)
    for pads in (0, 1):
        padded = np.pad(wide, ((0, 0), (0, 0), (pads, pads)), constant_values=-np.inf)
        y = np.max(np.lib.stride_tricks.sliding_window_view(padded, 3, axis=2), axis=-1)
        text = (
            f"%y = graph.max_pool %x kernel = [3] strides = [1] pads = [{pads}, {pads}] "
            "dilations = [1] : {x} -> {y}"
        )
        check([Case(text, {"x": x}, y.astype(dtype), rtol=0, atol=0)], free)


@pytest.mark.parametrize("size", ["0, 3", "n, m"], ids=["static", "free"])
@pytest.mark.parametrize(
    ("op", "expected"),
    [("MaxPool", -np.inf), ("AveragePool <count_include_pad = 1>", 0.0)],
    ids=["max", "average"],
)
def test_padding_around_no_elements(op: str, expected: float, size: str) -> None:
    """Nothing is read of an image without lines; one with lines has them."""
    name, _, more = op.partition(" <")
    attributes = "kernel_shape = [2, 2], pads = [1, 1, 1, 1]" + (f", {more[:-1]}" if more else "")
    model = onnx.parser.parse_model(
        '<ir_version: 10, opset_import: ["" : 21]>\n'
        f"g (float[1, 2, {size}] x) => (float[a, b, c, d] y) {{ y = {name} <{attributes}> (x) }}"
    )
    compiled = lathe.compile(model, cache=False)
    (y,) = compiled(np.zeros((1, 2, 0, 3), np.float32))
    np.testing.assert_array_equal(y, np.full((1, 2, 1, 4), expected, np.float32))
    if size == "n, m":
        (y,) = compiled(np.ones((1, 2, 1, 1), np.float32))
        np.testing.assert_array_equal(y, np.full((1, 2, 2, 2), 1 if name == "MaxPool" else 0.25))
