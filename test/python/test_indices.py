# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Indices of run time that lie outside are errors of the call, with node and values."""

from __future__ import annotations

from typing import Any

import lathe
import numpy as np
import pytest
from conftest import ValueSpec, make_model
from onnx import ModelProto, TensorProto, helper

FLOAT, INT = TensorProto.FLOAT, TensorProto.INT64
Array = np.ndarray[Any, Any]


def model_of(op: str, x: list[Any], i: list[Any], **attributes: Any) -> ModelProto:
    """Return one node, called "picks"; scatters write zeros."""
    values: list[ValueSpec] = [("x", FLOAT, x), ("i", INT, i)]
    names = ["x", "i"]
    if op.startswith("Scatter"):
        names.append("u")
        values.append(("u", FLOAT, [*i[:-1], *x[i[-1] :]] if op == "ScatterND" else i))
    node = helper.make_node(op, names, ["y"], name="picks", **attributes)
    rank = len(x)
    if op == "Gather":
        rank += len(i) - 1
    elif op == "GatherND":
        rank += len(i) - 1 - i[-1]
    return make_model([node], values, [("y", FLOAT, [None] * rank)])


# The op, the shapes of x and indices, attributes, and the size that indices select from.
CASES = [
    ("Gather", [5, 3], [4], {"axis": 0}, 5),
    ("Gather", [2, 5], [2, 2], {"axis": 1}, 5),
    ("Gather", [5], [], {"axis": 0}, 5),
    ("Gather", ["n", 3], ["m"], {"axis": 0}, 5),
    ("Gather", [5, 700], [40], {"axis": 0}, 5),
    ("GatherElements", [5, 3], [4, 3], {"axis": 0}, 5),
    ("GatherElements", [3, 5], [3, 900], {"axis": 1}, 5),
    ("GatherND", [5, 5, 2], [4, 2], {}, 5),
    ("ScatterElements", [5, 3], [2, 3], {"axis": 0}, 5),
    ("ScatterND", [5, 3], [4, 1], {}, 5),
    ("ScatterND", [5, 5], [4, 2], {"reduction": "add"}, 5),
]


