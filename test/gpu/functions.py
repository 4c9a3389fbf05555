#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Functions on a GPU, real or emulated, against the C library: how far, in ULP of f64 and f32.

functions.py [NAME...]    all of them, or those that are named; fails where one is too far
"""

from __future__ import annotations

import sys
from typing import Any

import families
import lathe
import numpy as np
import numpy.typing as npt
from onnx import helper

Array = npt.NDArray[Any]

# Of f64, from the result of the C library, which is within 1 ULP; where arguments end that give a
# number.
LIMIT = 4.0
ENDS = {
    "Exp": 760.0,
    "Log": 1e308,
    "Sin": 1e308,
    "Cos": 1e308,
    "Tan": 1e308,
    "Asin": 1.0,
    "Acos": 1.0,
    "Atan": 1e308,
    "Sinh": 720.0,
    "Cosh": 720.0,
    "Tanh": 30.0,
    "Asinh": 1e308,
    "Acosh": 1e308,
    "Atanh": 1.0,
    "Erf": 7.0,
}

# Of f32, from the result in f64: what docs/numerics.md has, and half an ULP.
LIMITS_F32 = {"Asin": 8.0, "Tanh": 5.0, "Erf": 5.0, "Atan": 3.5}

# Ends of exp, multiples of pi/2, and what is no number.
SPECIAL = [0.0, 5e-324, 1e-310, 2.3e-308, 1e-8, 0.5, 1.0, 2.0, 3.0, 709.78, 710.4, 745.13, 746.0]
SPECIAL += [1e22, 1.7e308, np.inf, np.nan, np.pi, np.pi / 2, 2.0**53]


def arguments(end: float) -> Array:
    """Numbers of all sizes up to `end` and of both signs."""
    random = np.random.default_rng(3)
    sizes = np.exp2(random.uniform(-60, np.log2(end), 1500))
    numbers = np.concatenate([sizes, random.uniform(0, min(end, 40), 1500), 1 + sizes[:200] / end])
    numbers = np.concatenate([numbers, np.array(SPECIAL)])
    return np.concatenate([numbers, -numbers])


def pairs() -> tuple[Array, Array]:
    """Bases and exponents: of results of all sizes, whole exponents, and all special cases."""
    random = np.random.default_rng(4)
    x = np.exp2(random.uniform(-100, 100, 3000))
    y = random.uniform(-1080, 1080, 3000) / np.abs(np.log2(x))
    whole = np.array([-3.0, -2.0, 2.0, 3.0, 5.0, 101.0, -101.0])
    near = random.uniform(0.99, 1.01, 700)
    ends = np.array([0.0, 5e-324, 0.5, 1.0, 1.5, 2.0, 3.0, 2.0**53, 1e300, np.inf, np.nan])
    ends = np.concatenate([ends, -ends])
    grid = np.meshgrid(ends, ends)
    bases = [x, random.uniform(-3, 3, 700), near, grid[0].ravel()]
    powers = [y, np.resize(whole, 700), random.uniform(-7e4, 7e4, 700), grid[1].ravel()]
    return np.concatenate(bases), np.concatenate(powers)


# What is closest to a multiple of pi/2 among all numbers, where the C library is off by 8 ULP, and
# its cosine by 1400 bits of pi.
CLOSEST, COSINE = 6381956970095103.0 * 2.0**797, -4.687165924254627611e-19


def call(op: str, values: list[Array], target: str) -> Array:
    """What a model of one node computes."""
    dtype = helper.np_dtype_to_tensor_dtype(values[0].dtype)
    names = ["a", "b"][: len(values)]
    infos = [helper.make_tensor_value_info(n, dtype, [len(values[0])]) for n in names]
    model = families.onnx_model([helper.make_node(op, names, ["y"])], infos, dtype=dtype)
    compiled = lathe.compile(model, target=target, cache=False)
    return np.asarray(compiled.run(dict(zip(names, values, strict=True)))["y"])


def distance(found: Array, wanted: Array) -> tuple[float, int]:
    """The largest difference in ULP of the type of `found`, and where it is."""
    rounded = wanted.astype(found.dtype)
    both = np.isfinite(found) & np.isfinite(rounded)
    same = (found == rounded) | (np.isnan(found) & np.isnan(rounded))
    signs = np.isnan(rounded) | (np.signbit(found) == np.signbit(rounded))
    step = np.spacing(np.abs(np.where(both, rounded, 1)))
    off = np.abs(np.where(both, found, 0).astype(wanted.dtype) - np.where(both, wanted, 0))
    far = np.where(both, off / step, np.where(same, 0.0, np.inf))
    # A denormal result may differ in its last digit, and become 0.
    far = np.where(signs | (far <= 1), far, np.inf)
    return float(far.max()), int(far.argmax())


def check(op: str) -> None:
    """Both types of one function."""
    values = [arguments(ENDS[op])] if op in ENDS else list(pairs())
    with np.errstate(all="ignore"):
        far, at = distance(call(op, values, families.TARGET), call(op, values, "host"))
        print(f"{op} f64: {far:.2f} ULP at {[float(v[at]) for v in values]}")
        assert far <= LIMIT, op
        narrow = [v.astype(np.float32) for v in values]
        wide = [v.astype(np.float64) for v in narrow]
        far, at = distance(call(op, narrow, families.TARGET), call(op, wide, "host"))
        print(f"{op} f32: {far:.2f} ULP at {[float(v[at]) for v in narrow]}")
        assert far <= LIMITS_F32.get(op, 2.5), op
    if op == "Cos":
        (found,) = call(op, [np.array([CLOSEST])], families.TARGET)
        assert abs(found - COSINE) <= np.spacing(abs(COSINE)), found


if __name__ == "__main__":
    for name in sys.argv[1:] or (*ENDS, "Pow"):
        check(name)
