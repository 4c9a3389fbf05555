# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Values of each kind, and errors, go to an emulated machine and come back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import emulated
import lathe
import ml_dtypes
import numpy as np
import numpy.typing as npt
import onnx.parser
import pytest
from lathe.model import CompiledModel

HEADER = '<ir_version: 10, opset_import: ["" : 21, "ai.onnx.ml" : 3]>\n'


@pytest.fixture(autouse=True, params=["aarch64:neon", "riscv64:gc"])
def target(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """What the models are compiled for and run on."""
    name = str(request.param)
    arch, _, isa = name.partition(":")
    emulated.program(arch)
    monkeypatch.setattr(CompiledModel, "_call", emulated.caller(emulated.Machine(arch, isa)))
    yield name


def compute(target: str, text: str, *values: Any) -> tuple[Any, ...]:
    model = onnx.parser.parse_model(HEADER + text)
    return lathe.compile(model, target=target, cache=False)(*values)


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("float", np.float32),
        ("int64", np.int64),
        ("bool", np.bool_),
        ("bfloat16", ml_dtypes.bfloat16),
        ("int4", ml_dtypes.int4),
    ],
)
def test_tensors(target: str, name: str, dtype: npt.DTypeLike) -> None:
    x = np.array([[0, 1, 1], [1, 0, 1]]).astype(dtype)
    (y,) = compute(target, f"g ({name}[n, 3] x) => ({name}[3, n] y) {{ y = Transpose(x) }}", x)
    assert y.dtype == x.dtype
    np.testing.assert_array_equal(y, x.T)


def test_strings(target: str) -> None:
    x = np.array([["é", ""], ["three", "four"]], object)
    (y,) = compute(target, "g (string[2, 2] x) => (string[2, 2] y) { y = Transpose(x) }", x)
    assert y.tolist() == x.T.tolist()


def test_sequences(target: str) -> None:
    text = "g (seq(float[n]) s, float[m] x) => (seq(float[k]) y) { y = SequenceInsert(s, x) }"
    (y,) = compute(target, text, [np.ones(2, np.float32)], np.zeros(3, np.float32))
    assert [e.tolist() for e in y] == [[1, 1], [0, 0, 0]]


@pytest.mark.parametrize("value", [None, np.ones(2, np.float32)])
def test_optional_values(target: str, value: Any) -> None:
    text = "g (optional(float[2]) x) => (bool y) { y = OptionalHasElement(x) }"
    (y,) = compute(target, text, value)
    assert bool(y) is (value is not None)


def test_maps(target: str) -> None:
    text = (
        "g (float[n, 2] x) => (seq(map(int64, float)) y) "
        "{ y = ai.onnx.ml.ZipMap <classlabels_int64s = [4, 9]> (x) }"
    )
    (y,) = compute(target, text, np.array([[1, 2], [3, 4]], np.float32))
    assert y == [{4: 1.0, 9: 2.0}, {4: 3.0, 9: 4.0}]


def test_an_error_of_the_call(target: str) -> None:
    text = "g (float[2] x, int64[1] i) => (float[1] y) { y = Gather(x, i) }"
    with pytest.raises(lathe.RuntimeError, match="call-index-range"):
        compute(target, text, np.ones(2, np.float32), np.array([7]))


def test_options_of_the_model(target: str) -> None:
    """Steps of loops, bytes and denormal numbers are as the model says."""
    loop = (
        "g (int64 n, bool c, float[2] x) => (float[2] y) "
        "{ y = Loop(n, c, x) <body = b (int64 i, bool d, float[2] a) => (bool e, float[2] z) "
        "{ e = Identity(d) z = Add(a, a) }> }"
    )
    model = onnx.parser.parse_model(HEADER + loop)
    values = np.int64(5), np.bool_(True), np.ones(2, np.float32)
    made = lathe.compile(model, target=target, cache=False)
    np.testing.assert_array_equal(made(*values)[0], [32, 32])
    with pytest.raises(lathe.RuntimeError, match="call-loop-limit"):
        made.with_options(max_loop_steps=3)(*values)
    with pytest.raises(lathe.RuntimeError, match="call-memory-limit"):
        made.with_options(max_bytes=1)(*values)


def test_denormal_numbers(target: str) -> None:
    x = np.full(4, 1e-40, np.float32)
    model = onnx.parser.parse_model(HEADER + "g (float[4] x) => (float[4] y) { y = Add(x, x) }")
    made = lathe.compile(model, target=target, cache=False)
    np.testing.assert_array_equal(made(x)[0], x + x)
    # RISC-V has no such mode.
    flushed = np.zeros(4, np.float32) if target.startswith("aarch64") else x + x
    np.testing.assert_array_equal(made.with_options(denormals="flush")(x)[0], flushed)


@pytest.mark.parametrize(
    ("name", "foreign"),
    [
        ("aarch64", True),
        ("aarch64:neon+dotprod", True),
        ("riscv64:gc", True),
        ("x86_64:v2+v3", False),
        ("cuda:sm_80", False),
        ("aarch64:neon+cuda:sm_80", False),
        ("cuda:sm_80+aarch64:neon", False),
    ],
)
def test_what_is_emulated(name: str, foreign: bool) -> None:
    assert emulated.is_foreign(name, "x86_64") is foreign
    assert not emulated.is_foreign(name, name.partition(":")[0])
