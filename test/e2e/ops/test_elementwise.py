# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every elementwise op, in the types it is defined on, with broadcasting."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from oracle import BFLOAT16, ELEMENTS, Array, Case, Random, by_rows, check, either_way

random = Random()
X = random.floats(3, 5)
POSITIVE = np.abs(X) + np.float32(0.5)
INSIDE = np.tanh(X) * np.float32(0.9)
SIGNED = [np.dtype(f"i{n}") for n in (1, 2, 4, 8)]
UNSIGNED = [np.dtype(f"u{n}") for n in (1, 2, 4, 8)]


def sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def softplus(x: Array) -> Array:
    return np.log1p(np.exp(x))


def erf(x: Array) -> Array:
    return np.asarray(np.vectorize(math.erf)(x))


def gelu_tanh(x: Array) -> Array:
    return np.asarray(x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))))


UNARY: dict[str, tuple[Any, Array]] = {
    "abs": (np.abs, X),
    "neg": (np.negative, X),
    "sign": (np.sign, X),
    "ceil": (np.ceil, X),
    "floor": (np.floor, X),
    "round": (np.round, np.array([-2.5, -0.5, 0.5, 1.5, 1.2], np.float32)),
    "reciprocal": (np.reciprocal, POSITIVE),
    "sqrt": (np.sqrt, POSITIVE),
    "exp": (np.exp, X),
    "log": (np.log, POSITIVE),
    "sin": (np.sin, X),
    "cos": (np.cos, X),
    "tan": (np.tan, X),
    "asin": (np.arcsin, INSIDE),
    "acos": (np.arccos, INSIDE),
    "atan": (np.arctan, X),
    "sinh": (np.sinh, X),
    "cosh": (np.cosh, X),
    "tanh": (np.tanh, X),
    "asinh": (np.arcsinh, X),
    "acosh": (np.arccosh, POSITIVE + 1),
    "atanh": (np.arctanh, INSIDE),
    "erf": (erf, X),
    "relu": (lambda x: np.maximum(x, 0), X),
    "sigmoid": (sigmoid, X),
    "softplus": (softplus, X),
    "softsign": (lambda x: x / (1 + np.abs(x)), X),
    "mish": (lambda x: x * np.tanh(softplus(x)), X),
    "leaky_relu %a alpha = 0.1": (lambda x: np.where(x >= 0, x, 0.1 * x), X),
    "elu %a alpha = 0.5": (lambda x: np.where(x > 0, x, 0.5 * np.expm1(x)), X),
    "celu %a alpha = 2.0": (
        lambda x: np.maximum(0, x) + np.minimum(0, 2 * np.expm1(x / 2)),
        X,
    ),
    "thresholded_relu %a alpha = 0.3": (lambda x: np.where(x > 0.3, x, 0), X),
    "swish %a alpha = 1.5": (lambda x: x * sigmoid(1.5 * x), X),
    "hard_sigmoid %a alpha = 0.2 beta = 0.5": (lambda x: np.clip(0.2 * x + 0.5, 0, 1), X),
    "selu %a alpha = 1.6 beta = 1.1": (
        lambda x: 1.1 * np.where(x > 0, x, 1.6 * np.expm1(x)),
        X,
    ),
    "shrink %a alpha = 0.5 beta = 0.2": (
        lambda x: np.where(x < -0.5, x + 0.2, np.where(x > 0.5, x - 0.2, 0)),
        X,
    ),
    "gelu": (lambda x: x / 2 * (1 + erf(x / math.sqrt(2))), X),
    "gelu %a approximate_tanh": (gelu_tanh, X),
}


def unary(op: str, x: Array, y: Array, **options: Any) -> Case:
    text = op if "%a" in op else f"{op} %a"
    return Case(f"%y = graph.{text} : {{a}} -> {{y}}", {"a": x}, y, **options)


def binary(op: str, a: Array, b: Array, y: Array, **options: Any) -> Case:
    text = f"%y = graph.{op} %a, %b : ({{a}}, {{b}}) -> {{y}}"
    return Case(text, {"a": a, "b": b}, y, **options)


