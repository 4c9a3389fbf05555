# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Models whose inputs have no rank are compiled for those that they are called with."""

from __future__ import annotations

import pathlib

import lathe
import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto, helper

FLOAT = TensorProto.FLOAT


def unranked() -> ModelProto:
    """Return y = softmax(x, -1) + b, of an x without a rank and a b with one."""
    nodes = [
        helper.make_node("Softmax", ["x"], ["s"], axis=-1),
        helper.make_node("Add", ["s", "b"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "any",
        [
            helper.make_tensor_value_info("x", FLOAT, None),
            helper.make_tensor_value_info("b", FLOAT, [1]),
        ],
        [helper.make_tensor_value_info("y", FLOAT, None)],
        [helper.make_tensor("unused", FLOAT, [200], np.zeros(200))],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)


def test_each_rank_is_compiled_once(tmp_path: pathlib.Path) -> None:
    with pytest.raises(lathe.CompileError, match="compile_unranked") as caught:
        lathe.compile(unranked())
    assert caught.value.ids == ("onnx-unknown-rank",)
    onnx.save(unranked(), tmp_path / "any.onnx")
    model = lathe.compile_unranked(tmp_path / "any.onnx", threads=1)
    assert model.inputs == {"x": None, "b": 1}
    bias = np.array([0.5], np.float32)
    random = np.random.default_rng(3)
    for shape in ((4,), (2, 3), (5, 3), (2, 3, 4), (7,)):
        x = random.standard_normal(shape).astype(np.float32)
        e = np.exp(x - x.max(-1, keepdims=True))
        (y,) = model(x, bias)
        np.testing.assert_allclose(y, e / e.sum(-1, keepdims=True) + 0.5, rtol=1e-5)
        np.testing.assert_array_equal(model.run({"x": x, "b": bias})["y"], y)
        np.testing.assert_array_equal(model(b=bias, x=x)[0], y)
    assert set(model.compiled) == {(1, 1), (2, 1), (3, 1)}
    assert model.specialize({"x": 2}) is model.compiled[2, 1]
    assert len(model.specialize({"x": 2}).inputs[0].shape or ()) == 2
    assert model.specialize({"x": 2}).threads == 1


def test_what_has_no_such_rank(tmp_path: pathlib.Path) -> None:
    model = lathe.compile_unranked(unranked())
    with pytest.raises(lathe.RuntimeError, match="no rank is given"):
        model()
    for wrong in (-1, 2.0, True, None, "2"):
        with pytest.raises(ValueError, match=r"ranks\['x'\] is .* whole number of 0 or more"):
            model.specialize({"x": wrong})  # type: ignore[dict-item]
    assert not model.compiled
    with pytest.raises(lathe.CompileError) as caught:
        model(np.float32(1), np.ones(1, np.float32))
    assert caught.value.ids == ("onnx-axis-range",)
    with pytest.raises(lathe.CompileError) as caught:
        lathe.compile_unranked(tmp_path / "none.onnx")
    assert caught.value.ids == ("model-not-readable",)
    with pytest.raises(lathe.CompileError) as caught:
        lathe.compile_unranked(b"\xff\xff\xff")
    assert caught.value.ids == ("onnx-not-protobuf",)


def test_models_with_ranks_are_what_they_are() -> None:
    node = helper.make_node("Relu", ["x"], ["y"])
    graph = helper.make_graph(
        [node],
        "two",
        [helper.make_tensor_value_info("x", FLOAT, ["n", 2])],
        [helper.make_tensor_value_info("y", FLOAT, None)],
    )
    opsets = [helper.make_opsetid("", 20)]
    model = lathe.compile_unranked(helper.make_model(graph, opset_imports=opsets, ir_version=9))
    assert model.inputs == {"x": 2}
    (y,) = model(np.array([[-1, 2]], np.float32))
    assert y.tolist() == [[0, 2]] and list(model.compiled) == [(2,)]
