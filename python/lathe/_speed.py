# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How fast the kernels of a profile are, beside what this machine can do at most."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import lathe
from lathe.model import CompiledModel

# "tensor<2x3xf32>" of fixed sizes, by its dims.
_TENSOR = re.compile(r"tensor<((?:\d+x)*)[a-z]\w*>")
_PRODUCT = re.compile(
    r"graph\.(matmul|conv)\b[^\n]*: \((.*?)\) -> (\S.*?)(?: loc\(.*)?$", re.MULTILINE
)


class ProfileError(Exception):
    """A profile that cannot be read, or is of something else."""


@dataclass(frozen=True, slots=True)
class Speed:
    """A kernel in a profile: milliseconds in a call, and shares from 0 to 1.

    `share` is of the call's time, `of_peak` of what the machine can compute in this time; None
    where the kernel computes no products, or its sizes are open.
    """

    milliseconds: float
    share: float
    of_peak: float | None


@dataclass(frozen=True, slots=True)
class Profile:
    """What `lathe profile --json` wrote, for the kernels of one model."""

    milliseconds: float  # Of a call.
    threads: int
    peak: float  # Operations in a second, of all threads.
    kernels: Mapping[str, Speed]  # By name.


def operations(text: str) -> int | None:
    """Return the multiplications and additions of the products in the IR of a kernel.

    0 if it has none, None if a size is open.
    """
    total = 0
    for kind, operands, result in _PRODUCT.findall(text):
        shapes = [_dims(t) for t in re.findall(r"tensor<[^>]*>", operands)[:2]]
        sizes = _dims(result)
        if sizes is None or None in shapes:
            return None
        left, right = shapes[0] or (1,), shapes[1] or (1,)
        total += 2 * math.prod(sizes) * (left[-1] if kind == "matmul" else math.prod(right[1:]))
    return total


def _dims(kind: str) -> tuple[int, ...] | None:
    match = _TENSOR.match(kind)
    return tuple(int(size) for size in match[1].split("x")[:-1]) if match else None


def measure_peak(threads: int) -> float:
    """Return the operations in a second of a product of f32 matrices that caches hold."""
    rows = 512
    text = (
        f"func.func @main(%a: tensor<{rows}x{rows}xf32>, %b: tensor<{rows}x{rows}xf32>)\n"
        f"    -> tensor<{rows}x{rows}xf32> {{\n"
        f"  %y = graph.matmul %a, %b : (tensor<{rows}x{rows}xf32>, tensor<{rows}x{rows}xf32>)\n"
        f"    -> tensor<{rows}x{rows}xf32>\n"
        f"  return %y : tensor<{rows}x{rows}xf32>\n}}\n"
    )
    model = lathe.compile(text.encode(), threads=threads)
    x = np.ones((rows, rows), np.float32)
    best = math.inf
    for _ in range(8):
        start = time.perf_counter()
        model(x, x)
        best = min(best, time.perf_counter() - start)
    return 2 * rows**3 / best


def read(path: Path, model: CompiledModel, kernels: Mapping[str, str]) -> Profile:
    """Return the profile at `path` of `model`, whose kernels have the IR in `kernels`, by name.

    Raises ProfileError if it is none, or one of other kernels.
    """
    try:
        figures: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        rows = {
            row["key"]: (row["kernel"], float(row["ms"]), float(row["share"]), int(row["launches"]))
            for row in figures["kernels"]
        }
        call, threads = float(figures["ms"]), int(figures["threads"])
        if not 1 <= threads < 2**31:
            raise ValueError("threads")
    except (OSError, ValueError, KeyError, TypeError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not what --json writes"
        raise ProfileError(f"cannot read the profile: {reason}") from error
    known = {kernel["key"]: kernel["name"] for kernel in model.kernels}
    if not rows.keys() <= known.keys():
        name = next(kernel for key, (kernel, *_) in rows.items() if key not in known)
        raise ProfileError(
            f'the profile has a kernel "{name}" that the model has not: it is of another model, '
            "target or dims"
        )
    peak = measure_peak(threads)
    speeds = {}
    for key, (_, milliseconds, share, launches) in rows.items():
        count = operations(kernels.get(known[key], ""))
        seconds = milliseconds / 1e3
        done = count * launches if count else 0
        of_peak = done / seconds / peak if done and seconds > 0 else None
        speeds[known[key]] = Speed(milliseconds, share, of_peak)
    return Profile(call, threads, peak, speeds)