def arrays(x: list[Any], i: list[Any], op: str) -> list[Array]:
    """Return inputs that are right: all positions are 1."""
    sizes = {"n": 5, "m": 4}
    x = [sizes.get(d, d) for d in x]
    i = [sizes.get(d, d) for d in i]
    result: list[Array] = [
        np.arange(np.prod(x, dtype=int), dtype=np.float32).reshape(x),
        np.ones(i, np.int64),
    ]
    if op.startswith("Scatter"):
        shape = [*i[:-1], *x[i[-1] :]] if op == "ScatterND" else i
        result.append(np.zeros(shape, np.float32))
    return result


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("op", "x", "i", "attributes", "size"), CASES)
def test_outside(
    op: str, x: list[Any], i: list[Any], attributes: dict[str, Any], size: int, threads: int
) -> None:
    model = lathe.compile(model_of(op, x, i, **attributes), threads=threads)
    inputs = arrays(x, i, op)
    (right,) = model(*inputs)
    for place in {0, inputs[1].size // 2, inputs[1].size - 1}:
        for wrong in (size, -size - 1, 2**40, -(2**40)):
            inputs[1].flat[place] = wrong
            with pytest.raises(lathe.RuntimeError) as caught:
                model(*inputs)
            text = f"index {wrong} does not lie in a dim of size {size}"
            assert f'node "picks" ({op}-' in str(caught.value)
            assert text in str(caught.value)
            assert caught.value.ids == ("call-index-range",)
        # The last of either end is fine.
        for last in (size - 1, -size):
            inputs[1].flat[place] = last
            model(*inputs)
        inputs[1].flat[place] = 1
    np.testing.assert_array_equal(model(*inputs)[0], right)


def test_the_node_of_a_shared_kernel() -> None:
    """Two nodes that are the same kernel keep their own names."""
    nodes = [
        helper.make_node("Gather", ["x", "i"], ["a"], name="first", axis=0),
        helper.make_node("Gather", ["x", "j"], ["b"], name="second", axis=0),
    ]
    values = [("x", FLOAT, [5, 3]), ("i", INT, [4]), ("j", INT, [4])]
    model = lathe.compile(make_model(nodes, values, [("a", FLOAT, [4, 3]), ("b", FLOAT, [4, 3])]))
    x, fine, wrong = np.zeros((5, 3), np.float32), np.zeros(4, np.int64), np.full(4, 7)
    with pytest.raises(lathe.RuntimeError, match='node "first"'):
        model(x, wrong, fine)
    with pytest.raises(lathe.RuntimeError, match='node "second"'):
        model(x, fine, wrong)
    model(x, fine, fine)


def test_the_checks_of_the_model_come_first() -> None:
    """Checks of sizes and of indices do not take each other's words."""
    nodes = [
        helper.make_node("Add", ["x", "z"], ["s"], name="adds"),
        helper.make_node("Gather", ["s", "i"], ["y"], name="picks", axis=0),
    ]
    values: list[ValueSpec] = [("x", FLOAT, ["n", 3]), ("z", FLOAT, ["m", 3]), ("i", INT, [2])]
    model = lathe.compile(make_model(nodes, values, [("y", FLOAT, [2, 3])]))
    x = np.zeros((5, 3), np.float32)
    with pytest.raises(lathe.RuntimeError, match=r'node "picks".* index 5 does not lie .* size 5'):
        model(x, x, np.array([0, 5]))
    with pytest.raises(lathe.RuntimeError, match=r"call-shape-check|call-symbol"):
        model(x, x[:4], np.array([0, 1]))
    model(x, x, np.array([0, 4]))


@pytest.mark.parametrize(
    "op", ["Gather", "GatherElements", "GatherND", "ScatterElements", "ScatterND"]
)
def test_nothing_to_select(op: str) -> None:
    """An index into a dim of 0 is an error, and none is not."""
    attributes = {"axis": 0} if op in ("Gather", "GatherElements", "ScatterElements") else {}
    shapes: dict[str, list[Any]] = {"Gather": ["m"], "GatherND": ["m", 1], "ScatterND": ["m", 1]}
    i = shapes.get(op, ["m", 2])
    model = lathe.compile(model_of(op, ["n", 2], i, **attributes))

    def call(n: int, m: int) -> Array:
        inputs: list[Array] = [
            np.ones((n, 2), np.float32),
            np.zeros([m if d == "m" else d for d in i], np.int64),
        ]
        if op.startswith("Scatter"):
            inputs.append(np.zeros((m, 2), np.float32))
        result: Array = model(*inputs)[0]
        return result

    assert call(3, 2).shape == ((3, 2) if op.startswith("Scatter") else (2, 2))
    assert call(0, 0).shape == (0, 2)
    assert call(3, 0).shape == ((3, 2) if op.startswith("Scatter") else (0, 2))
    with pytest.raises(lathe.RuntimeError, match='node "picks"'):
        call(0, 2)


@pytest.mark.parametrize(
    ("op", "i"), [("Gather", [1]), ("GatherElements", [1, 3]), ("GatherND", [1, 1])]
)
def test_outside_of_a_table_of_equal_elements(op: str, i: list[int]) -> None:
    """What is read does not depend on the index, but whether it is right does."""
    value = helper.make_tensor("value", FLOAT, [5, 3], [2.5] * 15)
    nodes = [
        helper.make_node("Constant", [], ["x"], value=value),
        helper.make_node(op, ["x", "i"], ["y"], name="picks"),
    ]
    rank = len(i) + 1 if op == "Gather" else 2
    model = make_model(nodes, [("i", INT, i)], [("y", FLOAT, [None] * rank)])
    compiled = lathe.compile(model, cache=False)
    (y,) = compiled(np.full(i, -5, np.int64))
    assert (y == 2.5).all()
    with pytest.raises(lathe.RuntimeError, match=r'"picks".*index 5 .* size 5.*call-index-range'):
        compiled(np.full(i, 5, np.int64))
