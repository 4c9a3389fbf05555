# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`lathe.oplib`: libraries of operators, called from Python."""

from __future__ import annotations

import concurrent.futures
import json
import os
import pathlib
import subprocess
import types
from typing import Any

import numpy as np
import pytest
from lathe import oplib

ROOT = pathlib.Path(__file__).resolve().parents[2]
LATHE = pathlib.Path(os.environ.get("LATHE_BUILD", ROOT / "build/release")) / "bin/lathe"


@pytest.fixture(scope="module")
def ops(tmp_path_factory: pytest.TempPathFactory) -> oplib.Library:
    folder = tmp_path_factory.mktemp("oplib") / "netops"
    spec = ROOT / "examples/oplib/ops.yaml"
    command = [str(LATHE), "oplib", "build", str(spec), "-o", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    return oplib.open(folder)


def draw(*shape: int) -> Any:
    return np.random.default_rng(sum(shape)).standard_normal(shape, np.float32)


def test_a_product_with_gaps_between_rows(ops: oplib.Library) -> None:
    a, b, bias = draw(7, 40)[:, 3:20], draw(17, 11), draw(11)
    expected = np.maximum(a.astype(np.float64) @ b + bias, 0)
    out = np.full((7, 15), 9, np.float32)
    result = ops.call("gemm_f32", a=a, b=b, bias=bias, activation="relu", out=out[:, 2:13])
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(out[:, 2:13], result)
    assert (out[:, :2] == 9).all() and (out[:, 13:] == 9).all()
    # Columns that are apart are copied first.
    again = ops.call("gemm_f32", a=np.asfortranarray(a), b=b, bias=bias, activation="relu")
    np.testing.assert_array_equal(again, result)


def test_calls_that_go_by_the_plan_of_an_earlier_one(ops: oplib.Library) -> None:
    def check(a: Any, b: Any, bias: Any = None, activation: str = "none") -> None:
        for scale in (1, -2):  # The second call is planned, for other values.
            b *= np.float32(scale)
            expected = a.astype(np.float64) @ b + (0 if bias is None else bias)
            if activation == "relu":
                expected = np.maximum(expected, 0)
            result = ops.call("gemm_f32", a=a, b=b, bias=bias, activation=activation)
            np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-4)

    a, b = draw(5, 9), draw(9, 7)
    check(a, b)
    first = ops.call("gemm_f32", a=a, b=b)
    assert ops.call("gemm_f32", a=a, b=b) is not first
    # The same sizes, but each is another call: gaps, columns that are apart, a choice, a bias.
    check(draw(5, 20)[:, 3:12], b)
    check(np.asfortranarray(a), b)
    check(a, b, activation="relu")
    check(a, b, bias=draw(7))
    check(a, np.repeat(b, 2, 1)[:, ::2])
    # Other types of the same sizes and strides are still refused.
    for other in (a.astype(">f4"), a.astype(np.int32)):
        with pytest.raises(oplib.OplibError, match="f32 of rank 2 is expected"):
            ops.call("gemm_f32", a=other, b=b)
    with pytest.raises(oplib.OplibError, match="a k of 9, but others differ"):
        ops.call("gemm_f32", a=draw(5, 8), b=b)
    # Another kernel may need another workspace.
    ops.force("gemm_f32", "v2.any")
    try:
        check(a, b)
    finally:
        ops.force(None, None)
    check(a, b)


def test_planned_calls_from_several_threads(ops: oplib.Library) -> None:
    pairs = [(draw(40 + i, 300), draw(300, 33)) for i in range(4)]
    expected = [ops.call("gemm_f32", a=a, b=b) for a, b in pairs]

    def call(i: int) -> None:
        for _ in range(50):
            a, b = pairs[i]
            np.testing.assert_array_equal(ops.call("gemm_f32", a=a, b=b), expected[i])

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(call, range(4)))


def test_each_variant_computes_the_same(ops: oplib.Library) -> None:
    a, b = draw(4, 8), draw(8, 16)
    choice = ops.select("gemm_f32", m=4, n=16, k=8)
    assert choice.variant.endswith(".4x16x8") and choice.by == "model" and choice.row == 0
    ops.force("gemm_f32", "v2.any")
    try:
        assert ops.select("gemm_f32", m=4, n=16, k=8) == oplib.Choice(
            "v2", "v2.any", ops.select("gemm_f32", m=5, n=16, k=8).kernel, "forced", -1
        )
        np.testing.assert_allclose(ops.call("gemm_f32", a=a, b=b), a @ b, rtol=1e-5, atol=1e-5)
    finally:
        ops.force(None, None)
    np.testing.assert_allclose(ops.call("gemm_f32", a=a, b=b), a @ b, rtol=1e-5, atol=1e-5)


