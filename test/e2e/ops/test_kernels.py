# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Ops that meet in one kernel: what no op alone shows."""

from __future__ import annotations

from typing import Any

import lathe
import numpy as np
import pytest
from onnx import helper, numpy_helper
from oracle import Array, Random

random = Random(7)


def run(
    nodes: list[Any],
    inputs: dict[str, tuple[list[int | str], Array]],
    constants: dict[str, Array] | None = None,
    result: str = "y",
) -> Array:
    """What the nodes make of the inputs, each given with its declared dims."""
    graph = helper.make_graph(
        nodes,
        "kernel",
        [
            helper.make_tensor_value_info(
                name, helper.np_dtype_to_tensor_dtype(array.dtype), declared
            )
            for name, (declared, array) in inputs.items()
        ],
        [helper.make_empty_tensor_value_info(result)],
        [numpy_helper.from_array(array, name) for name, array in (constants or {}).items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    outputs = lathe.compile(model, cache=False).run(
        {name: array for name, (_, array) in inputs.items()}
    )
    return np.asarray(outputs[result])


@pytest.mark.parametrize("axis", [0, 1, 2, 3])
@pytest.mark.parametrize("free", range(16))
def test_scalar_gather_before_elementwise(axis: int, free: int) -> None:
    """One row of a tensor, of which any dims are free, is a view that tasks are counted by."""
    x = random.floats(3, 5, 7, 300)
    declared: list[int | str] = [
        f"d{i}" if free >> i & 1 else size for i, size in enumerate(x.shape)
    ]
    nodes = [
        helper.make_node("Gather", ["x", "i"], ["row"], axis=axis),
        helper.make_node("Relu", ["row"], ["y"]),
    ]
    found = run(nodes, {"x": (declared, x)}, {"i": np.array(1, np.int64)})
    np.testing.assert_array_equal(found, np.maximum(x.take(1, axis), 0))


def test_sums_of_two_before() -> None:
    """Each value is used twice, so that it can be fused only after the one before."""
    x, y = random.floats(4), random.floats(4)
    nodes = [helper.make_node("Add", [f"t{i}", f"t{i + 1}"], [f"t{i + 2}"]) for i in range(24)]
    found = run(nodes, {"t0": ([4], x), "t1": ([4], y)}, result="t25")
    for _ in range(24):
        x, y = y, x + y
    np.testing.assert_allclose(found, y, rtol=1e-6)


@pytest.mark.parametrize("axis", [0, 1])
def test_concat_of_hundreds(axis: int) -> None:
    """A tree of kernels, whose parts do not divide the operands evenly."""
    parts = {f"x{i}": random.floats(2, 3) for i in range(301)}
    nodes = [helper.make_node("Concat", list(parts), ["y"], axis=axis)]
    inputs = {name: (["n", 3] if axis == 0 else [2, "n"], part) for name, part in parts.items()}
    found = run(nodes, inputs)  # type: ignore[arg-type]
    np.testing.assert_array_equal(found, np.concatenate(list(parts.values()), axis))


EMPTY: dict[str, tuple[list[Any], tuple[int, ...], dict[str, Array]]] = {
    "relu": ([helper.make_node("Relu", ["x"], ["y"])], (4, 300, 0), {}),
    "softmax": ([helper.make_node("Softmax", ["x"], ["y"], axis=1)], (2, 0), {}),
    "sum over nothing": (
        [helper.make_node("ReduceSum", ["x", "axes"], ["y"], keepdims=0)],
        (0, 4, 300),
        {"axes": np.array([0], np.int64)},
    ),
    "sum of nothing, then more": (
        [
            helper.make_node("ReduceSum", ["x", "axes"], ["s"], keepdims=1),
            helper.make_node("Exp", ["s"], ["y"]),
        ],
        (300, 0, 300),
        {"axes": np.array([1], np.int64)},
    ),
    "product, then softmax": (
        [
            helper.make_node("MatMul", ["x", "w"], ["p"]),
            helper.make_node("Softmax", ["p"], ["y"], axis=-1),
        ],
        (300, 7),
        {"w": np.zeros((7, 0), np.float32)},
    ),
    "product over nothing": (
        [
            helper.make_node("MatMul", ["x", "w"], ["p"]),
            helper.make_node("Add", ["p", "one"], ["y"]),
        ],
        (300, 0),
        {"w": np.zeros((0, 7), np.float32), "one": np.ones(1, np.float32)},
    ),
    "concat": (
        [helper.make_node("Concat", ["x", "w"], ["y"], axis=1)],
        (300, 0),
        {"w": np.ones((300, 4), np.float32)},
    ),
}
EXPECTED: dict[str, Array] = {
    "relu": np.zeros((4, 300, 0)),
    "softmax": np.zeros((2, 0)),
    "sum over nothing": np.zeros((4, 300)),
    "sum of nothing, then more": np.ones((300, 1, 300)),
    "product, then softmax": np.zeros((300, 0)),
    "product over nothing": np.ones((300, 7)),
    "concat": np.ones((300, 4)),
}


@pytest.mark.parametrize("name", EMPTY)
@pytest.mark.parametrize("free", [False, True])
def test_empty_dims(name: str, free: bool) -> None:
    """A dim of size 0, fixed or met at run time, gives an empty result or an empty sum."""
    nodes, shape, constants = EMPTY[name]
    declared: list[int | str] = [
        f"d{i}" if free and size == 0 else size for i, size in enumerate(shape)
    ]
    if free and name in ("concat", "product over nothing"):
        declared = ["n", shape[1]]
    found = run(nodes, {"x": (declared, np.zeros(shape, np.float32))}, constants)
    assert found.shape == EXPECTED[name].shape
    np.testing.assert_array_equal(found, EXPECTED[name])
