# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operators of opset 1 that nothing else can run: ONNX Runtime and onnx.reference begin later."""

from __future__ import annotations

from typing import Any

import lathe
import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

Array = npt.NDArray[Any]

X = np.random.default_rng(3).standard_normal((2, 3, 4, 6)).astype(np.float32)


def run(op: str, constants: list[Array], outputs: int = 1, **attributes: Any) -> list[Array]:
    """What the node computes of X, whose first two sizes are open, and of `constants`."""
    names = [f"c{i}" for i in range(len(constants))]
    node = helper.make_node(op, ["x", *names], [f"y{i}" for i in range(outputs)], **attributes)
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", "c", 4, 6])],
        [helper.make_value_info(f"y{i}", onnx.TypeProto()) for i in range(outputs)],
        [numpy_helper.from_array(c, name) for c, name in zip(constants, names, strict=True)],
    )
    opsets = [helper.make_opsetid("", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=3)
    return list(lathe.compile(model, cache=False)(X))


def number(value: float) -> Array:
    return np.array(value, np.float32)


def test_tile_along_one_axis() -> None:
    (y,) = run("Tile", [number(3), number(2)])
    np.testing.assert_array_equal(y, np.tile(X, (1, 1, 3, 1)))
    with pytest.raises(lathe.CompileError, match="whole numbers"):
        run("Tile", [number(1.5), number(2)])
    with pytest.raises(lathe.CompileError, match="rank 4"):
        run("Tile", [number(2), number(4)])


def test_split_by_an_input_of_floats() -> None:
    parts = run("Split", [np.array([1, 5], np.float32)], outputs=2, axis=3)
    for found, wanted in zip(parts, np.split(X, [1], 3), strict=True):
        np.testing.assert_array_equal(found, wanted)
    halves = run("Split", [], outputs=2, axis=2)
    np.testing.assert_array_equal(halves[1], X[:, :, 2:])
    listed = run("Split", [], outputs=2, axis=2, split=[3, 1])
    np.testing.assert_array_equal(listed[1], X[:, :, 3:])


def test_upsample_by_two_scales() -> None:
    (y,) = run("Upsample", [], height_scale=2.0, width_scale=3.0)
    np.testing.assert_array_equal(y, X.repeat(2, 2).repeat(3, 3))
    (smooth,) = run("Upsample", [], height_scale=1.0, width_scale=2.0, mode="bilinear")
    np.testing.assert_allclose(smooth[..., :-2:2], X[..., :-1], rtol=1e-6)
    np.testing.assert_allclose(smooth[..., 1:-2:2], (X[..., 1:] + X[..., :-1]) / 2, rtol=1e-5)
    with pytest.raises(lathe.CompileError, match="mode"):
        run("Upsample", [], height_scale=1.0, width_scale=2.0, mode="linear")


def test_norms_with_an_exponent_of_float() -> None:
    (whole,) = run("GlobalLpPool", [], p=3.0)
    wanted = (np.abs(X) ** 3).sum((2, 3), keepdims=True) ** (1 / 3)
    np.testing.assert_allclose(whole, wanted, rtol=1e-5)
    (pooled,) = run("LpPool", [], kernel_shape=[2, 2], strides=[2, 2])
    squares = (X**2).reshape(2, 3, 2, 2, 3, 2).sum((3, 5))
    np.testing.assert_allclose(pooled, np.sqrt(squares), rtol=1e-5)
    with pytest.raises(lathe.CompileError, match="whole numbers"):
        run("GlobalLpPool", [], p=2.5)
