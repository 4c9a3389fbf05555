# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Resampling: every mode, every way to find positions, up and down."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from oracle import Case, Random, check, either_way, listed, onnx_result

random = Random(8)
COORDINATES = (
    "half_pixel",
    "half_pixel_symmetric",
    "pytorch_half_pixel",
    "align_corners",
    "asymmetric",
)
# Scales or sizes of the last two dimensions of 4 by 5.
TARGETS: list[tuple[list[float], list[int]]] = [
    ([2.0, 3.0], []),
    ([0.6, 1.7], []),
    ([0.5, 2.0], []),
    ([], [9, 4]),
    ([], [6, 8]),
    ([], [1, 1]),
]


def resize(
    mode: str,
    coordinates: str,
    scales: Sequence[float],
    sizes: Sequence[int],
    nearest: str = "round_prefer_floor",
    coefficient: float = -0.75,
    exclude_outside: bool = False,
    dtype: Any = np.float32,
) -> Case:
    x = (random.floats(1, 2, 4, 5) * (1 if dtype == np.float32 else 50)).astype(dtype)
    inputs = [x, None, np.array([1, 1, *scales], np.float32)]
    if sizes:
        inputs = [x, None, None, np.array([1, 2, *sizes])]
    y = onnx_result(
        "Resize",
        inputs,
        opset=19,
        mode=mode,
        coordinate_transformation_mode=coordinates,
        nearest_mode=nearest,
        cubic_coeff_a=coefficient,
        exclude_outside=int(exclude_outside),
    )
    text = (
        f"%y = graph.resize {mode} %x axes = [2, 3] "
        f"scales = {listed([float(np.float32(s)) for s in scales])} {coordinates} {nearest} "
        f"{{{{cubic_coefficient = {coefficient}{', exclude_outside' if exclude_outside else ''}}}}}"
        " : ({x}) -> {y}"
    )
    # A free size times such a fraction is no whole expression.
    is_free = all(scale * 64 == int(scale * 64) for scale in scales)
    return Case(text, {"x": x}, y, rtol=1e-4, atol=1e-4, free=is_free)


@either_way
@pytest.mark.parametrize("coordinates", COORDINATES)
def test_nearest(coordinates: str, free: bool) -> None:
    cases = []
    for scales, sizes in TARGETS:
        for nearest in ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil"):
            cases.append(resize("nearest", coordinates, scales, sizes, nearest))
    cases.append(resize("nearest", coordinates, [2.0, 2.0], [], "floor", dtype=np.uint8))
    cases.append(resize("nearest", coordinates, [1.5, 2.0], [], "floor", dtype=np.int32))
    check(cases, free)


@either_way
@pytest.mark.parametrize("coordinates", COORDINATES)
def test_interpolated(coordinates: str, free: bool) -> None:
    cases = []
    for scales, sizes in TARGETS:
        cases.append(resize("linear", coordinates, scales, sizes))
        cases.append(resize("cubic", coordinates, scales, sizes))
        cases.append(
            resize("cubic", coordinates, scales, sizes, coefficient=-0.5, exclude_outside=True)
        )
    check(cases, free)


@either_way
def test_interpolated_integers_are_rounded(free: bool) -> None:
    """To the nearest, ties to even, as ONNX's reference does; ONNX Runtime cuts fractions off."""
    end = "{{cubic_coefficient = -0.75}} : ({x}) -> {y}"
    text = f"%y = graph.resize linear %x axes = [1] scales = [] half_pixel round_prefer_floor {end}"
    double = text.replace("scales = []", "scales = [2.0]")
    check(
        [
            Case(
                text,
                {"x": np.array([[0, 1, 3, 9]], np.uint8)},
                np.array([[0, 0, 1, 2, 3, 7, 9]], np.uint8),
                free=False,
            ),
            Case(
                double,
                {"x": np.array([[-2, 0, 6]], np.int8)},
                # -2, -1.5, -0.5, 1.5, 4.5, 6.
                np.array([[-2, -2, 0, 2, 4, 6]], np.int8),
            ),
        ],
        free,
    )
