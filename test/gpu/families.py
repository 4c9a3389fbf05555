#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Families of kernels on a GPU, real or emulated, against the CPU.

families.py NAME     runs the function of that name; it raises where something differs

The environment may say LATHE_TEST_TARGET, what models are compiled for, and LATHE_TEST_SHAPES, how
many random shapes of each type `random_products` and `random_convolutions` take.
"""

from __future__ import annotations

import itertools
import os
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import lathe
import lathe.ort
import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

Array = npt.NDArray[Any]
TARGET = os.environ.get("LATHE_TEST_TARGET", "cuda:sm_80")
RNG = np.random.default_rng(1)

# Twice a matrix with any number of rows, in Lathe's own format.
TWICE = b"""
func.func @main(%x: tensor<?x4xf32, #graph.dims<()[s0] -> (s0, 4)>> {graph.name = "x"})
    -> (tensor<?x4xf32, #graph.dims<()[s0] -> (s0, 4)>> {graph.name = "y"})
    attributes {graph.symbols = [#graph.symbol<"n">]} {
  %y = graph.add %x, %x : (tensor<?x4xf32, #graph.dims<()[s0] -> (s0, 4)>>,
      tensor<?x4xf32, #graph.dims<()[s0] -> (s0, 4)>>)
      -> tensor<?x4xf32, #graph.dims<()[s0] -> (s0, 4)>>
  return %y : tensor<?x4xf32, #graph.dims<()[s0] -> (s0, 4)>>
}
"""


def normal(*shape: int) -> Array:
    """Return numbers around 0."""
    return RNG.standard_normal(shape)


def onnx_model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[onnx.ValueInfoProto],
    constants: Sequence[onnx.TensorProto] = (),
    dtype: int = TensorProto.FLOAT,
    opset: int = 20,
) -> onnx.ModelProto:
    """Return the model whose output is `y`."""
    output = helper.make_tensor_value_info("y", dtype, None)
    graph = helper.make_graph(nodes, "g", inputs, [output], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])


def check(
    nodes: Sequence[onnx.NodeProto],
    inputs: Mapping[str, Array],
    *,
    dtype: int = TensorProto.FLOAT,
    constants: Mapping[str, Array] | None = None,
    tolerance: float = 1e-5,
) -> lathe.CompiledModel:
    """Compare the two, relative to the largest element; return the model for the GPU."""
    numpy = helper.tensor_dtype_to_np_dtype(dtype)
    values = {name: array.astype(numpy) for name, array in inputs.items()}
    fixed = [numpy_helper.from_array(a.astype(numpy), n) for n, a in (constants or {}).items()]
    infos = [helper.make_tensor_value_info(n, dtype, a.shape) for n, a in values.items()]
    model = onnx_model(nodes, infos, fixed, dtype)
    gpu = lathe.compile(model, target=TARGET, cache=False)
    cpu = lathe.compile(model, cache=False)
    found = np.asarray(gpu.run(values)["y"]).astype(np.float64)
    expected = np.asarray(cpu.run(values)["y"]).astype(np.float64)
    scale = max(1.0, float(np.abs(expected).max(initial=0)))
    error = float(np.abs(found - expected).max(initial=0)) / scale
    shapes = [array.shape for array in values.values()]
    assert error <= tolerance, (nodes[0].op_type, shapes, numpy, error)
    return gpu


def products() -> None:
    """Sizes around those of tiles, with what follows in registers, of constants and others."""
    sizes = [(1, 1, 1), (1, 64, 7), (3, 5, 2), (65, 33, 31), (129, 64, 130), (64, 96, 64)]
    limits = {
        TensorProto.FLOAT: 1e-5,
        TensorProto.FLOAT16: 2e-3,
        TensorProto.BFLOAT16: 2e-2,
        TensorProto.DOUBLE: 1e-12,
    }
    product = helper.make_node("MatMul", ["a", "b"], ["p"])
    nodes = [product, helper.make_node("Add", ["p", "c"], ["y"])]
    for number, (dtype, limit) in enumerate(limits.items()):
        # Every second size of each type, unless more are asked for.
        for m, k, n in sizes if SHAPES > 4 else sizes[number % 2 :: 2]:
            a, b, c = normal(m, k), normal(k, n), normal(n)
            check(nodes, {"a": a, "b": b, "c": c}, dtype=dtype, tolerance=limit)
            weights = {"b": b, "c": c}
            model = check(nodes, {"a": a}, dtype=dtype, constants=weights, tolerance=limit)
            assert model.kernels[0]["strategy"].startswith("gpu.product"), model.kernels
    bytes_of = [
        helper.make_node("MatMulInteger", ["a", "b"], ["s"]),
        helper.make_node("Cast", ["s"], ["y"], to=TensorProto.INT8),
    ]
    for m, k, n in ((5, 30, 6), (33, 18, 10), (16, 64, 8)):
        a, b = RNG.integers(-2, 3, (m, k)), RNG.integers(-2, 3, (k, n))
        check(bytes_of, {"a": a, "b": b}, dtype=TensorProto.INT8, tolerance=0)
        check(bytes_of, {"a": a}, dtype=TensorProto.INT8, constants={"b": b}, tolerance=0)
    alone = [helper.make_node("MatMul", ["a", "b"], ["y"])]
    check(alone, {"a": normal(2, 3, 20, 24), "b": normal(2, 3, 24, 9)})
    check(alone, {"a": normal(4, 20, 24), "b": normal(1, 24, 9)})


# Sizes around those of tiles, primes, and such of which rows begin at no multiple of a word.
SIZES = (1, 2, 3, 5, 7, 13, 16, 31, 32, 33, 61, 64, 65, 67, 97, 127, 128, 129, 131)
BYTES: dict[int, tuple[int, int]] = {TensorProto.UINT8: (0, 256), TensorProto.INT8: (-128, 128)}


def on_tensor_cores(model: lathe.CompiledModel) -> bool:
    """Whether one of the kernels is."""
    names = ("gpu.product.mma", "gpu.product.wgmma", "gpu.product.tma")
    return any(k["strategy"].startswith(names) for k in model.kernels)


def random_bytes(kind: int, *shape: int) -> Array:
    """Return any bytes, the largest and the least among them."""
    return RNG.integers(*BYTES[kind], shape).astype(helper.tensor_dtype_to_np_dtype(kind))


def exact_bytes(
    node: onnx.NodeProto, given: Mapping[str, Array], constants: Mapping[str, Array], y: Array
) -> None:
    """Compare sums of bytes on tensor cores with `y`."""
    kinds = {n: helper.np_dtype_to_tensor_dtype(a.dtype) for n, a in given.items()}
    infos = [helper.make_tensor_value_info(n, kinds[n], a.shape) for n, a in given.items()]
    fixed = [numpy_helper.from_array(a, n) for n, a in constants.items()]
    source = onnx_model([node], infos, fixed, TensorProto.INT32)
    model = lathe.compile(source, target=TARGET, cache=False)
    assert on_tensor_cores(model), model.kernels
    assert (np.asarray(model.run(given)["y"]) == y).all(), (node.op_type, kinds, y.shape)


def byte_products() -> None:
    """Products of bytes are exact, whatever the size and where rows begin."""
    product = helper.make_node("MatMulInteger", ["a", "b"], ["y"])
    fixed = iter(((33, 48, 80), (65, 20, 36), (3, 10, 6), (64, 64, 64)))
    for left in BYTES:
        for right in BYTES:
            infos = [
                helper.make_tensor_value_info("a", left, ["m", "k"]),
                helper.make_tensor_value_info("b", right, ["k", "n"]),
            ]
            source = onnx_model([product], infos, dtype=TensorProto.INT32)
            model = lathe.compile(source, target=TARGET, cache=False)
            assert on_tensor_cores(model), model.kernels
            for _ in range(10):
                m, k, n = RNG.choice(SIZES, 3)
                a, b = random_bytes(left, m, k), random_bytes(right, k, n)
                expected = a.astype(np.int64) @ b.astype(np.int64)
                assert (np.asarray(model(a, b)[0]) == expected).all(), (left, right, m, k, n)
            m, k, n = next(fixed)
            a, b = random_bytes(left, m, k), random_bytes(right, k, n)
            expected = a.astype(np.int64) @ b.astype(np.int64)
            exact_bytes(product, {"a": a, "b": b}, {}, expected)
            exact_bytes(product, {"a": a}, {"b": b}, expected)


def byte_convolutions() -> None:
    """The same for windows: strides, dilations, borders, groups; channels of any number."""
    cases: list[tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
        ((2, 3, 9, 8), (70, 3, 3, 3), {"pads": [1, 1, 1, 1]}),
        ((1, 16, 9, 7), (65, 16, 3, 3), {"strides": [2, 2]}),
        ((1, 4, 11, 9), (8, 4, 3, 2), {"dilations": [2, 1]}),
        ((1, 32, 6, 6), (128, 16, 3, 3), {"group": 2}),
    ]
    for number, (x, w, options) in enumerate(cases):
        kinds = [list(BYTES)[number >> bit & 1] for bit in (0, 1)]
        image, filters = random_bytes(kinds[0], *x), random_bytes(kinds[1], *w)
        conv = helper.make_node("ConvInteger", ["x", "w"], ["y"], **options)
        exact_bytes(conv, {"x": image}, {"w": filters}, windows_of(image, filters, **options))


def quantized() -> None:
    """A model that was quantized, with its scales and zero points, multiplies bytes."""
    dequantize = [
        helper.make_node("DequantizeLinear", [n, f"{n}_scale", f"{n}_zero"], [f"{n}_f"], axis=0)
        for n in ("q", "w")
    ]
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "q_scale", "q_zero"], ["q"]),
        *dequantize,
        helper.make_node("Conv", ["q_f", "w_f"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("QuantizeLinear", ["r", "y_scale", "y_zero"], ["y"]),
    ]
    constants = {
        "q_scale": np.float32(0.02),
        "q_zero": np.uint8(120),
        "w": random_bytes(TensorProto.INT8, 66, 8, 3, 3),
        "w_scale": np.full(66, 0.01, np.float32),
        "w_zero": np.zeros(66, np.int8),
        "y_scale": np.float32(0.25),
        "y_zero": np.uint8(3),
    }
    fixed = [numpy_helper.from_array(np.asarray(a), n) for n, a in constants.items()]
    x = normal(2, 8, 9, 7).astype(np.float32)
    info = helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)
    source = onnx_model(nodes, [info], fixed, TensorProto.UINT8)
    gpu = lathe.compile(source, target=TARGET, cache=False)
    assert on_tensor_cores(gpu), gpu.kernels
    expected = lathe.compile(source, cache=False)(x)[0]
    assert (np.asarray(gpu(x)[0]) == np.asarray(expected)).all()


# Types of random shapes: those of the factors and the sums, and the precision.
KINDS = {
    "f32": (TensorProto.FLOAT, TensorProto.FLOAT, TensorProto.FLOAT, "f32"),
    "tf32": (TensorProto.FLOAT, TensorProto.FLOAT, TensorProto.FLOAT, "tf32"),
    "f16": (TensorProto.FLOAT16, TensorProto.FLOAT16, TensorProto.FLOAT16, "f32"),
    "bf16": (TensorProto.BFLOAT16, TensorProto.BFLOAT16, TensorProto.BFLOAT16, "f32"),
    "s8": (TensorProto.INT8, TensorProto.INT8, TensorProto.INT32, "f32"),
    "u8": (TensorProto.UINT8, TensorProto.INT8, TensorProto.INT32, "f32"),
}
SHAPES = int(os.environ.get("LATHE_TEST_SHAPES", "4"))


def small_integers(kind: int, *shape: int) -> Array:
    """Return numbers of which each type takes products and sums as they are."""
    low = 0 if kind == TensorProto.UINT8 else -3
    return RNG.integers(low, 4, shape).astype(helper.tensor_dtype_to_np_dtype(kind))


def compiled(
    name: str, node: onnx.NodeProto, inputs: Mapping[str, Sequence[int | str]], **constants: Array
) -> lathe.CompiledModel:
    """Return the model of one node for the types of `KINDS[name]`, on tensor cores but for f32."""
    *factors, result, precision = KINDS[name]
    infos = [
        helper.make_tensor_value_info(given, kind, shape)
        for kind, (given, shape) in zip(factors, inputs.items(), strict=False)
    ]
    fixed = [numpy_helper.from_array(a, n) for n, a in constants.items()]
    # The first whose convolutions take bf16.
    source = onnx_model([node], infos, fixed, result, opset=22)
    model = lathe.compile(source, target=TARGET, cache=False, precision=precision)
    assert on_tensor_cores(model) == (name != "f32"), (name, model.kernels)
    return model


def expect(found: Any, exact: Array, kind: int, *what: Any) -> None:
    """Compare with whole numbers, rounded to the type of the result once."""
    expected = exact.astype(helper.tensor_dtype_to_np_dtype(kind))
    assert (np.asarray(found) == expected).all(), what


def random_products() -> None:
    """Shapes of 1, primes and those around tiles; weights that are constant, and open sizes."""
    for name, (left, right, result, _) in KINDS.items():
        many = "MatMulInteger" if result == TensorProto.INT32 else "MatMul"
        node = helper.make_node(many, ["a", "b"], ["y"])
        for number, is_fixed in itertools.product(range(0, SHAPES, 4), (True, False)):
            k, n = map(int, RNG.choice(SIZES, 2))
            b = small_integers(right, k, n)
            inputs: dict[str, Sequence[int | str]] = {"a": ["m", k]}
            if not is_fixed:
                inputs["b"] = [k, n]
            model = compiled(name, node, inputs, **({"b": b} if is_fixed else {}))
            for m in map(int, RNG.choice(SIZES, min(SHAPES - number, 4))):
                a = small_integers(left, m, k)
                y = model(a)[0] if is_fixed else model(a, b)[0]
                expect(y, a.astype(np.int64) @ b.astype(np.int64), result, name, m, k, n, is_fixed)


def random_convolutions() -> None:
    """The same for channels and images, with strides, dilations, borders and groups."""
    for name, (left, right, result, _) in KINDS.items():
        kind = "ConvInteger" if result == TensorProto.INT32 else "Conv"
        for _ in range(SHAPES):
            group = int(RNG.choice([1, 1, 2]))
            channels = int(RNG.choice([1, 2, 3, 5, 8, 16, 17]))
            outputs = int(RNG.choice([64, 128] if group > 1 else [1, 3, 8, 31, 64, 67]))
            taps, strides, dilations = (tuple(map(int, RNG.integers(1, 4, 2))) for _ in range(3))
            pads = tuple(map(int, RNG.integers(0, 2, 4)))
            height, width = (
                (t - 1) * d + 1 + int(RNG.integers(0, 9))
                for t, d in zip(taps, dilations, strict=True)
            )
            x = small_integers(left, int(RNG.integers(1, 3)), group * channels, height, width)
            w = small_integers(right, group * outputs, channels, *taps)
            options: dict[str, Any] = {
                "pads": pads,
                "strides": strides,
                "dilations": dilations,
                "group": group,
            }
            node = helper.make_node(kind, ["x", "w"], ["y"], **options)
            model = compiled(name, node, {"x": x.shape}, w=w)
            y = windows_of(x, w, **options)
            expect(model(x)[0], y, result, name, x.shape, w.shape, options)


def windows_of(
    x: Array,
    w: Array,
    pads: Sequence[int] = (0, 0, 0, 0),
    strides: Sequence[int] = (1, 1),
    dilations: Sequence[int] = (1, 1),
    group: int = 1,
) -> Array:
    """Return the convolution of two dims, in 64 bits."""
    x = np.pad(x.astype(np.int64), ((0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3])))
    outputs, inputs, rows, columns = w.shape
    height = (x.shape[2] - (rows - 1) * dilations[0] - 1) // strides[0] + 1
    width = (x.shape[3] - (columns - 1) * dilations[1] - 1) // strides[1] + 1
    y = np.zeros((x.shape[0], outputs, height, width), np.int64)
    for i in range(rows):
        for j in range(columns):
            first = (i * dilations[0], j * dilations[1])
            ends = [
                f + s * (n - 1) + 1 for f, s, n in zip(first, strides, (height, width), strict=True)
            ]
            part = x[:, :, first[0] : ends[0] : strides[0], first[1] : ends[1] : strides[1]]
            for g in range(group):
                own = slice(g * outputs // group, (g + 1) * outputs // group)
                channels = part[:, g * inputs : (g + 1) * inputs]
                y[:, own] += np.einsum("nchw,oc->nohw", channels, w[own, :, i, j].astype(np.int64))
    return y


def tf32() -> None:
    """With the precision "tf32", factors of f32 are rounded to 11 bits, and sums are not."""
    product = helper.make_node("MatMul", ["a", "b"], ["y"])
    infos = [
        helper.make_tensor_value_info("a", TensorProto.FLOAT, ["m", "k"]),
        helper.make_tensor_value_info("b", TensorProto.FLOAT, ["k", "n"]),
    ]
    source = onnx_model([product], infos)
    assert not on_tensor_cores(lathe.compile(source, target=TARGET, cache=False))
    model = lathe.compile(source, target=TARGET, cache=False, precision="tf32")
    assert on_tensor_cores(model), model.kernels
    rounded = 0.0
    shapes = [(128, 64, 128), *((int(m), int(k), int(n)) for m, k, n in RNG.choice(SIZES, (25, 3)))]
    for m, k, n in shapes:
        a, b = normal(m, k).astype(np.float32), normal(k, n).astype(np.float32)
        size = np.abs(a.astype(np.float64)) @ np.abs(b.astype(np.float64))
        error = np.abs(np.asarray(model(a, b)[0]) - a.astype(np.float64) @ b) / size
        # Half a step of each factor; what cuts the bits off instead is twice as far away.
        assert error.max() <= 2.0**-10, (m, k, n, error.max())
        rounded = max(rounded, float(error.max()))
        # Numbers that have no more bits are multiplied as they are.
        a, b = a.astype(np.float16).astype(np.float32), b.astype(np.float16).astype(np.float32)
        exact = np.abs(np.asarray(model(a, b)[0]) - a.astype(np.float64) @ b) / size
        assert exact.max() <= 1e-6, (m, k, n, exact.max())
    assert rounded > 2.0**-16, "no factor was rounded"
    a, b = np.ones((3, 5), np.float32), np.ones((5, 4), np.float32)
    a[0, 1], a[1, 2] = np.nan, np.inf
    y = np.asarray(model(a, b)[0])
    assert np.isnan(y[0]).all() and np.isposinf(y[1]).all() and (y[2] == 5).all(), y
    conv = helper.make_node("Conv", ["x", "w"], ["y"], pads=[1, 1, 1, 1])
    x, w = normal(1, 12, 7, 9).astype(np.float32), normal(66, 12, 3, 3).astype(np.float32)
    fixed = [numpy_helper.from_array(w, "w")]
    info = helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)
    source = onnx_model([conv], [info], fixed)
    gpu = lathe.compile(source, target=TARGET, cache=False, precision="tf32")
    assert on_tensor_cores(gpu), gpu.kernels
    found, expected = gpu(x)[0], lathe.compile(source, cache=False)(x)[0]
    assert np.abs(np.asarray(found) - np.asarray(expected)).max() < 0.02
    assert np.abs(np.asarray(found) - np.asarray(expected)).max() > 1e-5


def warpgroups() -> None:
    """Products of four warps together: as few steps as slots, one more and less, and any rows."""
    product = helper.make_node("MatMul", ["a", "b"], ["p"])
    nodes = [product, helper.make_node("Add", ["p", "c"], ["y"])]
    sizes = [(1, 64, 64), (65, 128, 72), (64, 192, 8), (129, 256, 130), (7, 65, 9), (3, 63, 1)]
    for dtype, limit in ((TensorProto.FLOAT16, 2e-3), (TensorProto.BFLOAT16, 2e-2)):
        for m, k, n in sizes:
            a, b, c = normal(m, k), normal(k, n), normal(n)
            weights = {"b": b, "c": c}
            for model in (
                check(nodes, {"a": a, "b": b, "c": c}, dtype=dtype, tolerance=limit),
                check(nodes, {"a": a}, dtype=dtype, constants=weights, tolerance=limit),
            ):
                kind = model.kernels[0]["strategy"]
                assert kind.startswith("gpu.product.wgmma"), model.kernels
    # Tiles of 128 x 128, which two warpgroups share, of rows of which no tensor map can be made.
    large = normal(1900, 66), normal(66, 1700), normal(1700)
    model = check(
        nodes, dict(zip("abc", large, strict=True)), dtype=TensorProto.FLOAT16, tolerance=2e-3
    )
    assert model.kernels[0]["strategy"].startswith("gpu.product.wgmma"), model.kernels
    conv = helper.make_node("Conv", ["x", "w"], ["y"], pads=[1, 1, 1, 1], strides=[2, 2])
    for channels, outputs in ((32, 64), (5, 70)):
        image, filters = normal(2, channels, 9, 11), normal(outputs, channels, 3, 3)
        weights = {"w": filters}
        model = check(
            [conv],
            {"x": image},
            dtype=TensorProto.FLOAT16,
            constants=weights,
            tolerance=3e-3,
        )
        assert on_tensor_cores(model), model.kernels


def is_by_maps(model: lathe.CompiledModel) -> bool:
    """Whether its product copies by tensor maps."""
    return any(str(k["strategy"]).startswith("gpu.product.tma") for k in model.kernels)


def tensor_maps() -> None:
    """Threads that copy by tensor maps: steps around the slots, and several tiles a block."""
    product = helper.make_node("MatMul", ["a", "b"], ["p"])
    nodes = [product, helper.make_node("Add", ["p", "c"], ["y"])]
    half, bfloat = TensorProto.FLOAT16, TensorProto.BFLOAT16
    # Of the emulator's two processors each has many tiles; the last ones are not whole.
    for m, k, n, dtype in (
        (1100, 40, 1032, half),  # Less than a step.
        (1100, 64, 1032, bfloat),
        (1030, 136, 1160, half),
        (1100, 192, 1032, half),
        (1100, 256, 1032, bfloat),
        (1100, 264, 1032, half),
        (4200, 72, 72, half),
        (1500, 64, 1800, half),  # Tiles of 256 columns.
    ):
        a, b, c = normal(m, k), normal(k, n), normal(n)
        limit = 2e-3 if dtype == half else 2e-2
        assert is_by_maps(check(nodes, {"a": a, "b": b, "c": c}, dtype=dtype, tolerance=limit))
        weights = {"b": b, "c": c}
        assert is_by_maps(check(nodes, {"a": a}, dtype=dtype, constants=weights, tolerance=limit))
    # Any number of rows, also in a batch whose right factors are one.
    open_rows = helper.make_tensor_value_info("a", half, ["n", 3, 72])
    fixed = [numpy_helper.from_array(normal(72, 200).astype(np.float16), "b")]
    source = onnx_model([helper.make_node("MatMul", ["a", "b"], ["y"])], [open_rows], fixed, half)
    gpu, cpu = lathe.compile(source, target=TARGET, cache=False), lathe.compile(source, cache=False)
    assert is_by_maps(gpu), gpu.kernels
    for rows in (1, 50, 300, 50, 0):
        a = normal(rows, 3, 72).astype(np.float16)
        np.testing.assert_allclose(
            np.asarray(gpu(a)[0], np.float32), np.asarray(cpu(a)[0], np.float32), atol=5e-2
        )
    alone = [helper.make_node("MatMul", ["a", "b"], ["y"])]
    for batch in (2, 1):
        given = {"a": normal(2, 1100, 72), "b": normal(batch, 72, 1032)}
        assert is_by_maps(check(alone, given, dtype=half, tolerance=2e-3))
    # A convolution of 1x1 is a product of all pixels.
    conv = [helper.make_node("Conv", ["x", "w"], ["y"])]
    image, filters = normal(3, 72, 19, 20), normal(520, 72, 1, 1)
    model = check(conv, {"x": image}, dtype=half, constants={"w": filters}, tolerance=2e-3)
    assert is_by_maps(model), model.kernels
    # Rows of another pitch stay on the ring that all threads fill, and say why.
    given = {"a": normal(1100, 72), "b": normal(72, 1033)}
    model = check(alone, given, dtype=half, tolerance=2e-3)
    assert "right factor has 2066 bytes" in model.kernels[0]["strategy"], model.kernels


def copied_results() -> None:
    """Results that the hardware copies: behind an epilogue, in both widths, and all ends."""
    half = TensorProto.FLOAT16
    product = helper.make_node("MatMul", ["a", "b"], ["p"])
    residual = [
        product,
        helper.make_node("Add", ["p", "r"], ["s"]),
        helper.make_node("Relu", ["s"], ["y"]),
    ]
    for m, k, n in ((1100, 72, 1032), (1027, 136, 1000)):
        given = {"a": normal(m, k), "b": normal(k, n), "r": normal(m, n)}
        assert is_by_maps(check(residual, given, dtype=half, tolerance=2e-3))
    given = {"a": normal(3, 600, 72), "b": normal(3, 72, 776), "r": normal(3, 1, 776)}
    assert is_by_maps(check(residual, given, dtype=half, tolerance=2e-3))
    # Wider results of factors of half precision.
    for columns in (1032, 1030):
        a, b = small_integers(half, 1100, 72), small_integers(half, 72, columns)
        nodes = [product, helper.make_node("Cast", ["p"], ["y"], to=TensorProto.FLOAT)]
        infos = [helper.make_tensor_value_info("a", half, a.shape)]
        fixed = [numpy_helper.from_array(b.astype(np.float16), "b")]
        gpu = lathe.compile(onnx_model(nodes, infos, fixed), target=TARGET, cache=False)
        assert is_by_maps(gpu), gpu.kernels
        exact = a.astype(np.float64) @ b.astype(np.float64)
        assert (np.asarray(gpu(a.astype(np.float16))[0]) == exact).all(), columns


def wide_bytes() -> None:
    """Bytes by warpgroups, with constant weights; sums are exact. Also of a quantized layer."""
    product = helper.make_node("MatMulInteger", ["a", "b"], ["y"])
    sizes = iter(((1100, 272, 1032), (1030, 16, 1030), (1100, 640, 1000), (520, 144, 2056)))
    for left, right in itertools.product(BYTES, BYTES):
        m, k, n = next(sizes)
        a, b = random_bytes(left, m, k), random_bytes(right, k, n)
        infos = [helper.make_tensor_value_info("a", left, a.shape)]
        source = onnx_model([product], infos, [numpy_helper.from_array(b, "b")], TensorProto.INT32)
        model = lathe.compile(source, target=TARGET, cache=False)
        assert is_by_maps(model), model.kernels
        exact = a.astype(np.int64) @ b.astype(np.int64)
        assert (np.asarray(model(a)[0]) == exact).all(), (left, right, m, k, n)
    # Rows at no multiple of 16 bytes stay where warps multiply, and say why.
    a, b = random_bytes(TensorProto.INT8, 1100, 24), random_bytes(TensorProto.INT8, 24, 1032)
    infos = [helper.make_tensor_value_info("a", TensorProto.INT8, a.shape)]
    source = onnx_model([product], infos, [numpy_helper.from_array(b, "b")], TensorProto.INT32)
    model = lathe.compile(source, target=TARGET, cache=False)
    assert "left factor has 24 bytes" in model.kernels[0]["strategy"], model.kernels
    assert (np.asarray(model(a)[0]) == a.astype(np.int64) @ b.astype(np.int64)).all()
    # Quantized, as models are written.
    zeros = {"a": np.uint8(7), "b": np.int8(0), "y": np.uint8(100)}
    nodes = [
        helper.make_node("DequantizeLinear", [x, f"{x}_scale", f"{x}_zero"], [f"{x}_f"])
        for x in "ab"
    ]
    nodes += [
        helper.make_node("MatMul", ["a_f", "b_f"], ["p"]),
        helper.make_node("QuantizeLinear", ["p", "y_scale", "y_zero"], ["y"]),
    ]
    a, b = random_bytes(TensorProto.UINT8, 1100, 80), random_bytes(TensorProto.INT8, 80, 1040)
    fixed = [numpy_helper.from_array(b, "b")]
    fixed += [numpy_helper.from_array(np.asarray(zero), f"{x}_zero") for x, zero in zeros.items()]
    scales = {"a": 0.02, "b": 0.01, "y": 0.25}
    fixed += [
        numpy_helper.from_array(np.asarray(v, np.float32), f"{x}_scale") for x, v in scales.items()
    ]
    infos = [helper.make_tensor_value_info("a", TensorProto.UINT8, a.shape)]
    source = onnx_model(nodes, infos, fixed, TensorProto.UINT8)
    gpu, cpu = lathe.compile(source, target=TARGET, cache=False), lathe.compile(source, cache=False)
    assert is_by_maps(gpu), gpu.kernels
    assert (np.asarray(gpu(a)[0]) == np.asarray(cpu(a)[0])).all()


def transposes() -> None:
    """Squares of all sizes of elements, what follows them, and dims that are smaller than one."""
    shapes: list[tuple[tuple[int, ...], list[int]]] = [
        ((33, 65), [1, 0]),
        ((2, 8, 70), [0, 2, 1]),
        ((2, 64, 9, 8), [0, 2, 3, 1]),
        ((3, 9, 130, 5), [2, 0, 3, 1]),
        ((5, 3, 2), [2, 1, 0]),
        ((0, 64), [1, 0]),
    ]
    kinds = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.INT8, TensorProto.DOUBLE)
    for shape, order in shapes:
        turn = helper.make_node("Transpose", ["x"], ["t"], perm=order)
        for kind in (*kinds, TensorProto.INT64, TensorProto.UINT8, TensorProto.BOOL):
            nodes = [turn, helper.make_node("Identity", ["t"], ["y"])]
            model = check(nodes, {"x": 9 * normal(*shape)}, dtype=kind, tolerance=0)
            is_small = min(shape[-1], shape[order[-1]]) < 8
            assert (model.kernels[0]["strategy"].split()[0] == "gpu.transpose") != is_small
        inputs = {"x": normal(*shape), "c": normal(shape[order[-1]])}
        check([turn, helper.make_node("Mul", ["t", "c"], ["y"])], inputs)


def parts_of_sums() -> None:
    """Few and long sums are computed in parts, with the same bits each time."""
    product = helper.make_node("MatMul", ["a", "b"], ["p"])
    nodes = [
        product,
        helper.make_node("Add", ["p", "c"], ["s"]),
        helper.make_node("Relu", ["s"], ["y"]),
    ]
    limits = {TensorProto.FLOAT: 1e-5, TensorProto.FLOAT16: 4e-3, TensorProto.BFLOAT16: 3e-2}
    shapes = [((3, 4096), (4096, 72)), ((2, 5, 3072), (3072, 33)), ((17, 1024 * 3), (1024 * 3, 64))]
    for dtype, limit in limits.items():
        for left, right in shapes:
            a, b, c = normal(*left), normal(*right), normal(right[1])
            inputs = {"a": a, "b": b, "c": c}
            model = check(nodes, inputs, dtype=dtype, tolerance=limit)
            assert "parts = " in model.kernels[0]["strategy"], model.kernels
            weights = {"b": b, "c": c}
            check(nodes, {"a": a}, dtype=dtype, constants=weights, tolerance=limit)
            numpy = helper.tensor_dtype_to_np_dtype(dtype)
            values = {name: array.astype(numpy) for name, array in inputs.items()}
            first, second = (np.asarray(model.run(values)["y"]).tobytes() for _ in range(2))
            assert first == second
    # Nothing to add: a dim without elements is no part of anything.
    shapes = [((0, 4096), (4096, 72)), ((4, 4096), (4096, 0)), ((2, 0, 2048), (2048, 64))]
    for left, right in shapes:
        check(nodes, {"a": normal(*left), "b": normal(*right), "c": normal(right[1])})
    a, b = random_bytes(TensorProto.UINT8, 9, 8192), random_bytes(TensorProto.INT8, 8192, 40)
    node = helper.make_node("MatMulInteger", ["a", "b"], ["y"])
    exact = a.astype(np.int64) @ b.astype(np.int64)
    exact_bytes(node, {"a": a, "b": b}, {}, exact)
    exact_bytes(node, {"a": a}, {"b": b}, exact)


def convolutions() -> None:
    """One to two dims, strides, dilations, groups."""
    cases: list[tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
        ((2, 3, 9, 8), (70, 3, 3, 3), {"pads": [1, 1, 1, 1]}),
        ((1, 8, 10, 10), (16, 8, 3, 3), {"strides": [2, 2]}),
        ((1, 4, 11, 9), (8, 4, 3, 2), {"dilations": [2, 1]}),
        ((1, 16, 5, 5), (32, 16, 1, 1), {}),
        ((1, 128, 6, 6), (128, 64, 3, 3), {"group": 2}),
        ((1, 6, 6, 6), (6, 1, 3, 3), {"group": 6}),
        ((2, 5, 20), (9, 5, 4), {"pads": [1, 2]}),
    ]
    for dtype, limit in ((TensorProto.FLOAT, 1e-5), (TensorProto.FLOAT16, 3e-3)):
        for x, w, options in cases:
            conv = helper.make_node("Conv", ["x", "w", "b"], ["c"], **options)
            nodes = [conv, helper.make_node("Relu", ["c"], ["y"])]
            weights = {"w": normal(*w), "b": normal(w[0])}
            check(nodes, {"x": normal(*x)}, dtype=dtype, constants=weights, tolerance=limit)


def rows() -> None:
    """Rows of all lengths; sums over other axes, and over all."""
    for shape in ((1, 1000), (7, 33), (3, 5, 4096), (2, 40000)):
        x = {"x": normal(*shape)}
        check([helper.make_node("Softmax", ["x"], ["y"], axis=-1)], x)
        check([helper.make_node("LogSoftmax", ["x"], ["y"], axis=-1)], x)
        scale = {"s": normal(shape[-1]), "b": normal(shape[-1])}
        check([helper.make_node("LayerNormalization", ["x", "s", "b"], ["y"])], x, constants=scale)
        for name in ("ReduceMax", "ReduceProd", "ReduceL2"):
            check([helper.make_node(name, ["x"], ["y"], keepdims=0)], x)
        # Of terms with both signs, what is left is no measure of the error.
        for name in ("ReduceSum", "ReduceMean"):
            check([helper.make_node(name, ["x"], ["y"], keepdims=0)], {"x": np.abs(x["x"])})
    for name in ("ReduceSum", "ReduceMin"):
        for axis in (0, 1, 2):
            axes = numpy_helper.from_array(np.array([axis]), "axes")
            constant = helper.make_node("Constant", [], ["axes"], value=axes)
            check(
                [constant, helper.make_node(name, ["x", "axes"], ["y"])], {"x": normal(40, 50, 60)}
            )
    check([helper.make_node("Softmax", ["x"], ["y"], axis=1)], {"x": normal(2, 50, 60)})


def indices() -> None:
    """An index out of range is an error that names the node, and the next call is fine."""
    pick = helper.make_node("Gather", ["x", "i"], ["g"], axis=0, name="pick")
    infos = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, [5, 4]),
        helper.make_tensor_value_info("i", TensorProto.INT64, ["n"]),
    ]
    source = onnx_model([pick, helper.make_node("Exp", ["g"], ["y"])], infos)
    model = lathe.compile(source, target=TARGET, cache=False)
    x = np.zeros((5, 4), np.float32)
    for bad in (7, -6):
        try:
            model(x, np.array([1, bad, 2]))
        except lathe.RuntimeError as error:
            assert "pick" in str(error) and str(bad) in str(error), error
        else:
            raise AssertionError(f"no error for index {bad}")
        assert (np.asarray(model(x, np.array([1, 4]))[0]) == 1).all()


def threads() -> None:
    """Calls of several threads, and of two modules, run at once."""
    models = [lathe.compile(TWICE, target=TARGET, cache=False) for _ in range(2)]
    done = []

    def work(model: lathe.CompiledModel, rows: int) -> None:
        for i in range(20):
            x = np.full((rows, 4), i, np.float32)
            assert (np.asarray(model(x=x)[0]) == 2 * i).all()
        done.append(rows)

    workers = [threading.Thread(target=work, args=(models[i % 2], i + 1)) for i in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(done) == len(workers)


def ranges() -> None:
    """Sizes that are multiples of 8: products, rows and elements, and what is none of them."""
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"]),
        helper.make_node("Softmax", ["a"], ["p"], axis=0),
        helper.make_node("MatMul", ["p", "v"], ["b"]),
        helper.make_node("Tanh", ["b"], ["y"]),
    ]
    for dtype, limit in ((TensorProto.FLOAT, 1e-5), (TensorProto.FLOAT16, 4e-3)):
        numpy = helper.tensor_dtype_to_np_dtype(dtype)
        weights = [
            numpy_helper.from_array((normal(*shape) / 8).astype(numpy), name)
            for name, shape in (("w", (24, 72)), ("v", (72, 40)))
        ]
        x = helper.make_tensor_value_info("x", dtype, ["n", 24])
        model = onnx_model(nodes, [x], weights, dtype)
        cpu = lathe.compile(model, cache=False)
        gpu = lathe.compile(model, target=TARGET, dims={"n": "8..512%8"}, cache=False)
        for rows in (8, 16, 64, 136, 512):
            given = normal(rows, 24).astype(numpy)
            np.testing.assert_allclose(gpu(given)[0], cpu(given)[0], rtol=limit, atol=limit)
        for rows in (0, 12, 520):
            try:
                gpu(np.zeros((rows, 24), numpy))
            except lathe.RuntimeError as error:
                assert "call-dim-range" in error.ids, error
            else:
                raise AssertionError(f"{rows} rows are none of 8..512%8")


def sessions() -> None:
    """A program for onnxruntime runs on the GPU if it asks for it."""
    names = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    assert lathe.ort.get_available_providers() == names
    gpu = lathe.ort.InferenceSession(TWICE, providers=names)
    assert gpu.get_providers() == names
    cpu = lathe.ort.InferenceSession(TWICE, providers=names[1:])
    assert cpu.get_providers() == names[1:]
    x = np.ones((3, 4), np.float32)
    for session in (gpu, cpu):
        assert (np.asarray(session.run(None, {"x": x})[0]) == 2).all()


def bindings() -> None:
    """What a session has bound on the GPU stays there."""
    names = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    session = lathe.ort.InferenceSession(TWICE, providers=names)
    value = lathe.ort.OrtValue.ortvalue_from_numpy(np.ones((3, 4), np.float32), "cuda", 0)
    assert (value.device_name(), value.shape(), value.data_type()) == (
        "cuda",
        [3, 4],
        "tensor(float)",
    )
    binding = session.io_binding()
    binding.bind_ortvalue_input("x", value)
    binding.bind_output("y", "cuda")
    session.run_with_iobinding(binding)
    (y,) = binding.get_outputs()
    assert y.device_name() == "cuda" and (y.numpy() == 2).all()
    value.update_inplace(np.full((3, 4), 5, np.float32))
    # The memory of one run is the input of the next, and its result goes where the caller says.
    target = lathe.ort.OrtValue.ortvalue_from_shape_and_type((3, 4), np.float32, "cuda", 0)
    binding.bind_input("x", "cuda", 0, np.float32, value.shape(), value.data_ptr())
    binding.bind_output("y", "cuda", 0, np.float32, target.shape(), target.data_ptr())
    session.run_with_iobinding(binding)
    assert (target.numpy() == 10).all() and (binding.copy_outputs_to_cpu()[0] == 10).all()
    shared = lathe.ort.OrtValue.from_dlpack(target)
    assert shared.data_ptr() == target.data_ptr()
    binding.bind_ortvalue_input("x", shared)
    here = np.zeros((3, 4), np.float32)
    binding.bind_output("y", "cpu", 0, np.float32, here.shape, here.ctypes.data)
    session.run_with_iobinding(binding)
    assert (here == 20).all()
    try:
        binding.bind_output("y", "cuda", 7)
    except ValueError as error:
        assert "ort-device" in str(error)
    else:
        raise AssertionError("there is no GPU 7")


if __name__ == "__main__":
    globals()[sys.argv[1]]()
