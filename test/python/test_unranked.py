# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Models whose inputs have no rank are compiled for those that they are called with."""

from __future__ import annotations

import pathlib

import lathe
import numpy as np
import onnx
import pytest
from lathe._onnxfile import ModelInfo
from lathe.source import Source
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


def test_ranks_are_an_option_of_compile() -> None:
    x, bias = np.array([[1, 2]], np.float32), np.array([0.5], np.float32)
    model = lathe.compile(unranked(), ranks={"x": 2})
    np.testing.assert_array_equal(model(x, bias)[0], lathe.compile_unranked(unranked())(x, bias)[0])
    assert [len(value.shape) for value in model.inputs] == [2, 1]
    with pytest.raises(ValueError, match=r"ranks\['x'\] is -1"):
        lathe.compile(unranked(), ranks={"x": -1})
    for ranks in ({"z": 1}, {"x": 9}, {"x": 1, "b": 2}):
        with pytest.raises(lathe.CompileError) as caught:
            lathe.compile(unranked(), ranks=ranks)
        assert caught.value.ids == ("onnx-rank",)


def test_ranks_are_for_onnx_models(tmp_path: pathlib.Path) -> None:
    text = "func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {\n  return %x : tensor<2xf32>\n}\n"
    (tmp_path / "m.mlir").write_text(text)
    for model in (text.encode(), tmp_path / "m.mlir"):
        with pytest.raises(lathe.CompileError, match='input "x", but only ONNX models') as caught:
            lathe.compile(model, ranks={"x": 1}, cache=False)
        assert caught.value.ids == ("onnx-rank",)
    with pytest.raises(lathe.CompileError, match='ranks 1 and 2 are given for input "x"') as caught:
        Source(unranked()).load(ranks=["x=1", "x=2"])
    assert caught.value.ids == ("onnx-rank",)
    with pytest.raises(TypeError, match=r"compile_unranked takes the ranks of each call"):
        lathe.compile_unranked(unranked(), ranks={"x": 1})


def test_a_file_that_changes_between_two_ranks(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "any.onnx"
    onnx.save(unranked(), path)
    model = lathe.compile_unranked(path)
    x, bias = np.zeros(2, np.float32), np.zeros(1, np.float32)
    model(x, bias)
    changed = unranked()
    changed.graph.node[1].op_type = "Sub"
    onnx.save(changed, path)
    with pytest.raises(lathe.CompileError, match="has changed") as caught:
        model(x[None], bias)
    assert caught.value.ids == ("model-changed",)
    path.unlink()
    with pytest.raises(lathe.CompileError, match="has changed"):
        model(x[None], bias)
    np.testing.assert_array_equal(model(x, bias)[0], [0.5, 0.5])
    assert list(model.compiled) == [(1, 1)]


def test_files_that_are_no_models(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "none.onnx"
    path.write_bytes(b"\x0a\x02ab" + b"\xff" * 40)
    with pytest.raises(lathe.CompileError, match="a number runs past the end") as caught:
        lathe.compile_unranked(path)
    assert caught.value.ids == ("onnx-not-protobuf",)
    assert Source(path).info() == ModelInfo()
    path.write_bytes(b"")
    assert lathe.compile_unranked(path).inputs == {}


def test_tensors_in_files_beside_the_model(tmp_path: pathlib.Path) -> None:
    weights = np.linspace(0, 1, 400, dtype=np.float32)
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "w"], ["y"])],
        "beside",
        [helper.make_tensor_value_info("x", FLOAT, None)],
        [helper.make_tensor_value_info("y", FLOAT, None)],
        [onnx.numpy_helper.from_array(weights, "w")],
    )
    opsets = [helper.make_opsetid("", 20)]
    path = tmp_path / "m.onnx"
    onnx.save(
        helper.make_model(graph, opset_imports=opsets, ir_version=9),
        path,
        save_as_external_data=True,
        location="weights",
    )
    model = lathe.compile_unranked(path)
    for shape in ((1,), (2, 1), (3, 2, 400)):
        x = np.ones(shape, np.float32)
        np.testing.assert_array_equal(model(x)[0], x + weights)


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
