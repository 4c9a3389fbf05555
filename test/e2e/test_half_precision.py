# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""f16 and bf16 on processors without instructions for them: right bits, and nothing but libc."""

from __future__ import annotations

import pathlib
import platform
import shutil
import subprocess
from collections.abc import Sequence
from typing import Any

import lathe
import ml_dtypes
import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import TensorProto, helper

Array = npt.NDArray[Any]

pytestmark = [
    pytest.mark.skipif(platform.machine() != "x86_64", reason="levels of x86-64"),
    # NumPy says so of each NaN that signals.
    pytest.mark.filterwarnings("ignore:invalid value encountered in cast"),
]

TYPES: dict[str, Any] = {
    "f16": np.float16,
    "bf16": ml_dtypes.bfloat16,
    "f32": np.float32,
    "f64": np.float64,
    "i64": np.int64,
}
BITS = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}


def code(name: str) -> int:
    return int(helper.np_dtype_to_tensor_dtype(np.dtype(TYPES[name])))


def model(nodes: list[onnx.NodeProto], inputs: dict[str, Any], outputs: dict[str, Any]) -> Any:
    def values(of: dict[str, Any]) -> list[onnx.ValueInfoProto]:
        return [
            helper.make_tensor_value_info(name, code(kind), shape)
            for name, (kind, shape) in of.items()
        ]

    graph = helper.make_graph(nodes, "g", values(inputs), values(outputs))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)], ir_version=10)


def cast(source: str, to: str) -> Any:
    node = helper.make_node("Cast", ["x"], ["y"], to=code(to))
    return model([node], {"x": (source, ["n"])}, {"y": (to, ["n"])})


def everything(kind: str, narrow: str) -> Array:
    """Return all values of 16 bits; of a wider type, what rounds to them, ties, and beside ties."""
    dtype = np.dtype(TYPES[kind])
    every = np.arange(1 << 16, dtype=np.uint16)
    if dtype.itemsize == 2:
        return every.view(dtype)
    if kind == "i64":
        random = np.random.default_rng(0).integers(-(2**62), 2**62, 1000)
        return np.concatenate([np.arange(-70000, 70000), random]).astype(dtype)
    values = every.view(TYPES[narrow]).astype(dtype)
    values = np.unique(values[np.isfinite(values)])
    ties = values[1:] / 2 + values[:-1] / 2
    largest = values[-1] + (values[-1] - values[-2]) / 2
    odd = np.array([np.inf, np.nan, 0, 1e-30, 1e-41, largest, np.nextafter(largest, dtype.type(0))])
    beside = [np.nextafter(ties, dtype.type(to)) for to in (np.inf, -np.inf)]
    return np.concatenate([values, ties, *beside, odd, -odd]).astype(dtype)


def rounded(x: Array, to: str) -> Array:
    """Return `x` in another type, rounded once: ml_dtypes rounds f64 to f32 on the way to bf16."""
    if x.dtype == np.float64 and to == "bf16":
        narrow = x.astype(np.float32)
        bits = narrow.view(np.uint32)
        exact = (narrow == x) | ~np.isfinite(narrow)
        larger = (np.abs(narrow.astype(np.float64)) > np.abs(x)).astype(np.uint32)
        x = np.where(exact, bits, (bits - larger) | 1).astype(np.uint32).view(np.float32)
    return x.astype(TYPES[to])


def assert_same_bits(got: Array, want: Array) -> None:
    """Compare bits; of NaN only that it is one: processors make it quiet, NumPy does not."""
    got = got.view(want.dtype)
    if want.dtype.kind != "i":
        nan = np.isnan(want.astype(np.float64))
        np.testing.assert_array_equal(np.isnan(got.astype(np.float64)), nan)
        got, want = got[~nan], want[~nan]
    bits = BITS[want.dtype.itemsize]
    np.testing.assert_array_equal(got.view(bits), want.view(bits))


