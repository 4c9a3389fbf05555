# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Sizes that are 1 in one call and more in the next, compared with NumPy."""

from __future__ import annotations

import itertools

import lathe
import numpy as np
import pytest
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper
from oracle import Array, Random

random = Random(21)


def build(
    nodes: list[NodeProto],
    inputs: dict[str, list[str | int | None]],
    outputs: list[str],
    constants: dict[str, Array] | None = None,
) -> ModelProto:
    """A model of float32 inputs; a string is a named dim, None one without a name."""
    graph = helper.make_graph(
        nodes,
        "broadcast",
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, d) for n, d in inputs.items()],
        [helper.make_empty_tensor_value_info(name) for name in outputs],
        [numpy_helper.from_array(array, name) for name, array in (constants or {}).items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)


def both(model: ModelProto) -> list[lathe.CompiledModel]:
    compiled = lathe.compile(model, threads=1, cache=False)
    return [compiled, compiled.with_threads(2)]


@pytest.mark.parametrize("other", [["e", "f"], ["e", 300], [None, None], [1, "f"], ["f"]])
def test_elementwise(other: list[str | int | None]) -> None:
    """The result is used with an operand again, whose size it may or may not have."""
    nodes = [
        helper.make_node("Add", ["x", "y"], ["s"]),
        helper.make_node("Mul", ["s", "x"], ["p"]),
        helper.make_node("Tanh", ["p"], ["z"]),
    ]
    models = both(build(nodes, {"x": ["a", "b"], "y": other}, ["z", "s"]))
    for rows, columns in itertools.product((1, 5), (1, 300)):
        for more_rows, more_columns in itertools.product((1, 5, rows), (1, 300, columns)):
            fixed = [d if isinstance(d, int) else None for d in other]
            if fixed[-1] is not None and fixed[-1] != more_columns:
                continue
            if len(fixed) == 2 and fixed[0] is not None and fixed[0] != more_rows:
                continue
            x, y = random.floats(rows, columns), random.floats(more_rows, more_columns)
            y = y[0] if len(other) == 1 else y
            total = x + y
            for model in models:
                found = model.run({"x": x, "y": y})
                np.testing.assert_allclose(found["s"], total, rtol=1e-6)
                np.testing.assert_allclose(found["z"], np.tanh(total * x), rtol=1e-5, atol=1e-6)


def test_sizes_of_zero() -> None:
    (model, _) = both(
        build([helper.make_node("Add", ["x", "y"], ["z"])], {"x": ["a"], "y": ["b"]}, ["z"])
    )
    for a, b in ((0, 0), (0, 1), (1, 0)):
        assert model.run({"x": np.ones(a, np.float32), "y": np.ones(b, np.float32)})["z"].size == 0
    for a, b in ((0, 2), (3, 2), (2, 0)):
        with pytest.raises(lathe.RuntimeError, match=r"equal, or one of them 1.*call-shape-check"):
            model.run({"x": np.ones(a, np.float32), "y": np.ones(b, np.float32)})


def test_three_operands() -> None:
    nodes = [
        helper.make_node("Greater", ["c", "d"], ["k"]),
        helper.make_node("Where", ["k", "x", "y"], ["z"]),
    ]
    names: dict[str, list[str | int | None]] = {
        "c": ["p", "q"],
        "d": ["p", "q"],
        "x": ["r", "q"],
        "y": ["s", "t"],
    }
    models = both(build(nodes, names, ["z"]))
    for p, r, s, t in itertools.product((1, 4), (1, 4), (1, 4), (1, 7)):
        c, d = random.floats(p, 7), random.floats(p, 7)
        x, y = random.floats(r, 7), random.floats(s, t)
        for model in models:
            found = model.run({"c": c, "d": d, "x": x, "y": y})["z"]
            np.testing.assert_array_equal(found, np.where(c > d, x, y))


def test_batches_of_a_product() -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "y"], ["p"]),
        helper.make_node("Softmax", ["p"], ["z"]),
    ]
    models = both(build(nodes, {"x": ["a", "b", 5, 6], "y": ["c", "d", 6, "n"]}, ["p"]))
    for a, b, c, d in itertools.product((1, 2), (1, 3), (1, 2), (1, 3)):
        x, y = random.floats(a, b, 5, 6), random.floats(c, d, 6, 9)
        for model in models:
            np.testing.assert_allclose(model.run({"x": x, "y": y})["p"], x @ y, rtol=1e-4)


def test_expand_to_the_shape_of_another_input() -> None:
    nodes = [
        helper.make_node("Shape", ["y"], ["s"]),
        helper.make_node("Expand", ["x", "s"], ["z"]),
    ]
    (model, _) = both(build(nodes, {"x": ["a", "b"], "y": ["c", "d"]}, ["z"]))
    for a, b, c, d in itertools.product((1, 3), (1, 4), (1, 3), (1, 4)):
        x, y = random.floats(a, b), random.floats(c, d)
        np.testing.assert_array_equal(model.run({"x": x, "y": y})["z"], x + np.zeros_like(y))


def test_behind_a_convolution() -> None:
    """Layouts change in between, and a reduction follows."""
    weights = random.floats(8, 3, 3, 3) * 0.1
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("Add", ["c", "y"], ["s"]),
        helper.make_node("Relu", ["s"], ["r"]),
        helper.make_node("GlobalAveragePool", ["r"], ["z"]),
    ]
    inputs: dict[str, list[str | int | None]] = {"x": ["n", 3, "h", "w0"], "y": ["m", 8, "i", "j"]}
    models = both(build(nodes, inputs, ["z", "c"], {"w": weights}))
    for n, m, i, j in itertools.product((1, 2), (1, 2), (1, 6), (1, 7)):
        x, y = random.floats(n, 3, 6, 7), random.floats(m, 8, i, j)
        for model in models:
            found = model.run({"x": x, "y": y})
            right = np.maximum(found["c"] + y, 0).mean((2, 3), keepdims=True)
            np.testing.assert_allclose(found["z"], right, rtol=1e-5, atol=1e-6)


def test_an_attention_mask_without_names() -> None:
    nodes = [
        helper.make_node("MatMul", ["q", "k"], ["s"]),
        helper.make_node("Add", ["s", "m"], ["b"]),
        helper.make_node("Softmax", ["b"], ["w"]),
        helper.make_node("MatMul", ["w", "v"], ["z"]),
    ]
    inputs: dict[str, list[str | int | None]] = {
        "q": [None, 2, None, 4],
        "k": [None, 2, 4, None],
        "m": [None, 1, None, None],
        "v": [None, 2, None, 4],
    }
    models = both(build(nodes, inputs, ["z"]))
    for batch, mask, rows, columns in itertools.product((1, 3), (1, 3), (1, 5), (1, 6)):
        q, k, v = (
            random.floats(batch, 2, 5, 4),
            random.floats(batch, 2, 4, 6),
            random.floats(batch, 2, 6, 4),
        )
        m = random.floats(mask, 1, rows, columns)
        if mask > 1 and batch == 1:
            v = random.floats(mask, 2, 6, 4)
        scores = q @ k + m
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        right = weights / weights.sum(-1, keepdims=True) @ v
        for model in models:
            found = model.run({"q": q, "k": k, "m": m, "v": v})["z"]
            np.testing.assert_allclose(found, right, rtol=1e-4, atol=1e-5)