@either_way
@pytest.mark.parametrize(
    ("dtype", "rtol", "atol"),
    [(np.float32, 1e-4, 1e-6), (np.float64, 1e-12, 1e-12), (np.float16, 2e-3, 1e-3)],
    ids=["f32", "f64", "f16"],
)
def test_unary(dtype: Any, rtol: float, atol: float, free: bool) -> None:
    cases = []
    for op, (function, operand) in UNARY.items():
        x = operand.astype(dtype)
        cases.append(unary(op, x, by_rows(function, x), rtol=rtol, atol=atol))
    check(cases, free)


@either_way
def test_bfloat16(free: bool) -> None:
    x = X.astype(BFLOAT16)
    cases = [
        unary(op, x, by_rows(UNARY[op][0], x), rtol=1e-2, atol=1e-2)
        for op in ("abs", "exp", "tanh", "relu", "sigmoid")
    ]
    cases.append(binary("mul", x, x, (x.astype("f4") ** 2).astype(BFLOAT16)))
    check(cases, free)


@either_way
def test_integers_and_bools(free: bool) -> None:
    cases = []
    for dtype in SIGNED:
        x = np.array([-3, 0, 5, np.iinfo(dtype).min], dtype)
        with np.errstate(over="ignore"):
            cases += [unary("abs", x, np.abs(x)), unary("neg", x, -x), unary("sign", x, np.sign(x))]
        cases.append(unary("relu", x, np.maximum(x, 0)))
    for dtype in UNSIGNED:
        x = np.array([3, 0, np.iinfo(dtype).max], dtype)
        cases += [unary("abs", x, x), unary("sign", x, np.sign(x)), unary("relu", x, x)]
        cases.append(unary("bitwise_not", x, ~x))
    truth = np.array([True, False, True])
    cases.append(unary("not", truth, ~truth))
    odd = X.copy()
    odd[0, :3] = np.nan, np.inf, -np.inf
    cases.append(unary("is_nan", odd, np.isnan(odd)))
    for negative, positive in ((True, False), (False, True), (True, True)):
        both = f"is_inf %a {{{{detect_negative = {negative}, detect_positive = {positive}}}}}"
        found = (odd == -np.inf) & negative | (odd == np.inf) & positive
        cases.append(unary(both.replace("True", "true").replace("False", "false"), odd, found))
    check(cases, free)


def truncated(a: Array, b: Array) -> Array:
    """Quotients of integers, rounded towards zero and wrapped; 0 where `b` is."""
    quotients = []
    for x, y in zip(a.tolist(), b.tolist(), strict=True):
        quotient = abs(x) // abs(y) if y else 0
        quotients.append(quotient if (x < 0) == (y < 0) else -quotient)
    mask = (1 << 8 * a.dtype.itemsize) - 1
    wrapped = np.array([q & mask for q in quotients], np.uint64)
    return wrapped.astype(f"u{a.dtype.itemsize}").view(a.dtype)


