# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Results in the memory of their operands are the right ones, and need less workspace."""

from __future__ import annotations

import pathlib
import re
from typing import Any

import lathe
import numpy as np
import numpy.typing as npt
import pytest
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

ROWS, WIDTH = 64, 512
BYTES = ROWS * WIDTH * 4
RANDOM = np.random.default_rng(0)
# Small integers, and multiples of 1/64: their products are exact, in any order of the sums.
X = RANDOM.integers(-3, 4, (ROWS, WIDTH)).astype(np.float32)
WEIGHTS = RANDOM.integers(-3, 4, (WIDTH, WIDTH)).astype(np.float32) / 64


def node(operator: str, inputs: str, output: str, **attributes: Any) -> NodeProto:
    return helper.make_node(operator, inputs.split(), [output], output, **attributes)


MATRIX = numpy_helper.from_array(WEIGHTS, "w")
POSITIONS = numpy_helper.from_array(np.array([[3], [0], [63], [3]], np.int64), "i")
UPDATES = numpy_helper.from_array(RANDOM.standard_normal((4, WIDTH), dtype=np.float32), "u")

# What the nodes compute, and the most bytes of workspace that they need.
MODELS = {
    "into the output": (
        [node("MatMul", "x w", "a"), node("Softmax", "a", "b", axis=1), node("Softmax", "b", "y")],
        0,
    ),
    "needed again": (
        [
            node("MatMul", "x w", "a"),
            node("Softmax", "a", "b"),
            node("MatMul", "a w", "c"),
            node("Add", "b c", "d"),
            node("Softmax", "d", "y"),
        ],
        BYTES,
    ),
    "scatter": (
        [
            node("MatMul", "x w", "a"),
            node("ScatterND", "a i u", "b"),
            node("Softmax", "b", "y", axis=0),
        ],
        BYTES,
    ),
    "scatter, and the data again": (
        [node("MatMul", "x w", "a"), node("ScatterND", "a i u", "b"), node("Sub", "b a", "y")],
        0,
    ),
    "turned": (
        [
            node("MatMul", "x w", "a"),
            node("Transpose", "a", "t", perm=[1, 0]),
            node("Reshape", "t s", "r"),
            node("Add", "a r", "b"),
            node("Softmax", "b", "y"),
        ],
        BYTES,
    ),
    "a reduction and its operand": (
        [
            node("MatMul", "x w", "a"),
            node("ReduceMax", "a", "m", axes=[1]),
            node("Sub", "a m", "y"),
        ],
        ROWS * 4,
    ),
}


def build(name: str, rows: int | str) -> tuple[ModelProto, int]:
    nodes, most = MODELS[name]
    shape = numpy_helper.from_array(np.array([ROWS, WIDTH], np.int64), "s")
    graph = helper.make_graph(
        nodes,
        "inplace",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [rows, WIDTH])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [rows, WIDTH])],
        [MATRIX, POSITIONS, UPDATES, shape],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), most


@pytest.mark.parametrize("rows", [ROWS, "n"])
@pytest.mark.parametrize("name", MODELS)
def test_a_model_in_place(tmp_path: pathlib.Path, name: str, rows: int | str) -> None:
    if rows == "n" and name == "turned":
        pytest.skip("its reshape fixes the number of rows")
    model, _ = build(name, rows)
    path = tmp_path / "inplace.onnx"
    path.write_bytes(model.SerializeToString())
    outputs: Any = ReferenceEvaluator(model).run(None, {"x": X})
    expected = np.asarray(outputs[0])
    first: npt.NDArray[np.float32] | None = None
    for threads in (1, 2, 1):
        compiled = lathe.compile(str(path), threads=threads)
        (result,) = compiled(X)
        np.testing.assert_allclose(np.asarray(result), expected, rtol=2e-5, atol=2e-6)
        first = np.asarray(result) if first is None else first
        np.testing.assert_array_equal(np.asarray(result), first)


@pytest.mark.parametrize("name", MODELS)
def test_workspace(tmp_path: pathlib.Path, name: str) -> None:
    model, most = build(name, ROWS)
    path = tmp_path / "inplace.onnx"
    path.write_bytes(model.SerializeToString())
    text = lathe.compile(str(path), target="x86_64:v3").ir("bufferize")
    plan = text[text.index("host.program plan") : text.index("host.program run")]
    constants = dict(re.findall(r"(%\w+) = arith.constant (\d+) : index", plan))
    (bytes_,) = re.findall(r"host.set_workspace (%\w+)", plan)
    # Behind the arena are the temporaries of kernels, where there are some.
    total = re.search(rf"{bytes_} = host.add %\w+, (%\w+)", plan)
    assert int(constants[total.group(1) if total else bytes_]) <= most
