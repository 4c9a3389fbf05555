# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Products and convolutions of every element type, on every level of the machine, against sums in
f64 or in exact integers; one and two threads compute the same bits.
"""

from __future__ import annotations

import functools
import pathlib
from typing import Any

import lathe
import ml_dtypes
import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import TensorProto, helper

Array = npt.NDArray[Any]
BF16 = np.dtype(ml_dtypes.bfloat16)
ELEMENTS = {
    np.dtype(np.float64): TensorProto.DOUBLE,
    np.dtype(np.float32): TensorProto.FLOAT,
    np.dtype(np.float16): TensorProto.FLOAT16,
    BF16: TensorProto.BFLOAT16,
    np.dtype(np.int8): TensorProto.INT8,
    np.dtype(np.uint8): TensorProto.UINT8,
    np.dtype(np.int32): TensorProto.INT32,
    np.dtype(np.int64): TensorProto.INT64,
}
FLOATS = [np.dtype(np.float64), np.dtype(np.float32), np.dtype(np.float16), BF16]
ROUNDING = dict(zip(FLOATS, (2.0**-53, 2.0**-24, 2.0**-11, 2.0**-8), strict=True))
BYTES = [np.dtype(np.int8), np.dtype(np.uint8)]


@functools.cache
def targets() -> tuple[str, ...]:
    """Targets that this machine runs: each vector unit, and each way to multiply bytes."""
    flags = set(pathlib.Path("/proc/cpuinfo").read_text().split())
    known = {
        "x86_64:v1": set(),
        "x86_64:v3": {"avx2", "fma", "f16c"},
        "x86_64:v3,avxvnni": {"avx2", "fma", "avx_vnni"},
        "x86_64:v4": {"avx512f", "avx512bw", "avx512dq", "avx512vl"},
        "x86_64:v4,avx512vnni": {"avx512bw", "avx512dq", "avx512vl", "avx512_vnni"},
        "x86_64:v4,avx512vnni,avx512bf16": {"avx512bw", "avx512dq", "avx512vl", "avx512_bf16"},
        "x86_64:amx": {"avx512_vnni", "avx512_bf16", "amx_tile", "amx_int8", "amx_bf16"},
    }
    return tuple(name for name, needed in known.items() if needed <= flags)


def needs_f16c(dtype: np.dtype[Any], target: str) -> None:
    """Without it, x86 converts f16 by calls of library functions, which no artifact has."""
    if dtype == np.float16 and target == "x86_64:v1":
        pytest.skip("the target has no f16c")


def draw(rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Around one, or over all of the integers, the ends of their range among them."""
    if dtype.kind not in "iu":
        return rng.uniform(-1, 1, shape).astype(dtype)
    limits = np.iinfo(dtype)
    low, high = (limits.min, limits.max) if dtype.itemsize == 1 else (-1000, 1000)
    array = rng.integers(low, high, shape, dtype, endpoint=True)
    array[rng.random(shape) < 0.2] = high
    return array


def model(
    node: onnx.NodeProto, inputs: dict[str, Array], constants: dict[str, Array], output: int
) -> onnx.ModelProto:
    """`node` on inputs whose first size is free; the constants are in the model."""

    def tensor(name: str, array: Array) -> onnx.TensorProto:
        element = ELEMENTS[array.dtype]
        return helper.make_tensor(name, element, array.shape, array.tobytes(), raw=True)

    graph = helper.make_graph(
        [node],
        "product",
        [
            helper.make_tensor_value_info(n, ELEMENTS[a.dtype], [f"{n}_size", *a.shape[1:]])
            for n, a in inputs.items()
        ],
        [helper.make_tensor_value_info("y", output, None)],
        [tensor(name, array) for name, array in constants.items()],
    )
    opset = helper.make_opsetid("", 22)
    return helper.make_model(graph, opset_imports=[opset], ir_version=10)


def run(target: str, proto: onnx.ModelProto, inputs: dict[str, Array]) -> Array:
    one = lathe.compile(proto, target=target, cache=False, threads=1)
    (y,) = one(*inputs.values())
    (again,) = one.with_threads(2)(*inputs.values())
    assert y.tobytes() == again.tobytes()
    return np.asarray(y)