@either_way
def test_binary_integers(free: bool) -> None:
    cases = []
    for dtype in SIGNED + UNSIGNED:
        least = np.iinfo(dtype).min
        a = np.array([7, 7, 100, least, 3, 0], np.int64 if least else np.uint64).astype(dtype)
        b = np.array([2, 250, 3, -1 % 256, 5, 4], np.int64).astype(dtype)
        cases.append(binary("div", a, b, truncated(a, b)))
        cases.append(binary("div", a, np.zeros_like(b), np.zeros_like(a)))
        for op, function in {
            "add": np.add,
            "sub": np.subtract,
            "mul": np.multiply,
            "min": np.minimum,
            "max": np.maximum,
            "mod": np.mod,
            "fmod": np.fmod,
            "less": np.less,
            "less_equal": np.less_equal,
            "greater": np.greater,
            "greater_equal": np.greater_equal,
            "equal": np.equal,
            "bitwise_and": np.bitwise_and,
            "bitwise_or": np.bitwise_or,
            "bitwise_xor": np.bitwise_xor,
        }.items():
            with np.errstate(over="ignore", divide="ignore"):
                cases.append(binary(op, a, b, function(a, b)))
    for dtype in UNSIGNED:
        width = 8 * dtype.itemsize
        a, b = np.array([200, 100, 77, 3], dtype), np.array([1, 3, 9, 64], dtype)
        left = [
            (x << y) % 2**width if y < width else 0
            for x, y in zip(a.tolist(), b.tolist(), strict=True)
        ]
        right = [x >> y if y < width else 0 for x, y in zip(a.tolist(), b.tolist(), strict=True)]
        cases.append(binary("shift_left", a, b, np.array(left, dtype)))
        cases.append(binary("shift_right", a, b, np.array(right, dtype)))
    for dtype in SIGNED:
        width = 8 * dtype.itemsize
        a, b = np.array([100, -100, -1, 77], dtype), np.array([3, 3, 100, 100], dtype)
        shifted = [x >> min(y, width - 1) for x, y in zip(a.tolist(), b.tolist(), strict=True)]
        cases.append(binary("shift_right", a, b, np.array(shifted, dtype)))
    check(cases, free)


@either_way
def test_broadcasting(free: bool) -> None:
    a, b, scalar = random.floats(4, 3, 5), random.floats(3, 1), np.float32(2.5)
    cases = []
    for op, function in {
        "add": np.add,
        "sub": np.subtract,
        "mul": np.multiply,
        "div": np.divide,
        "min": np.minimum,
        "max": np.maximum,
        "mod": np.mod,
        "fmod": np.fmod,
    }.items():
        for left, right in ((a, b), (b, a), (a, np.asarray(scalar)), (b, random.floats(1, 7))):
            y = function(left, right)
            cases.append(binary(op, left, right, y, rtol=1e-4, atol=1e-5))
    cases.append(binary("prelu", a, b, np.where(a >= 0, a, b * a)))
    cases.append(binary("pow", POSITIVE, X, np.power(POSITIVE, X), rtol=1e-4))
    integers = np.array([2, 3], np.int32), np.array([5, 2], np.int32)
    cases.append(binary("pow", *integers, np.array([32, 9], np.int32)))
    truth = np.array([True, True, False, False]), np.array([True, False, True, False])
    for op, logic in {"and": np.logical_and, "or": np.logical_or, "xor": np.logical_xor}.items():
        cases.append(binary(op, *truth, logic(*truth)))
    for condition in (X > 0, np.asarray(True)):
        text = "%y = graph.select %c, %a, %b : ({c}, {a}, {b}) -> {y}"
        operands = {"c": condition, "a": X, "b": -X[:1]}
        cases.append(Case(text, operands, np.where(condition, X, -X[:1])))
    check(cases, free)


def with_constant(op: str, value: str, kind: str, x: Array, y: Array) -> Case:
    text = (
        f"%k = graph.constant dense<{value}> : {kind} "
        f"%y = graph.{op} %a, %k : ({{a}}, {kind}) -> {{y}}"
    )
    return Case(text, {"a": x}, y)


@either_way
def test_constants(free: bool) -> None:
    half = X.astype(np.float16)
    small = np.array([3, 201], np.uint8)
    cases = [
        with_constant("pow", "2.0", "tensor<f32>", X, X * X),
        with_constant("pow", "-1.0", "tensor<f32>", POSITIVE, 1 / POSITIVE),
        with_constant("pow", "0.5", "tensor<f32>", POSITIVE, np.sqrt(POSITIVE)),
        with_constant("add", "2.0", "tensor<1x1xf16>", half, half + np.float16(2)),
        with_constant("max", "200", "tensor<ui8>", small, np.array([200, 201], np.uint8)),
    ]
    several = with_constant("max", "[1, 255]", "tensor<2xui8>", small, np.array([3, 255], np.uint8))
    several.free = False
    check([*cases, several], free)


