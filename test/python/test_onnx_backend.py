# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""ONNX's Backend API; the backend tests of ONNX themselves run in test/conformance."""

from __future__ import annotations

import lathe
import lathe.onnx_backend as backend
import numpy as np
import pytest
from conftest import add_one, unsupported
from onnx import helper

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


def test_values_that_the_code_depends_on_come_with_the_call() -> None:
    node = helper.make_node("ReduceSum", ["x", "axes"], ["y"], keepdims=0)
    graph = helper.make_graph(
        [node],
        "sum",
        [
            helper.make_tensor_value_info("x", 1, [2, 3, 4]),
            helper.make_tensor_value_info("axes", 7, [2]),
        ],
        [helper.make_tensor_value_info("y", 1, ["n"])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    with pytest.raises(lathe.CompileError, match="onnx-dynamic-parameter"):
        lathe.compile(model)
    prepared = backend.prepare(model)
    x = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    for axes in ([0, 1], [2, 0], [0, 1]):
        for inputs in ([x, np.array(axes)], {"axes": np.array(axes), "x": x}):
            np.testing.assert_array_equal(prepared.run(inputs)[0], x.sum(tuple(axes)))
    with pytest.raises(lathe.CompileError, match="onnx-axis-range"):
        prepared.run([x, np.array([0, 7])])


def test_values_that_are_too_many_or_missing() -> None:
    """What the code depends on is no small input of the call, or is not given."""
    node = helper.make_node("ReduceSum", ["x", "axes"], ["y"], keepdims=0)
    graph = helper.make_graph(
        [node],
        "sum",
        [
            helper.make_tensor_value_info("x", 1, ["a", "b"]),
            helper.make_tensor_value_info("axes", 7, ["n"]),
        ],
        [helper.make_tensor_value_info("y", 1, ["m"])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    prepared = backend.prepare(model)
    x = np.zeros((10, 10), np.float32)
    with pytest.raises(lathe.CompileError, match="onnx-dynamic-parameter"):
        prepared.run([x, np.zeros(100, np.int64)])
    with pytest.raises(ValueError, match="no value for input 'axes'"):
        prepared.run({"x": x})
