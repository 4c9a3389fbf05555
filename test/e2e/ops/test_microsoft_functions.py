# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Rarely seen operators of ONNX Runtime, expanded from functions, compute what they say."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import lathe
import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

Array = npt.NDArray[Any]
RANDOM = np.random.default_rng(5)
SCALE, ZERO = np.array(0.05, np.float32), np.array(7, np.uint8)


def f32(*shape: int) -> Array:
    return RANDOM.standard_normal(shape).astype(np.float32)


def split_gelu(x: Array, bias: Array) -> Array:
    value, gate = np.split(x + bias, 2, -1)
    erf = np.vectorize(math.erf)
    return np.asarray(value * 0.5 * gate * (1 + erf(gate / 2**0.5)), np.float32)


def mean_of_bytes(x: Array) -> Array:
    mean = (0.05 * (x.astype(np.float64) - 7)).mean(1, keepdims=True)
    return np.asarray(np.clip(np.rint(mean / 0.03) + 9, 0, 255), np.uint8)


# Operator, operands, attributes, and what is right where ONNX Runtime has no such kernel for CPUs.
Row = tuple[str, Sequence[Array], dict[str, Any], Callable[..., Any] | None]
ROWS: list[Row] = [
    ("BiasAdd", [f32(2, 3, 4), f32(4), f32(2, 3, 4)], {}, lambda x, b, s: x + b + s),
    ("BiasSplitGelu", [f32(2, 3, 8), f32(8)], {}, split_gelu),
    ("ExpandDims", [f32(2, 3), np.array(1, np.int32)], {}, None),
    ("ExpandDims", [f32(2, 3), np.array(-1, np.int32)], {}, None),
    ("GatherND", [f32(3, 4), np.array([[0, 1], [2, 3]])], {}, None),
    ("GatherND", [f32(3, 4), np.array([[0, 1], [2, 3]], np.int32)], {}, lambda x, i: x[tuple(i.T)]),
    ("GridSample", [f32(1, 2, 4, 5), f32(1, 3, 3, 2)], {}, None),
    ("GridSample", [f32(1, 2, 4, 5), f32(1, 3, 3, 2)], {"mode": "nearest",
    "padding_mode": "border"}, None),
    ("GridSample", [f32(1, 2, 4, 5), f32(1, 3, 3, 2)], {"mode": "bicubic", "align_corners": 1},
    None),
    ("Pad", [f32(2, 3), np.array([0, 1, 1, 2])], {}, None),
    ("Pad", [f32(2, 3), np.array([0, 1, 1, 2]), np.array([2.5], np.float32)], {}, None),
    ("Pad", [f32(3, 4), np.array([1, 0, 0, 2])], {"mode": "reflect"}, None),
    ("TorchEmbedding", [f32(9, 4), np.array([[3, 0], [8, 8]])], {}, lambda w, i: w[i]),
    ("Trilu", [f32(2, 4, 5)], {}, None),
    ("Trilu", [f32(2, 4, 5), np.array(-1)], {"upper": 0}, None),
    ("Unique", [np.array([3, 1, 3, 2, 1], np.float32)], {}, None),
    ("CDist", [f32(4, 5), f32(3, 5)], {}, None),
    ("CDist", [f32(4, 5), f32(3, 5)], {"metric": "euclidean"}, None),
    (
        "QLinearReduceMean",
        [RANDOM.integers(0, 256, (3, 4)).astype(np.uint8), SCALE, ZERO, np.array(0.03, np.float32),
        np.array(9, np.uint8)],
        {"axes": [1], "keepdims": 1},
        mean_of_bytes,
    ),
    (
        "QLinearReduceMean",
        [RANDOM.integers(-128, 128, (3, 4)).astype(np.int8), SCALE, np.array(7, np.int8),
        np.array(0.03, np.float32)],
        {"axes": [-1], "keepdims": 0},
        lambda x: np.clip(np.rint((0.05 * (x - 7.0)).mean(1) / 0.03), -128, 127).astype(np.int8),
    ),
    (
        "QLinearReduceMean",
        [RANDOM.integers(0, 256, (3, 4)).astype(np.uint8), SCALE, ZERO, np.array(0.03, np.float32)],
        {"axes": [0, 1], "keepdims": 0},
        lambda x: np.clip(np.rint((0.05 * (x - 7.0)).mean() / 0.03), 0, 255).astype(np.uint8),
    ),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=[f"{row[0]}-{i}" for i, row in enumerate(ROWS)])
def test_operator(row: Row) -> None:
    op, operands, attributes, compute = row
    outputs = ["y", "index", "counts"] if op == "Unique" else ["y"]
    names = [f"x{i}" for i in range(len(operands))]
    fixed = {
        "ExpandDims": {1},
        "Pad": {1, 2},
        "QLinearReduceMean": set(range(1, len(operands))),
    }.get(op, set())
    graph = helper.make_graph(
        [helper.make_node(op, names, outputs, domain="com.microsoft", **attributes)],
        "g",
        [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(x.dtype), x.shape)
            for i, (name, x) in enumerate(zip(names, operands, strict=True))
            if i not in fixed
        ],
        [helper.make_value_info(name, onnx.TypeProto()) for name in outputs],
        [onnx.numpy_helper.from_array(x, name) for i, (name, x) in enumerate(zip(names, operands,
        strict=True)) if i in fixed],
    )  # fmt: skip
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    feed = {
        name: x for i, (name, x) in enumerate(zip(names, operands, strict=True)) if i not in fixed
    }
    if compute:
        used = operands[:1] if op == "QLinearReduceMean" else operands
        wanted = [compute(*used)]
    else:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        session = onnxruntime.InferenceSession(model.SerializeToString(), options)
        wanted = session.run(None, feed)
    found = lathe.compile(model, cache=False)(**feed)
    for a, b in zip(found, wanted, strict=True):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5)


def distances(*lengths: Any, **attributes: Any) -> onnx.ModelProto:
    """A model of the distances of rows of these lengths."""
    graph = helper.make_graph(
        [helper.make_node("CDist", ["a", "b"], ["y"], domain="com.microsoft", **attributes)],
        "g",
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, [f"rows of {name}", length])
            for name, length in zip("ab", lengths, strict=True)
        ],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
    )
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


def test_another_metric_is_an_error() -> None:
    with pytest.raises(lathe.CompileError, match="sqeuclidean") as raised:
        lathe.compile(distances(4, 4, metric="cosine"), cache=False)
    assert "onnx-unsupported-attribute" in raised.value.ids


def test_rows_of_other_lengths_have_no_distance() -> None:
    """A row of one number is not stretched, as operands of Sub are."""
    with pytest.raises(lathe.CompileError, match="lengths of the rows") as raised:
        lathe.compile(distances(1, 3), cache=False)
    assert "graph-shape-mismatch" in raised.value.ids
    for lengths in (("n", "m"), (1, "m"), ("n", 3)):
        model = lathe.compile(distances(*lengths), cache=False)
        with pytest.raises(lathe.RuntimeError, match="lengths of the rows"):
            model(f32(2, 1), f32(4, 3))
    assert lathe.compile(distances("n", "m"), cache=False)(f32(2, 3), f32(4, 3))[0].shape == (2, 4)
