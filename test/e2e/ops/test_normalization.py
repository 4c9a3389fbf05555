# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Layer normalization, also where a mean is far from zero."""

from __future__ import annotations

from typing import Any

import numpy as np
from oracle import BFLOAT16, Array, Case, Random, check, either_way

random = Random(5)


def layer_norm(x: Array, axis: int, **options: Any) -> Case:
    axes = tuple(range(axis, x.ndim))
    wide = x.astype(np.float64)
    mean = wide.mean(axes, keepdims=True)
    variance = np.square(wide - mean).mean(axes, keepdims=True)
    y = ((wide - mean) / np.sqrt(variance + 1e-5)).astype(x.dtype)
    text = f"%y = graph.layer_norm %x axis = {axis} epsilon = 1.0e-05 : {{x}}"
    return Case(text, {"x": x}, y, **options)


@either_way
def test_layer_norm(free: bool) -> None:
    cases = []
    for dtype, tolerance in (
        (np.float32, 1e-4),
        (np.float64, 1e-10),
        (np.float16, 2e-2),
        (BFLOAT16, 5e-2),
    ):
        for axis in range(3):
            x = (random.floats(3, 4, 37) * 3 + 1).astype(dtype)
            cases.append(layer_norm(x, axis, rtol=tolerance, atol=tolerance))
    # Squares of these would lose all digits of the variance.
    cases.append(layer_norm(random.floats(4, 64) + 1000, 1, rtol=1e-3, atol=1e-3))
    check(cases, free)
