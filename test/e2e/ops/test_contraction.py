# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Matrix products: batches that broadcast, columns, types, nothing to sum."""

from __future__ import annotations

from typing import Any

import numpy as np
from oracle import BFLOAT16, Array, Case, Random, check, either_way

random = Random(1)


def matmul(a: Array, b: Array, **options: Any) -> Case:
    exact = np.float64 if a.dtype.kind not in "iu" else a.dtype
    y = np.matmul(a.astype(exact), b.astype(exact)).astype(a.dtype)
    return Case("%y = graph.matmul %a, %b : ({a}, {b}) -> {y}", {"a": a, "b": b}, y, **options)


@either_way
def test_shapes(free: bool) -> None:
    shapes: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
        ((3, 4), (4, 5)),
        ((2, 3, 4), (4, 5)),
        ((3, 4), (2, 4, 5)),
        ((2, 1, 3, 4), (6, 4, 5)),
        ((7, 1), (1, 7)),
        ((3, 9), (9, 1)),
        ((1, 9), (9, 2)),
        ((33, 70), (70, 65)),
        ((3, 0), (0, 4)),
    ]
    cases = [matmul(random.floats(*a), random.floats(*b), rtol=1e-4, atol=1e-4) for a, b in shapes]
    check(cases, free)


@either_way
def test_types(free: bool) -> None:
    a, b = random.floats(3, 40), random.floats(40, 5)
    cases = [
        matmul(a.astype(np.float16), b.astype(np.float16), rtol=2e-3, atol=2e-3),
        matmul(a.astype(BFLOAT16), b.astype(BFLOAT16), rtol=2e-2, atol=2e-2),
        matmul(a.astype(np.float64), b.astype(np.float64), rtol=1e-12, atol=1e-12),
    ]
    for dtype in (np.int32, np.int64, np.uint32, np.uint64, np.int8, np.uint8):
        x = random.integers(-100, 100, (3, 4), np.int64).astype(dtype)
        y = random.integers(-100, 100, (4, 5), np.int64).astype(dtype)
        cases.append(matmul(x, y))
    check(cases, free)