def test_packed_once(ops: oplib.Library) -> None:
    a, b = draw(5, 33), draw(33, 21)
    packed = ops.pack("gemm_packed_f32", "b", b)
    result = ops.call("gemm_packed_f32", a=a, b=packed, n=21)
    np.testing.assert_allclose(result, a @ b, rtol=1e-5, atol=1e-5)
    with pytest.raises(oplib.OplibError, match="packed for another"):
        ops.call("gemm_packed_f32", a=a, b=packed, n=20)


def test_rows(ops: oplib.Library) -> None:
    x = draw(6, 50)
    power = np.exp(x - x.max(1, keepdims=True))
    soft = ops.call("softmax_f32", x=x)
    np.testing.assert_allclose(soft, power / power.sum(1, keepdims=True), rtol=1e-5)
    normal = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5)
    np.testing.assert_allclose(ops.call("layernorm_f32", x=x), normal, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"a": None}, "needs the operand a"),
        ({"a": draw(4)}, "rank 1"),
        ({"a": draw(2, 3).astype(np.float64)}, "float64"),
        ({"b": draw(4, 4)}, "a k of 4, but others differ"),
        ({"activation": "gelu"}, "not none, relu"),
        ({"scale": draw(4)}, "takes no scale"),
        ({"out": np.empty((4, 2), np.float32).T}, "rows in one piece"),
        ({"out": np.empty((3, 4), np.float32)}, "a m of 3"),
    ],
)
def test_mistakes(ops: oplib.Library, change: dict[str, Any], says: str) -> None:
    arguments: dict[str, Any] = {"a": draw(2, 3), "b": draw(3, 4)}
    with pytest.raises(oplib.OplibError, match=says) as caught:
        ops.call("gemm_f32", **{**arguments, **change})
    assert caught.value.ids == ("oplib-call",)


def test_names_that_are_not_there(ops: oplib.Library, tmp_path: pathlib.Path) -> None:
    with pytest.raises(oplib.OplibError, match="no operator 'gem'"):
        ops.call("gem")
    with pytest.raises(oplib.OplibError, match="has the sizes m, n, k"):
        ops.select("gemm_f32", m=1)
    with pytest.raises(oplib.OplibError, match="no operator, variant"):
        ops.force("gemm_f32", "v9")
    with pytest.raises(oplib.OplibError, match="holds no library") as caught:
        oplib.open(tmp_path)
    assert caught.value.ids == ("oplib-no-library",)
    assert ops.ops == ["gemm_f32", "gemm_packed_f32", "layernorm_f32", "softmax_f32"]


def test_a_library_of_an_earlier_version(tmp_path: pathlib.Path) -> None:
    manifest = tmp_path / "share/ops/manifest.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_text(json.dumps({"name": "ops", "version": "1.0.0", "context_words": 9}))
    with pytest.raises(oplib.OplibError, match=r"build it again \[oplib-manifest\]"):
        oplib.open(tmp_path)


def test_what_pytorch_is_told(ops: oplib.Library) -> None:
    about = ops._ops["gemm_f32"]
    assert about.torch_schema() == (
        '(Tensor a, Tensor b, *, Tensor? bias=None, str activation="none") -> Tensor'
    )
    packed = ops._ops["gemm_packed_f32"]
    assert packed.torch_schema().startswith("(Tensor a, Tensor b, *, SymInt n, Tensor? bias=None")

    class Shape:
        """A tensor without elements."""

        def __init__(self, *shape: int, dtype: str = "single") -> None:
            self.shape, self.ndim, self.dtype = shape, len(shape), dtype

        def new_empty(self, shape: list[int], dtype: str) -> Shape:
            return Shape(*shape, dtype=dtype)

    torch = types.SimpleNamespace(float32="single")
    fake = about.torch_fake(torch)(Shape(5, 8), Shape(8, 3), bias=Shape(3))
    assert (fake.shape, fake.dtype) == ((5, 3), "single")
    assert packed.torch_fake(torch)(Shape(5, 8), Shape(900), n=7).shape == (5, 7)
    with pytest.raises(oplib.OplibError, match="a has rank 3, but gemm_f32 takes 2"):
        about.torch_fake(torch)(Shape(1, 5, 8), Shape(8, 3))


def test_arrays_of_another_package(ops: oplib.Library) -> None:
    class Other:
        """An array with DLPack and the array API, which is none of NumPy's."""

        def __init__(self, array: Any) -> None:
            self.array, self.dtype = array, array.dtype

        def __dlpack__(self, **words: Any) -> Any:
            return self.array.__dlpack__(**words)

        def __dlpack_device__(self) -> Any:
            return self.array.__dlpack_device__()

        def __array_namespace__(self) -> Any:
            return types.SimpleNamespace(from_dlpack=lambda array: Other(np.from_dlpack(array)))

    x = draw(3, 7)
    result = ops.call_any("softmax_f32", x=Other(x))
    assert isinstance(result, Other)
    np.testing.assert_array_equal(result.array, ops.call("softmax_f32", x=x))
