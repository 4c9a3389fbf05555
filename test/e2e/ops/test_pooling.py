# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Maxima and means of windows: pads, dilations, rounding up, what a mean counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from oracle import Case, Random, check, either_way, listed, onnx_result

random = Random(3)
WINDOWS: list[tuple[tuple[int, ...], list[int], list[int], list[int], list[int]]] = [
    # Shape (channels first), kernel, strides, pads, dilations.
    ((2, 3, 7, 8), [3, 3], [2, 2], [1, 1, 1, 1], [1, 1]),
    ((1, 3, 9, 8), [2, 3], [2, 3], [0, 0, 0, 0], [1, 1]),
    ((1, 3, 9, 8), [2, 2], [3, 3], [0, 1, 0, 0], [1, 1]),
    ((1, 2, 14), [3], [2], [1, 0], [2]),
    ((1, 2, 5, 6, 7), [2, 2, 3], [2, 1, 2], [1, 0, 1, 0, 1, 1], [1, 1, 1]),
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
