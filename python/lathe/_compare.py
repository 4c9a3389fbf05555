# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Whether two engines computed the same: for `bench` and `verify`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from lathe._inputs import Array

# Elements of these types cannot be nearer than a few units in their last place.
_LEAST_RTOL = {"float16": 2.0**-9, "bfloat16": 2.0**-6}


@dataclass(frozen=True, slots=True)
class Difference:
    """How an output differs from its reference, at the element that is worst for its limit.

    `excess` is the difference over the limit there: above 1 is too much.
    """

    excess: float
    largest: float
    place: tuple[int, ...] = ()
    actual: Any = None
    reference: Any = None
    problem: str = ""


def compare(
    actual: Array, reference: Array, dtype: np.dtype[Any], *, atol: float, rtol: float
) -> Difference:
    """Compare an output with its reference; `dtype` is the element type of the model's output."""
    if actual.shape != reference.shape:
        shapes = f"the shape is {actual.shape}, the reference has {reference.shape}"
        return Difference(np.inf, np.inf, problem=shapes)
    if actual.size == 0:
        return Difference(0.0, 0.0)
    if dtype.kind == "O":
        wrong = np.argwhere(actual.astype(str) != reference.astype(str))
        if not len(wrong):
            return Difference(0.0, 0.0)
        at = tuple(int(i) for i in wrong[0])
        return Difference(np.inf, np.inf, at, actual[at], reference[at])
    wide = np.complex128 if dtype.kind == "c" else np.float64
    a, r = actual.astype(wide), reference.astype(wide)
    finite = np.isfinite(r)
    if dtype.kind in "biu" or "int" in dtype.name:
        limit = np.zeros_like(r)
    else:
        largest = np.abs(r[finite]).max(initial=0.0)
        rtol = max(rtol, _LEAST_RTOL.get(dtype.name, 0.0))
        limit = atol * max(1.0, largest) + rtol * np.abs(np.where(finite, r, 0.0))
    with np.errstate(invalid="ignore", divide="ignore"):
        same = (a == r) | (np.isnan(a) & np.isnan(r))
        difference = np.where(same, 0.0, np.where(np.isfinite(a - r), np.abs(a - r), np.inf))
        excess = np.where(difference == 0, 0.0, difference / limit)
    place = np.unravel_index(int(np.argmax(excess)), excess.shape)
    return Difference(
        float(excess[place]),
        float(difference.max()),
        tuple(int(i) for i in place),
        actual[place].item(),
        reference[place].item(),
    )


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What outputs may differ by, as `lathe._compare.compare` takes it.

    Outputs of a quantized operator are codes: with `codes`, the largest of them, two may be a step
    apart, as a sum may lie near the middle of two.
    """

    atol: float = 1e-4
    rtol: float = 1e-3
    codes: int = 0

    def compare(self, actual: Array, reference: Array) -> Difference:
        """Compare an output with its reference, of the same type."""
        if not self.codes:
            return compare(actual, reference, actual.dtype, atol=self.atol, rtol=self.rtol)
        # Divided by the largest code, no element is above 1, and a step is 1 / codes.
        a, r = (np.asarray(x, np.float32) / np.float32(self.codes) for x in (actual, reference))
        return compare(a, r, a.dtype, atol=1.01 / self.codes, rtol=0.0)


STANDARD = Tolerance()


def finite(figures: dict[str, Any]) -> dict[str, Any]:
    """Return what JSON can hold: None for infinities and what is no number."""
    return {
        name: None if isinstance(value, float) and not np.isfinite(value) else value
        for name, value in figures.items()
    }
