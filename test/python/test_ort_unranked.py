# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Sessions of models whose inputs have no rank, beside onnxruntime."""

from __future__ import annotations

import queue
from typing import Any

import lathe.ort
import numpy as np
import onnxruntime
import pytest
from conftest import make_model
from lathe.ort.capi import onnxruntime_pybind11_state as errors
from lathe.ort.unranked import Unranked
from onnx import ModelProto, TensorProto, helper


def softened() -> ModelProto:
    """Return softmax(x + k) of an `x` without a rank."""
    model = make_model(
        [helper.make_node("Add", ["x", "k"], ["s"]), helper.make_node("Softmax", ["s"], ["y"])],
        [("x", TensorProto.FLOAT, ["n"]), ("k", TensorProto.FLOAT, [1])],
        [("y", TensorProto.FLOAT, ["n"])],
    )
    for value in (model.graph.input[0], model.graph.output[0]):
        value.type.tensor_type.ClearField("shape")
    return model


def test_each_call_says_the_rank() -> None:
    model = softened().SerializeToString()
    ours, theirs = lathe.ort.InferenceSession(model), onnxruntime.InferenceSession(model)
    with pytest.raises(ValueError, match="run it"):
        _ = ours.compiled
    k = np.ones(1, np.float32)
    for shape in ((4,), (2, 3), (2, 3, 4), (3, 3)):
        feed = {"x": np.random.default_rng(1).standard_normal(shape).astype(np.float32), "k": k}
        (found,), (wanted,) = ours.run(None, feed), theirs.run(["y"], feed)
        np.testing.assert_allclose(found, wanted, rtol=1e-6)
    assert ours.run(["y"], {"x": [[1.0, 2.0]], "k": k})[0].shape == (1, 2)
    assert len(ours.compiled.inputs) == 2


def test_calls_at_once_have_their_own_ranks() -> None:
    session = lathe.ort.InferenceSession(softened().SerializeToString())
    k = np.ones(1, np.float32)
    arrays = [np.full((2,) * (1 + i % 3), i, np.float32) for i in range(48)]
    for rank in range(3):
        session.run(None, {"x": arrays[rank], "k": k})
    done: queue.Queue[tuple[Any, ...]] = queue.Queue()
    for number, x in enumerate(arrays):
        session.run_async(None, {"x": x, "k": k}, lambda *found: done.put(found), number)
    for _ in arrays:
        outputs, number, message = done.get(timeout=60)
        assert not message
        np.testing.assert_allclose(outputs[0], np.full(arrays[number].shape, 0.5), rtol=1e-6)


def test_what_other_options_compiled() -> None:
    """A run whose outputs stay on the GPU has options of its own."""
    session = lathe.ort.InferenceSession(softened().SerializeToString())
    assert isinstance(session._model, Unranked)
    feed = {"x": np.ones((2, 3), np.float32), "k": np.ones(1, np.float32)}
    session._model.with_options(max_bytes=1 << 30).run(feed)
    assert [len(value.shape) for value in session.compiled.inputs] == [2, 1]


def test_a_function_that_is_not_there() -> None:
    model = softened().SerializeToString()
    for name in ("main", "other"):
        options = lathe.ort.SessionOptions()
        options.add_session_config_entry("lathe.function", name)
        if name == "main":
            assert lathe.ort.InferenceSession(model, options).get_inputs()
            continue
        with pytest.raises(errors.InvalidArgument, match="functions main, but not other"):
            lathe.ort.InferenceSession(model, options)


def test_description() -> None:
    model = softened().SerializeToString()
    ours, theirs = lathe.ort.InferenceSession(model), onnxruntime.InferenceSession(model)
    for mine, other in zip(
        [*ours.get_inputs(), *ours.get_outputs()],
        [*theirs.get_inputs(), *theirs.get_outputs()],
        strict=True,
    ):
        assert (mine.name, mine.type, mine.shape) == (other.name, other.type, other.shape)
    assert ours.get_modelmeta().graph_name == theirs.get_modelmeta().graph_name


def test_a_rank_that_the_model_cannot_have() -> None:
    session = lathe.ort.InferenceSession(softened().SerializeToString())
    feed = {"x": np.ones([1] * 9, np.float32), "k": np.ones(1, np.float32)}
    with pytest.raises(errors.OrtError):
        session.run(None, feed)


def test_an_undeclared_output_is_an_error() -> None:
    model = softened()
    model.graph.output[0].ClearField("type")
    with pytest.raises(errors.NotImplemented, match="ort-unranked-type"):
        lathe.ort.InferenceSession(model.SerializeToString())
