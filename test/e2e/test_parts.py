# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Concatenations and slices without a kernel of their own have the right elements."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import lathe
import numpy as np
import pytest
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper, shape_inference
from onnx.reference import ReferenceEvaluator

RANDOM = np.random.default_rng(0)
Shape = list[int | str]


class Builder:
    """Nodes and their weights; small integers, so that sums are exact in any order."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.weights: list[Any] = []

    def weight(self, name: str, *shape: int) -> str:
        self.weights.append(
            numpy_helper.from_array(RANDOM.integers(-2, 3, shape).astype(np.float32), name)
        )
        return name

    def node(self, operator: str, inputs: str, outputs: str, **attributes: Any) -> None:
        made = helper.make_node(operator, inputs.split(), outputs.split(), outputs, **attributes)
        self.nodes.append(made)

    def conv(self, x: str, y: str, channels: int, filters: int, taps: int, group: int = 1) -> None:
        w = self.weight(y + "_w", filters, channels // group, taps, taps)
        pads = [taps // 2] * 4
        self.node("Conv", f"{x} {w}", y + "_c", kernel_shape=[taps] * 2, pads=pads, group=group)
        self.node("Relu", y + "_c", y)

    def matmul(self, x: str, y: str, rows: int, columns: int) -> None:
        self.node("MatMul", f"{x} {self.weight(y + '_w', rows, columns)}", y)

    def model(self, inputs: dict[str, Shape], outputs: str) -> ModelProto:
        graph = helper.make_graph(
            self.nodes,
            "parts",
            [
                helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
                for name, shape in inputs.items()
            ],
            [
                helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
                for name in outputs.split()
            ],
            self.weights,
        )
        opset = [helper.make_opsetid("", 17)]
        model = helper.make_model(graph, opset_imports=opset, ir_version=8)
        return shape_inference.infer_shapes(model)


def fire(shape: Shape, outputs: str = "z", again: bool = False) -> ModelProto:
    b = Builder()
    b.conv("x", "s", 16, 8, 1)
    b.conv("s", "a", 8, 13, 1)
    b.conv("s", "b", 8, 7, 3)
    b.node("Concat", "a b", "y", axis=1)
    b.conv("y", "c", 20, 13, 3)
    b.node("Add" if again else "Identity", "c a" if again else "c", "z")
    return b.model({"x": shape}, outputs)


def branches() -> ModelProto:
    b = Builder()
    b.conv("x", "s", 16, 8, 1)
    b.conv("s", "a", 8, 8, 3, group=8)
    b.node("MaxPool", "s", "b", kernel_shape=[3, 3], pads=[1] * 4, strides=[1, 1])
    b.conv("s", "c", 8, 8, 3, group=2)
    b.node("Neg", "s", "d")
    b.node("Concat", "a b c d", "y", axis=1)
    b.conv("y", "z", 32, 8, 1)
    return b.model({"x": [1, 16, 17, 15]}, "z")


def nested() -> ModelProto:
    b = Builder()
    for name, filters in (("a", 8), ("b", 8), ("c", 4)):
        b.conv("x", name, 16, filters, 1)
    b.node("Concat", "a b", "ab", axis=1)
    b.node("Concat", "ab c", "y", axis=1)
    b.conv("y", "z", 20, 8, 1)
    return b.model({"x": [1, 16, 9, 9]}, "z")


def rows(first: int | str, second: int | str, parts: str) -> ModelProto:
    """Parts behind a constant; the first of them has another reader."""
    b = Builder()
    b.matmul("x", "a", 16, 32)
    b.matmul("x2", "b", 16, 32)
    b.node("Concat", f"{b.weight('k', 3, 32)} {parts}", "y", axis=0)
    b.matmul("y", "z", 32, 8)
    b.matmul("a", "e", 32, 8)
    return b.model({"x": [first, 16], "x2": [second, 16], "x3": [2, 32]}, "z e")


def in_two() -> ModelProto:
    b = Builder()
    b.matmul("x", "a", 16, 32)
    b.matmul("x", "b", 16, 32)
    b.node("Concat", "a b", "y", axis=0)
    b.node("Concat", "b a", "w", axis=0)
    b.node("Relu", "y", "r")
    for name in "rwb":
        b.matmul(name, name + "z", 32, 8)
    return b.model({"x": [5, 16]}, "rz wz bz")


def views() -> ModelProto:
    b = Builder()
    b.weights.append(numpy_helper.from_array(np.array([2, 6], np.int64), "sizes"))
    b.weights.append(numpy_helper.from_array(np.array([4, 48], np.int64), "shape"))
    b.matmul("x", "a", 16, 32)
    b.node("Split", "a sizes", "p q", axis=0)
    b.node("Reshape", "q shape", "q2")
    b.node("Split", "q2", "u v", axis=0)
    b.matmul("u", "uz", 48, 8)
    b.node("Relu", "a", "r")
    return b.model({"x": [8, 16]}, "uz r v p")


def pieces_of_input() -> ModelProto:
    b = Builder()
    b.node("Split", "x", "p q", axis=0)
    b.node("Concat", "q p", "y", axis=0)
    b.node("Relu", "p", "s")
    return b.model({"x": [8, 5]}, "p q y s")


def cache() -> ModelProto:
    b = Builder()
    b.matmul("x", "k", 16, 32)
    b.node("Concat", "past k", "y", axis=1)
    b.matmul("y", "z", 32, 8)
    return b.model({"x": [1, "t", 16], "past": [1, "p", 32]}, "y z")


# Whether kernels that join or cut are left.
MODELS: dict[str, tuple[Callable[[], ModelProto], bool]] = {
    "channels": (lambda: fire([1, 16, 13, 11]), False),
    "channels of two images": (lambda: fire([2, 16, 13, 11]), False),
    "channels of any number of images": (lambda: fire(["n", 16, 13, 11]), False),
    "channels of any images": (lambda: fire([1, 16, "h", "w"]), True),
    "channels that are needed again": (lambda: fire([1, 16, 13, 11], again=True), True),
    "channels that are an output": (lambda: fire([1, 16, 13, 11], "z a"), True),
    "all channels are an output": (lambda: fire([1, 16, 13, 11], "y z"), False),
    "branches": (branches, False),
    "nested": (nested, True),
    "rows": (lambda: rows(5, 7, "a b x3"), False),
    "any number of rows": (lambda: rows("n", "m", "a b"), False),
    "rows that are there twice": (lambda: rows(5, 7, "a b a x3"), True),
    "in two": (in_two, True),
    "views": (views, False),
    "pieces of an input": (pieces_of_input, True),
    "cache": (cache, True),
}


@pytest.mark.parametrize("name", MODELS)
def test_parts(name: str) -> None:
    build, is_left = MODELS[name]
    model = build()
    feed = {}
    for value in model.graph.input:
        dims = value.type.tensor_type.shape.dim
        shape = [
            dim.dim_value or {"n": 3, "m": 2, "h": 9, "w": 14, "t": 2, "p": 5}[dim.dim_param]
            for dim in dims
        ]
        feed[value.name] = RANDOM.integers(-3, 4, shape).astype(np.float32)
    expected = ReferenceEvaluator(model).run(None, feed)
    compiled = lathe.compile(model.SerializeToString(), threads=2, accuracy="strict")
    results = compiled(**feed)
    assert len(results) == len(expected)
    for result, wanted in zip(results, expected, strict=True):
        np.testing.assert_array_equal(np.asarray(result), wanted)
    names = " ".join(kernel["name"] for kernel in compiled.kernels)
    assert bool(re.search("concat|slice", names)) == is_left, names