@either_way
def test_cast(free: bool) -> None:
    cases = []
    for source in ELEMENTS:
        x = np.array([0, 1, 2, 100, 3], np.float64).astype(source)
        if source.kind == "f" or source == BFLOAT16:
            x[4] = 3.75
        for target in ELEMENTS:
            if source != target:
                cases.append(unary("cast", x, x.astype(target), rtol=0, atol=0))
    # Half way between two neighbours in f16, but not quite: rounding twice would show.
    tie = np.array([1 + 2**-11 + 2**-40, 1 + 2**-11 - 2**-40, 1e300, 1e-300, np.nan])
    tie = np.concatenate([tie, -tie, random.floats(500, dtype=np.float64)])
    with np.errstate(over="ignore"):
        cases.append(unary("cast", tie, tie.astype(np.float16), rtol=0, atol=0))
    wide = np.array([300, -1, 70000], np.int32)
    cases += [unary("cast", wide, wide.astype(t)) for t in (np.int8, np.uint8, np.int16, np.uint64)]
    check(cases, free)


@either_way
def test_remainders_have_no_error(free: bool) -> None:
    """Of short and long quotients, of denormal numbers, infinities and zeros."""
    special = [0.0, -0.0, 1.0, -1.0, 2.5, np.inf, -np.inf, np.nan, 1e-45, 1e-38, 3e38, 2.0**24]
    a, b = (v.ravel() for v in np.meshgrid(special, special))
    scale = np.float32(2) ** random.integers(-40, 40, (2000,), np.int64)
    near = random.floats(2000)
    a = np.concatenate([a, random.floats(2000) * scale, near * 7]).astype(np.float32)
    b = np.concatenate([b, random.floats(2000), near]).astype(np.float32)
    with np.errstate(invalid="ignore"):
        check([binary("fmod", a, b, np.fmod(a, b), rtol=0, atol=0)], free)


@either_way
def test_cast_of_large_floats_keeps_the_lowest_bits(free: bool) -> None:
    """Around the multiples of 2^31, where a conversion to 32 bits has no result, up to 2^60."""
    near = [k * 2.0**31 + d for k in range(-4, 5) for d in (-512, -0.5, 0, 0.5, 512)]
    near += [sign * 2.0**k * e for k in (54, 55, 62) for e in (1, 1 + 2.0**-23) for sign in (1, -1)]
    large = random.floats(500) * np.float32(2) ** random.integers(20, 60, (500,), np.int64)
    small = [0.5, -0.5, 255.9, -128.9, 70000]
    x = np.concatenate([near, large, small]).astype(np.float32)
    cases = []
    for target in (np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32):
        y = x.astype(np.int64).astype(target)
        cases.append(unary("cast", x, y, rtol=0, atol=0))
        for half in (np.float16, BFLOAT16):
            h = x[np.abs(x) < 60000].astype(half)
            y = h.astype(np.float32).astype(np.int64).astype(target)
            cases.append(unary("cast", h, y, rtol=0, atol=0))
    check(cases, free)


@either_way
def test_cast_of_what_no_integer_is(free: bool) -> None:
    """NaN and infinities have no lowest bits: 0."""
    x = np.array([np.nan, -np.nan, np.inf, -np.inf, 3e38], np.float32)
    zeros = (np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32)
    check([unary("cast", x, np.zeros(5, t), rtol=0, atol=0) for t in zeros], free)


@either_way
def test_bitcast(free: bool) -> None:
    """The bits stay, whatever they mean; a NaN is none of them, as it need not keep its payload."""
    cases = []
    for source in ELEMENTS:
        x = random.integers(-100, 100, (5,), np.int64).astype(source)
        for target in ELEMENTS:
            if source.itemsize != target.itemsize or source == target or target == np.bool_:
                continue
            y = x.view(target)
            if y.dtype.kind == "f" or y.dtype == BFLOAT16:
                y = np.where(np.isnan(y.astype(np.float64)), y.dtype.type(0), y)
                x = y.view(source)
            cases.append(unary("bitcast", x, y, rtol=0, atol=0))
    small = np.array([0, 1, 2, 255], np.uint8)
    cases.append(unary("bitcast", small, small != 0))
    check(cases, free)