def windows(x: Array, w: Array, stride: int, pad: int, groups: int) -> Array:
    """The convolution of `x` and `w`, in a type in which it is exact, or nearly so."""
    x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    outputs, channels, height, width = w.shape
    sizes = [(x.shape[d + 2] - w.shape[d + 2]) // stride + 1 for d in (0, 1)]
    y = np.zeros((x.shape[0], outputs, *sizes), np.result_type(x, w))
    for group in range(groups):
        part = slice(group * outputs // groups, (group + 1) * outputs // groups)
        image = x[:, group * channels : (group + 1) * channels]
        for i in range(height):
            for j in range(width):
                view = image[:, :, i::stride, j::stride][:, :, : sizes[0], : sizes[1]]
                y[:, part] += np.einsum("nchw,oc->nohw", view, w[part, :, i, j])
    return y


def exact(array: Array) -> Array:
    return array.astype(np.int64 if array.dtype.kind in "iu" else np.float64)


def assert_close(y: Array, wanted: Array, size: Array, terms: int) -> None:
    """Every step of a sum in f32 rounds once, and the result once more."""
    if y.dtype.kind in "iu":
        np.testing.assert_array_equal(y, wanted.astype(y.dtype))
        return
    epsilon = ROUNDING[y.dtype]
    step = 2.0**-24 if y.dtype.itemsize < 8 else 2.0**-53
    error = np.abs(y.astype(np.float64) - wanted)
    assert np.all(error <= (terms + 1) * 2 * step * size + epsilon * np.abs(wanted) + 1e-30)


@pytest.mark.parametrize("target", targets())
@pytest.mark.parametrize("constant", [True, False], ids=["packed", "computed"])
@pytest.mark.parametrize("dtype", [*FLOATS, np.dtype(np.int32), np.dtype(np.int64)], ids=str)
def test_matmul(dtype: np.dtype[Any], constant: bool, target: str) -> None:
    needs_f16c(dtype, target)
    rng = np.random.default_rng(1)
    for m, k, n in [(13, 70, 45), (1, 33, 7), (40, 9, 128), (77, 168, 17)]:
        a, b = draw(rng, (m, k), dtype), draw(rng, (k, n), dtype)
        inputs = {"a": a} if constant else {"a": a, "b": b}
        proto = model(
            helper.make_node("MatMul", ["a", "b"], ["y"]),
            inputs,
            {"b": b} if constant else {},
            ELEMENTS[dtype],
        )
        y = run(target, proto, inputs)
        assert_close(y, exact(a) @ exact(b), np.abs(exact(a)) @ np.abs(exact(b)), k)


@pytest.mark.parametrize("target", targets())
@pytest.mark.parametrize("constant", [True, False], ids=["packed", "argument"])
@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_conv(dtype: np.dtype[Any], constant: bool, target: str) -> None:
    needs_f16c(dtype, target)
    rng = np.random.default_rng(2)
    for channels, outputs, side, stride, groups in [
        (5, 19, 3, 1, 1),
        (8, 16, 3, 2, 1),
        (12, 24, 1, 1, 1),
        (18, 18, 3, 1, 18),
    ]:
        x = draw(rng, (2, channels, 9, 11), dtype)
        w = draw(rng, (outputs, channels // groups, side, side), dtype)
        node = helper.make_node(
            "Conv", ["x", "w"], ["y"], strides=[stride] * 2, pads=[side // 2] * 4, group=groups
        )
        inputs = {"x": x} if constant else {"x": x, "w": w}
        proto = model(node, inputs, {"w": w} if constant else {}, ELEMENTS[dtype])
        if not constant:  # Filters have sizes that are known.
            del proto.graph.input[1].type.tensor_type.shape.dim[:]
            for size in w.shape:
                proto.graph.input[1].type.tensor_type.shape.dim.add().dim_value = size
        y = run(target, proto, inputs)
        wanted = windows(exact(x), exact(w), stride, side // 2, groups)
        size = windows(np.abs(exact(x)), np.abs(exact(w)), stride, side // 2, groups)
        assert_close(y, wanted, size, w[0].size)


@pytest.mark.parametrize("target", targets())
@pytest.mark.parametrize("constant", [True, False], ids=["packed", "computed"])
@pytest.mark.parametrize("b_type", BYTES, ids=str)
@pytest.mark.parametrize("a_type", BYTES, ids=str)
def test_matmul_integer(
    a_type: np.dtype[Any], b_type: np.dtype[Any], constant: bool, target: str
) -> None:
    rng = np.random.default_rng(3)
    for m, k, n, zeros in [
        (13, 70, 45, "ab"),
        (4, 33, 7, "a"),
        (40, 9, 128, ""),
        (5, 16, 32, "c"),
        (77, 168, 17, ""),
    ]:
        a, b = draw(rng, (m, k), a_type), draw(rng, (k, n), b_type)
        za = np.array(7 if zeros else 0, a_type)
        shape = (n,) if zeros == "c" else ()
        zb = draw(rng, shape, b_type) if zeros in ("ab", "c") else np.zeros((), b_type)
        constants = {"za": za, "zb": zb} | ({"b": b} if constant else {})
        inputs = {"a": a} if constant else {"a": a, "b": b}
        proto = model(
            helper.make_node("MatMulInteger", ["a", "b", "za", "zb"], ["y"]),
            inputs,
            constants,
            TensorProto.INT32,
        )
        wanted = (exact(a) - exact(za)) @ (exact(b) - exact(zb))
        np.testing.assert_array_equal(run(target, proto, inputs), wanted)


@pytest.mark.parametrize("target", targets())
@pytest.mark.parametrize("constant", [True, False], ids=["packed", "computed"])
def test_sums_of_no_terms_are_zero(constant: bool, target: str) -> None:
    a, b = np.zeros((40, 0), np.uint8), np.zeros((0, 32), np.int8)
    inputs = {"a": a} if constant else {"a": a, "b": b}
    node = helper.make_node("MatMulInteger", ["a", "b"], ["y"])
    proto = model(node, inputs, {"b": b} if constant else {}, TensorProto.INT32)
    np.testing.assert_array_equal(run(target, proto, inputs), np.zeros((40, 32), np.int32))


@pytest.mark.parametrize("rows", [None, 40, 100], ids=str)
@pytest.mark.parametrize("dtype", [BF16, np.dtype(np.uint8)], ids=str)
def test_a_matrix_unit_with_tails(dtype: np.dtype[Any], rows: int | None) -> None:
    """Blocks of rows of several heights, and a last step that is narrower, in one kernel."""
    rng = np.random.default_rng(5)
    a = draw(rng, (rows or 53, 72), dtype)
    b = draw(rng, (72, 100), BF16 if dtype == BF16 else np.dtype(np.int8))
    node = helper.make_node("MatMul" if dtype == BF16 else "MatMulInteger", ["a", "b"], ["y"])
    result = TensorProto.BFLOAT16 if dtype == BF16 else TensorProto.INT32
    proto = model(node, {"a": a}, {"b": b}, result)
    if rows:
        proto.graph.input[0].type.tensor_type.shape.dim[0].dim_value = rows
    made = lathe.compile(proto, target="x86_64:amx", cache=False)
    assert 'unit = "amx.' in made.kernels[-1]["strategy"], made.kernels
    if "x86_64:amx" not in targets():
        # It is compiled for whichever machine runs it.
        with pytest.raises(lathe.RuntimeError, match="call-other-machine"):
            made(a)
        return
    size = np.abs(exact(a)) @ np.abs(exact(b))
    assert_close(np.asarray(made(a)[0]), exact(a) @ exact(b), size, 72)


@pytest.mark.parametrize("target", targets())
@pytest.mark.parametrize("w_type", BYTES, ids=str)
@pytest.mark.parametrize("x_type", BYTES, ids=str)
def test_conv_integer(x_type: np.dtype[Any], w_type: np.dtype[Any], target: str) -> None:
    rng = np.random.default_rng(4)
    for channels, outputs, side, stride, groups, zx, zw in [
        (3, 19, 3, 2, 1, 5, 0),
        (8, 16, 3, 1, 1, 0, 3),
        (12, 24, 1, 1, 1, 9, 100),
        (18, 18, 3, 1, 18, 4, 0),
        (6, 4, 3, 1, 2, 1, 0),
    ]:
        x = draw(rng, (2, channels, 9, 11), x_type)
        w = draw(rng, (outputs, channels // groups, side, side), w_type)
        node = helper.make_node(
            "ConvInteger",
            ["x", "w", "zx", "zw"],
            ["y"],
            strides=[stride] * 2,
            pads=[side // 2] * 4,
            group=groups,
        )
        constants = {"w": w, "zx": np.array(zx, x_type), "zw": np.array(zw, w_type)}
        proto = model(node, {"x": x}, constants, TensorProto.INT32)
        wanted = windows(exact(x) - zx, exact(w) - zw, stride, side // 2, groups)
        np.testing.assert_array_equal(run(target, proto, {"x": x}), wanted)


def test_a_filter_of_one_value() -> None:
    """A box filter, all of whose elements are the same, is a filter like any other."""
    x = np.random.default_rng(5).standard_normal((1, 8, 12, 12)).astype(np.float32)
    w = np.full((8, 8, 3, 3), 1 / 9, np.float32)
    proto = model(
        helper.make_node("Conv", ["x", "w"], ["y"], pads=[1] * 4),
        {"x": x},
        {"w": w},
        TensorProto.FLOAT,
    )
    compiled = lathe.compile(proto, cache=False)
    (y,) = compiled(x)
    np.testing.assert_allclose(y, windows(exact(x), exact(w), 1, 1, 1), rtol=1e-5, atol=1e-5)