CASTS = [
    ("f16", "f32"),
    ("f16", "f64"),
    ("f16", "bf16"),
    ("bf16", "f16"),
    ("bf16", "f32"),
    ("bf16", "f64"),
    ("f32", "f16"),
    ("f64", "f16"),
    ("i64", "f16"),
    ("f32", "bf16"),
    ("f64", "bf16"),
]


@pytest.mark.parametrize("target", ["x86_64:v2", "host"])
@pytest.mark.parametrize(("source", "to"), CASTS)
def test_casts_round_once(target: str, source: str, to: str) -> None:
    x = everything(source, to)
    with np.errstate(all="ignore"):
        want = rounded(x, to)
    compiled = lathe.compile(cast(source, to), target=target)
    # The last elements are not a whole vector.
    for part in (slice(None), slice(0, 3)):
        assert_same_bits(np.asarray(compiled(x[part])[0]), want[part])


@pytest.mark.parametrize("denormals", ["keep", "flush"])
def test_f16_has_denormals_in_any_mode(denormals: str) -> None:
    x = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    compiled = lathe.compile(cast("f16", "f32"), target="x86_64:v2", denormals=denormals)
    assert_same_bits(np.asarray(compiled(x)[0]), x.astype(np.float32))


@pytest.mark.parametrize("op", ["Add", "Sub", "Mul", "Div"])
def test_arithmetic_rounds_each_result(op: str) -> None:
    node = helper.make_node(op, ["x", "z"], ["y"])
    kind = ("f16", ["n"])
    compiled = lathe.compile(model([node], {"x": kind, "z": kind}, {"y": kind}), target="x86_64:v2")
    x = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    z = np.random.default_rng(0).permutation(x)
    function = {"Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": np.divide}[op]
    with np.errstate(all="ignore"):
        assert_same_bits(np.asarray(compiled(x, z)[0]), function(x, z))


def mixed(kind: str) -> Any:
    """Return a model with products, pooling, functions and casts of a type."""
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], pads=[1, 1, 1, 1]),
        helper.make_node("MaxPool", ["a"], ["b"], kernel_shape=[2, 2]),
        helper.make_node("AveragePool", ["b"], ["c"], kernel_shape=[2, 2]),
        helper.make_node("Tanh", ["c"], ["d"]),
        helper.make_node("Floor", ["d"], ["e"]),
        helper.make_node("Pow", ["e", "d"], ["f"]),
        helper.make_node("Mod", ["f", "c"], ["g"], fmod=1),
        helper.make_node("MatMul", ["g", "v"], ["h"]),
        helper.make_node("Softmax", ["h"], ["i"]),
        helper.make_node("ReduceMax", ["i"], ["j"], keepdims=1),
        helper.make_node("Cast", ["j"], ["k"], to=TensorProto.DOUBLE),
        helper.make_node("Cast", ["k"], ["y"], to=code(kind)),
        helper.make_node("Cast", ["j"], ["z"], to=TensorProto.INT64),
    ]
    inputs = {"x": (kind, [1, 4, 9, 9]), "w": (kind, [8, 4, 3, 3]), "v": (kind, [7, 5])}
    return model(nodes, inputs, {"y": (kind, [1, 1, 1, 1]), "z": ("i64", [1, 1, 1, 1])})


def undefined(path: pathlib.Path, words: Sequence[str]) -> set[str]:
    tool = shutil.which("llvm-nm-22") or shutil.which("nm")
    assert tool
    text = subprocess.run([tool, *words, path], capture_output=True, text=True, check=True).stdout
    return {line.split()[-1].split("@")[0] for line in text.splitlines() if " U " in line}


@pytest.mark.parametrize("level", ["v1", "v2", "v3"])
@pytest.mark.parametrize("kind", ["f16", "bf16"])
def test_artifacts_need_no_library_of_a_compiler(
    tmp_path: pathlib.Path, kind: str, level: str
) -> None:
    compiled = lathe.compile(mixed(kind), target=f"x86_64:{level}")
    for name, words in (("m.so", ["-D"]), ("m.a", [])):
        compiled.save(tmp_path / name)
        needs = undefined(tmp_path / name, words)
        assert not [symbol for symbol in needs if symbol.startswith("__")], needs
