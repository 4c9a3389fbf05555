# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""ONNX's Backend API; the backend tests of ONNX themselves run in test/conformance."""

from __future__ import annotations

import lathe
import lathe.onnx_backend as backend
import numpy as np
import pytest
from conftest import add_one, unsupported
from onnx import ModelProto, helper

X = np.array([[-1, 0, 2]], np.float32)


def test_prepare_and_run() -> None:
    prepared = backend.prepare(add_one(), "CPU")
    for inputs in ([X], (X,), X, {"x": X}):
        (y,) = prepared.run(inputs)
        np.testing.assert_array_equal(y, X + 1)


def test_run_model() -> None:
    np.testing.assert_array_equal(backend.run_model(add_one(), [X])[0], X + 1)


def test_run_node() -> None:
    node = helper.make_node("Relu", ["x"], ["y"])
    expected = np.maximum(X, 0)
    info = [(np.dtype(np.float32), X.shape)]
    for outputs_info in (None, info):
        (y,) = backend.run_node(node, [X], outputs_info=outputs_info)
        np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(backend.run_node(node, {"x": X}, opset_version=14)[0], expected)
    with pytest.raises(ValueError, match="1 inputs, but 2 were passed"):
        backend.run_node(node, [X, X])


def test_run_node_with_an_input_left_out() -> None:
    node = helper.make_node("Clip", ["x", "", "high"], ["y"])
    (y,) = backend.run_node(node, [X, np.float32(1)])
    np.testing.assert_array_equal(y, np.minimum(X, 1))


def test_devices() -> None:
    assert backend.supports_device("CPU")
    assert not backend.supports_device("CUDA")
    assert not backend.supports_device("CUDA:1")
    with pytest.raises(ValueError, match="CUDA"):
        backend.prepare(add_one(), "CUDA")


def test_what_is_not_supported_is_a_compile_error() -> None:
    with pytest.raises(lathe.CompileError) as caught:
        backend.prepare(unsupported())
    assert caught.value.ids
    assert not backend.is_compatible(unsupported())
    assert backend.is_compatible(add_one())


def test_unknown_options_are_refused() -> None:
    with pytest.raises(TypeError, match="no_such_option"):
        backend.prepare(add_one(), no_such_option=1)


def sum_over(shape: list[str | int | None], axes: list[str | int | None]) -> ModelProto:
    node = helper.make_node("ReduceSum", ["x", "axes"], ["y"], keepdims=0)
    graph = helper.make_graph(
        [node],
        "sum",
        [
            helper.make_tensor_value_info("x", 1, shape),
            helper.make_tensor_value_info("axes", 7, axes),
        ],
        [helper.make_tensor_value_info("y", 1, ["n"])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)


def test_parameters_that_are_inputs_are_compiled_once() -> None:
    prepared = backend.prepare(sum_over([2, 3, 4], [2]))
    x = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    for axes in ([0, 1], [2, 0], [0, -2], [-1, -2]):
        for inputs in ([x, np.array(axes)], {"axes": np.array(axes), "x": x}):
            np.testing.assert_array_equal(prepared.run(inputs)[0], x.sum(tuple(axes)))
    for wrong, message in (([0, 7], "'axes' must be from -3 to 2"), ([1, -2], "twice")):
        with pytest.raises(lathe.RuntimeError, match=message):
            prepared.run([x, np.array(wrong)])
    np.testing.assert_array_equal(prepared.run([x, np.array([0, 1])])[0], x.sum((0, 1)))


def test_how_many_axes_there_are_is_known_when_the_model_is_compiled() -> None:
    model = sum_over(["a", "b"], ["n"])
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.testing.assert_array_equal(backend.prepare(model).run([x, np.array([1])])[0], x.sum(1))
    model.graph.output[0].type.tensor_type.ClearField("shape")  # Which said how many there are.
    with pytest.raises(lathe.CompileError, match="onnx-dynamic-parameter"):
        backend.prepare(model)
