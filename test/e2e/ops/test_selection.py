# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Results whose number depends on the data, and sizes that are computed: one compilation for all.

The oracle is NumPy, or ONNX's own reference where NumPy has no such operator.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import lathe
import numpy as np
import onnx
import pytest
from onnx import helper
from onnx.reference import ReferenceEvaluator
from oracle import Array, Random

random = Random(17)


def model_of(
    nodes: Sequence[onnx.NodeProto],
    inputs: dict[str, tuple[Any, list[Any]]],
    outputs: Sequence[str],
    opset: int = 21,
) -> onnx.ModelProto:
    """Return a model whose inputs have the given dtypes and dims."""
    graph = helper.make_graph(
        list(nodes),
        "selection",
        [
            helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(np.dtype(t)), d)
            for n, (t, d) in inputs.items()
        ],
        [helper.make_empty_tensor_value_info(n) for n in outputs],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)


def compiled(model: onnx.ModelProto) -> lathe.CompiledModel:
    return lathe.compile(model, cache=False)


def sparse(shape: Sequence[int], dtype: Any, share: float) -> Array:
    x = (random.floats(*shape) * 9).astype(dtype)
    x[random.floats(*shape) > 2 * share - 1] = 0
    return x


@pytest.mark.parametrize("dtype", [np.float32, np.int64, np.uint8, np.bool_, np.float16])
@pytest.mark.parametrize("free", [False, True])
def test_nonzero(dtype: Any, free: bool) -> None:
    shape = [3, 4, 5]
    node = helper.make_node("NonZero", ["x"], ["y"])
    model = compiled(model_of([node], {"x": (dtype, ["a", 4, "c"] if free else shape)}, ["y"]))
    for share in (0.0, 0.3, 1.0):
        x = sparse(shape, dtype, share)
        np.testing.assert_array_equal(model(x)[0], np.array(np.nonzero(x)))
    if dtype == np.float32:
        x = np.full(shape, np.nan, np.float32)
        assert model(x)[0].shape == (3, 60)
    if free:
        assert model(np.ones((2, 4, 0), dtype))[0].shape == (3, 0)


@pytest.mark.parametrize("axis", [None, 0, -1])
def test_compress(axis: int | None) -> None:
    attributes: dict[str, Any] = {} if axis is None else {"axis": axis}
    node = helper.make_node("Compress", ["x", "c"], ["y"], **attributes)
    model = compiled(
        model_of([node], {"x": (np.float32, ["a", "b"]), "c": (np.bool_, ["n"])}, ["y"])
    )
    for shape in ((5, 7), (1, 3)):
        x = random.floats(*shape)
        length = x.size if axis is None else shape[axis]
        for count in (length, max(length - 1, 0)):
            condition = random.floats(count) > 0
            right = np.compress(condition, x, axis)
            np.testing.assert_array_equal(model(x, condition)[0], right)
    with pytest.raises(lathe.RuntimeError, match="'condition' must not have more elements"):
        model(random.floats(2, 2), np.ones(9, np.bool_))


@pytest.mark.parametrize("axis", [None, 0, 1, -1])
@pytest.mark.parametrize("sort", [0, 1])
@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_unique(axis: int | None, sort: int, dtype: Any) -> None:
    attributes: dict[str, Any] = {} if axis is None else {"axis": axis}
    node = helper.make_node("Unique", ["x"], ["y", "i", "v", "c"], sorted=sort, **attributes)
    model = compiled(model_of([node], {"x": (dtype, ["a", "b", 2])}, ["y", "i", "v", "c"]))
    for shape in ((4, 3, 2), (1, 6, 2), (9, 1, 2)):
        x = (random.floats(*shape) * 2).round().astype(dtype)
        y, indices, inverse, counts = np.unique(x, True, True, True, axis=axis)
        if not sort:
            order = np.argsort(indices)
            y = y[order] if axis is None else np.take(y, order, axis)
            indices, counts = indices[order], counts[order]
            inverse = np.argsort(order)[inverse.reshape(-1)]
        found = model(x)
        for mine, right in zip(found, (y, indices, inverse.reshape(-1), counts), strict=True):
            np.testing.assert_array_equal(mine, right)


@pytest.mark.parametrize("centers", [0, 1])
def test_non_max_suppression(centers: int) -> None:
    node = helper.make_node(
        "NonMaxSuppression",
        ["boxes", "scores", "most", "iou", "least"],
        ["y"],
        center_point_box=centers,
    )
    model = model_of(
        [node],
        {
            "boxes": (np.float32, ["n", "b", 4]),
            "scores": (np.float32, ["n", "c", "b"]),
            "most": (np.int64, [1]),
            "iou": (np.float32, [1]),
            "least": (np.float32, [1]),
        },
        ["y"],
    )
    mine, reference = compiled(model), ReferenceEvaluator(model)
    for images, classes, boxes in ((2, 3, 20), (1, 1, 1), (1, 2, 60)):
        for most, iou, least in ((100, 0.3, 0.0), (2, 0.5, -1.0), (0, 0.5, 0.0), (5, 0.0, 2.0)):
            inputs = {
                "boxes": np.abs(random.floats(images, boxes, 4)),
                "scores": random.floats(images, classes, boxes),
                "most": np.array([most]),
                "iou": np.array([iou], np.float32),
                "least": np.array([least], np.float32),
            }
            outputs: Any = reference.run(None, inputs)
            right = np.array(outputs[0]).reshape(-1, 3)
            np.testing.assert_array_equal(mine.run(inputs)["y"], right)


def test_a_size_is_computed_by_the_model() -> None:
    """The sum of the data says how many rows are kept, repeated and padded."""
    nodes = [
        helper.make_node("ReduceSum", ["x"], ["s"], keepdims=0),
        helper.make_node("Cast", ["s"], ["i"], to=7),
        helper.make_node("Constant", [], ["one"], value_ints=[1]),
        helper.make_node("Constant", [], ["zero"], value_ints=[0]),
        helper.make_node("Reshape", ["i", "one"], ["k"]),
        helper.make_node("Slice", ["x", "zero", "k"], ["cut"]),
        helper.make_node("Tile", ["x", "k"], ["tiled"]),
        helper.make_node("ConstantOfShape", ["k"], ["zeros"]),
        helper.make_node("TopK", ["x", "k"], ["best", "where"]),
        helper.make_node("Concat", ["zero", "k"], ["pads"], axis=0),
        helper.make_node("Pad", ["x", "pads"], ["padded"]),
        helper.make_node("Expand", ["one", "k"], ["ones"]),
    ]
    outputs = ["cut", "tiled", "zeros", "best", "padded", "ones"]
    model = compiled(model_of(nodes, {"x": (np.float32, [5])}, outputs))
    for x in ([1, 0, 1, 0, 1], [0, 0, 0, 0, 0], [2, 0, 3, 0, 0]):
        data = np.array(x, np.float32)
        k = int(data.sum())
        found = model(data)
        right = [
            data[:k],
            np.tile(data, k),
            np.zeros(k, np.float32),
            np.sort(data)[::-1][:k],
            np.pad(data, (0, k)),
            np.ones(k, np.int64),
        ]
        for mine, expected in zip(found, right, strict=True):
            np.testing.assert_array_equal(mine, expected)
    with pytest.raises(lathe.RuntimeError, match="call-shape-check"):
        model(np.array([0, 0, -1, 0, 0], np.float32))
    assert model(np.array([1, 0, 0, 0, 0], np.float32))[0].shape == (1,)
